//! `users import` and `users export`: the bytes of a file become rows that may be stored, or faults, each with its
//! line. Nothing here knows of the store's transaction, nor of a socket.
//!
//! ```text
//! Source::open (the only I/O) → read → Line { at, row: Record or Fault } → examine → Examined { good: Checked, bad }
//! ```

use std::fmt;

use crate::hashing;
use crate::types::PasswordHash;

mod cells;
mod check;
mod collide;
mod csv;
mod error;
mod fault;
mod fields;
mod json;
mod record;
mod source;
mod sqlite;
#[cfg(test)]
mod tests;
mod time;

pub use check::{Checked, Recognise, check};
pub use collide::{Examined, examine};
pub use error::ImportError;
pub use fault::Fault;
pub use fields::Field;
pub use record::Record;
pub use source::{Format, Source};

/// Where a row stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// It begins on this line of a text file, counted from 1.
    Line(u64),
    /// It is the row of a table with this number (`rowid`, which is the uid where that is the table's key).
    Row(u64),
}

/// One row of a file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it stands.
    pub at: Place,
    /// The user whom it holds, or why it holds none.
    pub row: Result<Record, Fault>,
}

/// All that a file holds.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Its rows, in their order.
    pub lines: Vec<Line>,
    /// The columns of a SQLite table that nothing is taken from: worth telling, since one of them may keep people out.
    pub unread: Vec<String>,
}

/// Whether sign-in can verify a hash, or why not: what both ends of an import ask of it.
pub fn recognise(hash: &PasswordHash) -> Result<(), String> {
    hashing::recognise(hash).map(drop).map_err(|why| why.to_string())
}

/// Reads a file's rows.
pub fn read(source: Source) -> Result<Contents, ImportError> {
    let Source { name, format, bytes } = source;
    match format {
        Format::Jsonl => json::read(&name, &bytes),
        Format::Csv => csv::read(&name, &bytes),
        Format::Sqlite => sqlite::read(&name, bytes),
    }
}

impl Place {
    /// Its number, which only together with the file's format is a place ([`Format::place`]).
    pub const fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::Row(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Row(number) => write!(f, "row {number}"),
        }
    }
}

/// A text file without the mark that some programs begin it with (U+FEFF).
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
