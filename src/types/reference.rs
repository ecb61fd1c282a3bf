//! How an operator names a user: by number or by address.

use std::fmt;

use super::{Email, UserId};

/// A user, as an operator names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By their number.
    Id(UserId),
    /// By their address.
    Email(Email),
}

impl UserRef {
    /// Reads a name: digits are a number, anything else has to be an address.
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            UserId::parse(text).map(Self::Id)
        } else {
            Email::parse(text).map(Self::Email)
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_name_a_number_and_all_else_an_address() {
        let email = |text| Email::parse(text).map(UserRef::Email);
        assert_eq!(UserRef::parse("12"), UserId::new(12).map(UserRef::Id));
        assert_eq!(UserRef::parse("Jack@example.com"), email("Jack@example.com"));
        assert_eq!(UserRef::parse("12@example.com"), email("12@example.com"));
        for bad in ["", "0", "007", "-1", "jack", "18446744073709551616"] {
            assert_eq!(UserRef::parse(bad), None, "{bad:?}");
        }
    }
}
