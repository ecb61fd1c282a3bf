//! One-time links as they are kept: whose and for what, never the token that opens them.

use super::{Outdated, User};
use crate::types::{EmailKey, SessionId, Timestamp, UserId};

/// What a one-time link may be used for. A token is of one purpose; to any other it is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Setting a password without knowing the old one, by a link that an operator handed over.
    PasswordReset,
    /// The same by a link that was mailed to the address, because somebody asked for it.
    MailedReset,
    /// Setting the first password, by a link that was mailed to the address, because an operator asked for it.
    Invitation,
    /// Proving the address that it was mailed to.
    AddressProof,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: &[Self] = &[Self::PasswordReset, Self::MailedReset, Self::Invitation, Self::AddressProof];
    /// Those that set a password.
    pub const SETTING_A_PASSWORD: &[Self] = &[Self::PasswordReset, Self::MailedReset, Self::Invitation];

    /// Its number in records and in the hashes of tokens: never changed, never given to another.
    pub const fn number(self) -> u8 {
        match self {
            Self::PasswordReset => 1,
            Self::MailedReset => 2,
            Self::Invitation => 3,
            Self::AddressProof => 4,
        }
    }

    /// Whether who uses such a link has shown that the address it was made for is theirs: only what was mailed there does.
    pub const fn proves_address(self) -> bool {
        match self {
            Self::MailedReset | Self::Invitation | Self::AddressProof => true,
            Self::PasswordReset => false,
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
#[derive(Clone, Debug)]
pub struct NewOneTime {
    /// The hash of its token.
    pub token: TokenHash,
    /// Whose it is.
    pub user: UserId,
    /// The address that they were seen with, which it is mailed to.
    pub email: EmailKey,
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

/// An address that a link has proven.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Whose it is, as they are now.
    pub user: User,
    /// What their access tokens must not say any more, where a session lives and it was not proven before.
    pub outdated: Vec<Outdated>,
}
