//! A running gate, a recording upstream, a raw connection.
