//! What happened to accounts and sessions, one line an event.
