//! What only faults show.
