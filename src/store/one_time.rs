//! One-time links as they are kept: whose and for what, never the token that opens them.

use crate::types::{SessionId, Timestamp, UserId};

/// What a one-time link may be used for. A token is of one purpose; to any other it is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Setting a password without knowing the old one.
    PasswordReset,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: &[Self] = &[Self::PasswordReset];

    /// Its number in records and in the hashes of tokens: never changed, never given to another.
    pub const fn number(self) -> u8 {
        match self {
            Self::PasswordReset => 1,
        }
    }

    /// The purpose of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|purpose| purpose.number() == number)
    }
}

/// The hash of a one-time token and its purpose (`tokens::one_time`). Who reads it in the database can't use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; TokenHash::LEN]);

impl TokenHash {
    /// Bytes in a hash.
    pub const LEN: usize = 32;

    /// From the bytes that were computed or kept.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// A link that is to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewOneTime {
    /// The hash of its token.
    pub token: TokenHash,
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub purpose: Purpose,
    /// From when on it is of no use.
    pub expires: Timestamp,
}

/// A link that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTime {
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub purpose: Purpose,
    /// The key of the address that its user had when it was made. With another address it is of no use: it may
    /// have gone to the old one.
    pub email: Box<str>,
    /// From when on it is of no use.
    pub expires: Timestamp,
}

/// A password that a link has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Whose it is.
    pub user: UserId,
    /// Their sessions, all of which have ended.
    pub ended: Vec<SessionId>,
}
