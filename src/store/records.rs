//! What is on disk: our own versioned bytes.
