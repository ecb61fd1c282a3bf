//! The gate: who may pass, and as whom. Pure: no await, no store, no hash.

pub mod credential;
pub mod origin;
