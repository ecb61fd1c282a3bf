//! Identifiers: of users (counted), of sessions (random bytes and a seal), of known browsers, and the names of roles.

use std::fmt;
use std::num::NonZeroU64;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A user's number: counted from 1 and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(NonZeroU64);

impl UserId {
    /// The user with this number; zero is nobody's.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Reads the decimal form that `sub` and `X-User-Id` carry: digits alone, no leading zero.
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        if canonical { text.parse().ok().and_then(Self::new) } else { None }
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session's identifier: 16 random bytes and 8 bytes of a MAC that ties them to their user
/// (`tokens::seal`). Its text is 32 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; SessionId::LEN]);

impl SessionId {
    /// Bytes in an identifier. Divisible by three, so that the base64 text has one spelling only.
    pub const LEN: usize = 24;

    /// From the bytes that a store kept or `tokens::seal` made.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::LEN];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(Self::LEN) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// What tells the browsers apart that have signed in to one account before (`tokens::device`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId([u8; DeviceId::LEN]);

impl DeviceId {
    /// Bytes in an identifier.
    pub const LEN: usize = 16;

    /// From the bytes of a genuine device token.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// A role's name: 1 to 64 letters, digits, `-`, `_`, `.` or `:`, so that it fits in a comma separated header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Box<str>);

impl Role {
    /// Reads a role's name.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        fits.then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All of the names, comma separated, as an upstream is told them.
    pub fn joined(roles: &[Self]) -> String {
        let names: Vec<_> = roles.iter().map(Self::as_str).collect();
        names.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_has_one_spelling() {
        assert_eq!(UserId::parse("12").map(UserId::number), Some(12));
        for bad in ["", "0", "01", "+1", "-1", " 1", "1 ", "1.0", "18446744073709551616", "١"] {
            assert_eq!(UserId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_session_id_has_one_spelling() {
        let id = SessionId::from_bytes([0xfb; 24]);
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        for bad in ["", "AAAA", &format!("{id}="), &format!("{id}AAAA"), &id.to_string().replace('-', "+")] {
            assert_eq!(SessionId::parse(bad), None, "{bad:?}");
        }
    }
}
