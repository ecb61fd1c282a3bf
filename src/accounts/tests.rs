//! Rules of accounts.
