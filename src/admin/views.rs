//! What an operator is shown: users, sessions and keys as `--json` prints them, with the contract's names in its order.

use serde::{Deserialize, Serialize};

use super::import::Record;
use crate::store::{Session, SigningKey, User};
use crate::types::Timestamp;

/// A user, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// Their number.
    pub uid: u64,
    /// Their address, as they gave it.
    pub email: String,
    /// Their name.
    pub username: String,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Their roles.
    pub roles: Vec<String>,
    /// Whether the address is proven.
    pub email_verified: bool,
    /// When they came (RFC 3339).
    pub created_at: String,
    /// When anything of this last changed (RFC 3339).
    pub updated_at: String,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            uid: user.id.number(),
            email: user.email.as_str().to_owned(),
            username: user.username.as_str().to_owned(),
            is_active: user.active,
            roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            email_verified: user.email_verified,
            created_at: user.created.rfc3339(),
            updated_at: user.updated.rfc3339(),
        }
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id, for `sidegate sessions revoke`.
    pub id: String,
    /// Whose it is.
    pub uid: u64,
    /// Their address.
    pub email: Option<String>,
    /// When they signed in (RFC 3339).
    pub created_at: String,
    /// When its tokens were last renewed, or first used after that (RFC 3339).
    pub last_used_at: String,
    /// When it ends unless it is used (RFC 3339).
    pub expires_at: String,
    /// Where they signed in from.
    pub address: Option<String>,
    /// What their browser called itself.
    pub device: String,
}

impl SessionView {
    /// A session and its user's address.
    pub fn new(session: &Session, email: Option<String>) -> Self {
        Self {
            id: session.id.to_string(),
            uid: session.user.number(),
            email,
            created_at: session.started.rfc3339(),
            last_used_at: session.last_used().rfc3339(),
            expires_at: session.expires.rfc3339(),
            address: session.address.map(|address| address.to_string()),
            device: session.agent.clone(),
        }
    }
}

/// A key that signs access tokens, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its name in tokens and in `/auth/jwks.json`.
    pub kid: String,
    /// `EdDSA`, `ES256` or `RS256`.
    pub algorithm: String,
    /// Whether it signs now.
    pub signs: bool,
    /// When it was made (RFC 3339).
    pub created_at: String,
    /// When it stopped signing (RFC 3339).
    pub retired_at: Option<String>,
    /// Until when its tokens are accepted and its public half is published, if it has retired (RFC 3339).
    #[serde(default)]
    pub verifies_until: Option<String>,
}

impl KeyView {
    /// A key; it signs if it is of this algorithm and not retired. `until`: when its time is over, if it has retired.
    pub fn new(key: &SigningKey, algorithm: &str, until: Option<Timestamp>) -> Self {
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            signs: key.retired.is_none() && key.algorithm == algorithm,
            created_at: key.created.rfc3339(),
            retired_at: key.retired.map(Timestamp::rfc3339),
            // Those of another algorithm are not accepted at all.
            verifies_until: until.filter(|_| key.algorithm == algorithm).map(Timestamp::rfc3339),
        }
    }
}

/// A link by which a user sets a new password. It is a secret between the operator and them.
#[derive(Serialize, Deserialize)]
pub struct ResetView {
    /// Whose.
    pub uid: u64,
    /// Their address.
    pub email: String,
    /// The link.
    pub url: String,
    /// Until when it works (RFC 3339).
    pub expires_at: String,
    /// Whether there is a page behind it; with `pages.enabled = false` its token is for `POST /auth/password/reset`.
    pub has_page: bool,
}

/// How many sessions were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedView {
    /// That many.
    pub revoked: u64,
}

/// What became of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportView {
    /// New users.
    pub added: u64,
    /// Users whose record was replaced.
    pub updated: u64,
    /// Rows that were left out because their address or number is taken.
    pub skipped: u64,
    /// Rows that say of their users what is so already.
    pub unchanged: u64,
    /// Rows that can't be taken.
    pub bad: Vec<BadRowView>,
}

/// A row that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRowView {
    /// The line of the file that it begins on, counted from 1; of a SQLite file, the row's number.
    pub line: u64,
    /// Why.
    pub error: String,
}

/// A row that is to be taken in.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowView {
    /// Where in its file it stands.
    pub line: u64,
    /// The user.
    pub user: Record,
}

/// An answer that is none: what went wrong.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ErrorView {
    /// What happened and what to do.
    pub(super) error: String,
}
