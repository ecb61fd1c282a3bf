//! The name that a user is shown by.

use std::fmt;

/// 1 to 64 characters, none of them a control character (contract section 4). Not unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(Box<str>);

impl Username {
    /// Reads a name; white space around it is not part of it.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim();
        let fits = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        fits.then(|| Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
