//! What a user's row consists of, the names that each part goes by, and the one nearest to a name that nobody knows.

use std::fmt;

/// A part of a user's row, in the order of the contract's section 4 and then the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The user's number.
    Uid,
    /// Their address.
    Email,
    /// Their name.
    Username,
    /// Whether they may sign in.
    IsActive,
    /// Their roles.
    Roles,
    /// Whether the address is proven.
    EmailVerified,
    /// When they came.
    CreatedAt,
    /// When anything last changed.
    UpdatedAt,
    /// Their password's hash.
    PasswordHash,
}

/// Each field with its names: the export's first, then what other programs call it (the FastAPI project has
/// `password`, `create_time` and `update_time`).
const NAMES: [(Field, &[&str]); Field::COUNT] = [
    (Field::Uid, &["uid", "id", "user_id"]),
    (Field::Email, &["email", "email_address"]),
    (Field::Username, &["username", "name", "user_name"]),
    (Field::IsActive, &["is_active", "active"]),
    (Field::Roles, &["roles", "role"]),
    (Field::EmailVerified, &["email_verified", "is_verified", "verified"]),
    (Field::CreatedAt, &["created_at", "create_time", "created"]),
    (Field::UpdatedAt, &["updated_at", "update_time", "updated"]),
    (Field::PasswordHash, &["password_hash", "hashed_password", "password"]),
];

/// How alike two names must be to ask "did you mean", from 0 to 1.
const ALIKE: f64 = 0.85;

impl Field {
    /// How many there are.
    pub(super) const COUNT: usize = 9;
    /// Those that no row can do without.
    pub(super) const NEEDED: [Self; 2] = [Self::Email, Self::Username];

    /// The one that goes by this name, in whatever case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let goes_by = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        NAMES.iter().find(|(_, names)| goes_by(names)).map(|(field, _)| *field)
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(field, _)| *field)
    }

    /// All its names.
    pub(super) fn names(self) -> &'static [&'static str] {
        NAMES[self as usize].1
    }

    /// The name that it is exported by.
    pub fn name(self) -> &'static str {
        self.names()[0]
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What to say of a name that nobody knows.
pub(super) fn hint(unknown: &str) -> String {
    let unknown = unknown.to_lowercase();
    // The comparison's time grows with the square of a name's length, and no name that is meant is longer.
    let unknown: String = unknown.chars().take(64).collect();
    let likeness = |name: &str| strsim::jaro_winkler(&unknown, name);
    let all = NAMES.iter().flat_map(|(_, names)| names.iter().copied());
    let nearest = all.max_by(|one, other| likeness(one).total_cmp(&likeness(other))).unwrap_or_default();
    if likeness(nearest) >= ALIKE {
        format!("did you mean `{nearest}`?")
    } else {
        format!("the nearest known one is `{nearest}`; all are {}", listed(Field::all().map(Field::name)))
    }
}

/// Names in backticks, separated by commas.
pub(super) fn listed<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_belongs_to_one_field_and_the_table_is_in_the_fields_order() {
        for (place, (field, names)) in NAMES.iter().enumerate() {
            assert_eq!(*field as usize, place);
            for name in *names {
                assert_eq!(Field::named(&name.to_uppercase()), Some(*field));
            }
        }
        assert_eq!(Field::named("token"), None);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        assert_eq!(hint("usrname"), "did you mean `username`?");
        assert_eq!(hint("Password-Hash"), "did you mean `password_hash`?");
        assert_eq!(
            hint("q"),
            "the nearest known one is `password`; all are `uid`, `email`, `username`, `is_active`, `roles`, \
             `email_verified`, `created_at`, `updated_at`, `password_hash`"
        );
    }
}
