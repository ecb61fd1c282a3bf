//! Counters that say no.
