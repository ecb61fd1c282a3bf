//! One row's values: what sign-up would have asked of them, and a hash that can be verified.

use super::fault::{Fault, shown};
use super::{Field, Record};
use crate::types::{Email, PasswordHash, Role, Timestamp, UserId, Username};

/// Whether a hash is of a kind that sign-in can verify, or why not.
pub type Recognise<'a> = &'a dyn Fn(&PasswordHash) -> Result<(), String>;

/// A row that can be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Their number; none where the next one is to be given.
    pub uid: Option<UserId>,
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Whether they may sign in.
    pub active: bool,
    /// Their roles, sorted.
    pub roles: Vec<Role>,
    /// Whether the address is proven.
    pub email_verified: bool,
    /// When they came; none where it is now.
    pub created: Option<Timestamp>,
    /// When anything above last changed; none where nobody knows.
    pub updated: Option<Timestamp>,
    /// Their password's hash; none where they can't sign in until they set one.
    pub password: Option<PasswordHash>,
}

/// Makes typed values of a record's.
pub fn check(record: Record, recognise: Recognise<'_>) -> Result<Checked, Fault> {
    if let Some(hash) = &record.password_hash {
        recognise(hash).map_err(|why| {
            let what = format!("is no hash that can be verified: {why}");
            Fault::of(
                Field::PasswordHash,
                format_args!("{what}; left empty, its user sets a password by a reset"),
            )
        })?;
    }
    Ok(Checked {
        uid: record.uid,
        email: email(&record.email)?,
        username: username(&record.username)?,
        active: record.is_active,
        roles: roles(&record.roles)?,
        email_verified: record.email_verified,
        created: record.created_at,
        updated: record.updated_at,
        password: record.password_hash,
    })
}

fn email(text: &str) -> Result<Email, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::of(Field::Email, "is empty"));
    }
    Email::parse(text).ok_or_else(|| Fault::of(Field::Email, format_args!("is no address: {}", shown(text))))
}

fn username(text: &str) -> Result<Username, Fault> {
    Username::parse(text).ok_or_else(|| {
        let name = text.trim();
        let what = match name.chars().count() {
            0 => "is empty".to_owned(),
            count if count > 64 => format!("has {count} characters, 64 are the most: {}", shown(name)),
            _ => format!("has a control character in it: {}", shown(name)),
        };
        Fault::of(Field::Username, what)
    })
}

fn roles(names: &[String]) -> Result<Vec<Role>, Fault> {
    let role = |name: &String| {
        Role::parse(name).ok_or_else(|| {
            let looks = "1 to 64 letters, digits, `-`, `_`, `.` or `:`";
            Fault::of(Field::Roles, format_args!("has a name that is not {looks}: {}", shown(name)))
        })
    };
    let mut roles = names.iter().map(role).collect::<Result<Vec<_>, _>>()?;
    roles.sort();
    roles.dedup();
    Ok(roles)
}
