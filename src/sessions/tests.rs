//! Rules of sessions.
