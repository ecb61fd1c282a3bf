//! The rules of every store (`suite`), and those of the embedded one's file (`file`).

mod file;
mod people;
mod suite;
