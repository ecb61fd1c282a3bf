//! The rules of every store (`suite`), and those of the embedded one's file (`file`).

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod file;
mod kept_limits;
mod one_time;
mod people;
mod suite;
