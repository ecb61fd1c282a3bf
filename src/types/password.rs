//! A password as it was sent: bytes that are neither changed nor shown.

use std::fmt;

use zeroize::Zeroizing;

use super::Secret;

/// A password of 1 to 1024 bytes, verified exactly as sent (contract section 5).
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

/// A password's hash in PHC form (`$argon2id$…`).
pub type PasswordHash = Secret<String>;

/// Why bytes are no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Nothing was sent.
    Empty,
    /// More than [`Password::MAX`] bytes: hashing them would cost the server, not the sender.
    TooLong,
}

impl Password {
    /// The longest password that is taken, in bytes.
    pub const MAX: usize = 1024;

    /// Takes a password as it was sent.
    pub fn parse(text: impl Into<Vec<u8>>) -> Result<Self, PasswordFault> {
        let bytes = Zeroizing::new(text.into());
        match bytes.len() {
            0 => Err(PasswordFault::Empty),
            1..=Self::MAX => Ok(Self(bytes)),
            _ => Err(PasswordFault::TooLong),
        }
    }

    /// The bytes, for hashing alone.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Its length in characters, as a person counts them; bytes where it is not UTF-8.
    pub fn length(&self) -> usize {
        std::str::from_utf8(&self.0).map_or(self.0.len(), |text| text.chars().count())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
