//! Administration: what an operator does with users, sessions and data.

pub mod import;
