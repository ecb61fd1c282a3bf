//! A user as files and the wire hold them: one JSON object a line, the contract's fields in their order and the hash.

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use super::cells::Manner;
use super::{Checked, json};
use crate::store::User;
use crate::types::{PasswordHash, Timestamp, UserId};

/// A user's row, with the right types but not yet checked: see [`super::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Their number; none where the next one is to be given.
    pub uid: Option<UserId>,
    /// Their address.
    pub email: String,
    /// Their name.
    pub username: String,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Their roles.
    pub roles: Vec<String>,
    /// Whether the address is proven.
    pub email_verified: bool,
    /// When they came; none where it is now.
    pub created_at: Option<Timestamp>,
    /// When anything above last changed; none where nobody knows.
    pub updated_at: Option<Timestamp>,
    /// Their password's hash; none where they have no password, and can't sign in until they set one.
    pub password_hash: Option<PasswordHash>,
}

impl Record {
    /// What the export says of a user.
    pub fn of(user: &User) -> Self {
        Self {
            uid: Some(user.id),
            email: user.email.as_str().to_owned(),
            username: user.username.as_str().to_owned(),
            is_active: user.active,
            roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            email_verified: user.email_verified,
            created_at: Some(user.created),
            updated_at: Some(user.updated),
            password_hash: user.password.clone(),
        }
    }
}

/// A checked row as it goes on: what was tidied stays tidied.
impl From<&Checked> for Record {
    fn from(row: &Checked) -> Self {
        Self {
            uid: row.uid,
            email: row.email.as_str().to_owned(),
            username: row.username.as_str().to_owned(),
            is_active: row.active,
            roles: row.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            email_verified: row.email_verified,
            created_at: row.created,
            updated_at: row.updated,
            password_hash: row.password.clone(),
        }
    }
}

/// By the same way as a line of a file, so that there is one.
impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = json::Object::deserialize(deserializer)?.0.map_err(de::Error::custom)?;
        cells.into_record(Manner::Json).map_err(de::Error::custom)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            uid: self.uid.map(UserId::number),
            email: &self.email,
            username: &self.username,
            is_active: self.is_active,
            roles: &self.roles,
            email_verified: self.email_verified,
            created_at: self.created_at.map(Timestamp::rfc3339),
            updated_at: self.updated_at.map(Timestamp::rfc3339),
            password_hash: self.password_hash.as_ref().map(|hash| hash.reveal().as_str()),
        };
        written.serialize(serializer)
    }
}

/// A record as it is written: null where there is no password, which is worth seeing; other absent values are left out.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u64>,
    email: &'a str,
    username: &'a str,
    is_active: bool,
    roles: &'a [String],
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    password_hash: Option<&'a str>,
}
