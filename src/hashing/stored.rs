//! Which kind a stored hash is of, and whether it can be verified here at all.

use super::bcrypt::BcryptHash;
use super::phc::Argon2Hash;
use crate::types::PasswordHash;

/// The kinds of hashes that are verified. New ones are Argon2id by the settings; all others are renewed at sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `$argon2id$…`, `$argon2i$…`, `$argon2d$…`
    Argon2,
    /// `$2a$…`, `$2b$…`, `$2y$…`, and passlib's `$bcrypt-sha256$…`
    Bcrypt,
}

/// Why a stored hash can't be verified, for whoever brought it. Never holds any of it but its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is something else.
    #[error("it is no Argon2 hash (`$argon2id$v=19$…`) and no bcrypt hash (`$2b$12$…`), or was cut short")]
    Unknown,
    /// Argon2 as it was before RFC 9106.
    #[error("it is an Argon2 hash of an old version; only `v=19` is known here")]
    OldVersion,
    /// Verifying it would take too much, or it is too short to mean anything.
    #[error(
        "its Argon2 parameters are out of bounds: at most 256 MiB, 10 passes and 16 lanes, and at least 16 bytes of output"
    )]
    OutOfBounds,
    /// Verifying it would take too long.
    #[error("its bcrypt cost is {cost}, and 4 to {max} are taken", max = super::bcrypt::MAX_COST)]
    Cost {
        /// As it says itself.
        cost: u32,
    },
    /// `$2x$`
    #[error("it is a `$2x$` hash: the program that made it had a fault by which many passwords are one")]
    Faulty,
}

/// Whether a hash is of a kind and cost that can be verified here. It costs no hashing.
pub fn recognise(hash: &PasswordHash) -> Result<Kind, Unusable> {
    Ok(match Stored::read(hash)? {
        Stored::Argon2(_) => Kind::Argon2,
        Stored::Bcrypt(_) => Kind::Bcrypt,
    })
}

/// A stored hash, read.
pub(super) enum Stored {
    Argon2(Argon2Hash),
    Bcrypt(BcryptHash),
}

impl Stored {
    pub(super) fn read(hash: &PasswordHash) -> Result<Self, Unusable> {
        let text = hash.reveal();
        match BcryptHash::read(text) {
            Some(read) => read.map(Self::Bcrypt),
            None => Argon2Hash::read(text).map(Self::Argon2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Secret;

    #[test]
    fn a_hash_is_recognised_by_kind_and_cost_or_it_is_said_why_not() {
        const SALT: &str = "abcdefghijklmnopqrstuu";
        const DIGEST: &str = "abcdefghijklmnopqrstuvwxyzABCDE";
        const ARGON2: &str = "$c2FsdHNhbHRzYWx0$bKERmsmg+mvdfZIjAnyDyiHmxVgqo+G/YU/TlWQ4CGw";
        let bcrypt = |ident: &str, cost: &str| format!("${ident}${cost}${SALT}{DIGEST}");
        let mut cases = vec![
            (format!("$argon2id$v=19$m=65536,t=3,p=4{ARGON2}"), Ok(Kind::Argon2)),
            (format!("$argon2i$v=19$m=262144,t=10,p=16{ARGON2}"), Ok(Kind::Argon2)),
            (format!("$argon2id$v=19$m=262145,t=1,p=1{ARGON2}"), Err(Unusable::OutOfBounds)),
            (format!("$argon2id$v=19$m=64,t=11,p=1{ARGON2}"), Err(Unusable::OutOfBounds)),
            (format!("$argon2id$v=16$m=64,t=1,p=1{ARGON2}"), Err(Unusable::OldVersion)),
            (format!("$argon2id$m=64,t=1,p=1{ARGON2}"), Err(Unusable::OldVersion)),
            (format!("$argon2x$v=19$m=64,t=1,p=1{ARGON2}"), Err(Unusable::Unknown)),
            (bcrypt("2a", "04"), Ok(Kind::Bcrypt)),
            (bcrypt("2b", "12"), Ok(Kind::Bcrypt)),
            (bcrypt("2y", "15"), Ok(Kind::Bcrypt)),
            (bcrypt("2x", "12"), Err(Unusable::Faulty)),
            (bcrypt("2", "12"), Err(Unusable::Unknown)),
            (bcrypt("2c", "12"), Err(Unusable::Unknown)),
            (bcrypt("2b", "03"), Err(Unusable::Cost { cost: 3 })),
            (bcrypt("2b", "16"), Err(Unusable::Cost { cost: 16 })),
            (bcrypt("2b", "31"), Err(Unusable::Cost { cost: 31 })),
            (bcrypt("2b", "4"), Err(Unusable::Unknown)),
            (bcrypt("2b", "+4"), Err(Unusable::Unknown)),
            (bcrypt("2b", "012"), Err(Unusable::Unknown)),
            (bcrypt("2b", "12") + ".", Err(Unusable::Unknown)),
            (bcrypt("2b", "12").replace('c', "+"), Err(Unusable::Unknown)),
            (bcrypt("2b", "12").replace('A', "é"), Err(Unusable::Unknown)),
            (format!("$bcrypt-sha256$v=2,t=2b,r=12${SALT}${DIGEST}"), Ok(Kind::Bcrypt)),
            (format!("$bcrypt-sha256$2a,12${SALT}${DIGEST}"), Ok(Kind::Bcrypt)),
            (format!("$bcrypt-sha256$2b,5${SALT}${DIGEST}"), Ok(Kind::Bcrypt)),
            (format!("$bcrypt-sha256$v=2,t=2b,r=16${SALT}${DIGEST}"), Err(Unusable::Cost { cost: 16 })),
            (format!("$bcrypt-sha256$v=3,t=2b,r=12${SALT}${DIGEST}"), Err(Unusable::Unknown)),
            (format!("$bcrypt-sha256$v=2,t=2x,r=12${SALT}${DIGEST}"), Err(Unusable::Unknown)),
            (format!("$bcrypt-sha256$v=2,t=2b,r=12${SALT}{DIGEST}"), Err(Unusable::Unknown)),
        ];
        cases.extend(
            ["", "plain", "$2b$", "$2b$12$", "$5$rounds=5000$salt$hash", "pbkdf2_sha256$1$a$b", "$$$"]
                .map(|text| (text.to_owned(), Err(Unusable::Unknown))),
        );
        for (text, expected) in cases {
            assert_eq!(recognise(&Secret::new(text.clone())), expected, "{text}");
        }
    }
}
