//! Why one row of a file can't be a user, in words for whoever mends the file. Never holds any of a hash.

use std::borrow::Cow;
use std::fmt;

use super::Field;

/// Characters of a bad value that are shown.
const SHOWN: usize = 60;

/// What is wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(Cow<'static, str>);

impl Fault {
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// One that lies in a field.
    pub(super) fn of(field: Field, what: impl fmt::Display) -> Self {
        Self(format!("`{field}` {what}").into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// A value as a message may show it: short, and with nothing in it that a terminal would act on.
pub(super) fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{:?}…", &value[..cut]),
        None => format!("{value:?}"),
    }
}
