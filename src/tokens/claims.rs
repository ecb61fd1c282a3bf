//! What tokens say: the claims that the rest of Sidegate sees, and the JSON they are read from and written to.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::store::Generation;
use crate::types::{Role, SessionId, UserId};

/// `typ` of an access token (RFC 9068 section 2.1).
pub(super) const ACCESS_TYP: &str = "at+jwt";
/// `typ` of a refresh token: its own, so that neither passes for the other.
pub(super) const REFRESH_TYP: &str = "rt+jwt";
/// `type` of an access token.
pub(super) const ACCESS: &str = "access";
/// `type` of a refresh token.
pub(super) const REFRESH: &str = "refresh";

/// What a verified access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose it is.
    pub user: UserId,
    /// Its session.
    pub session: SessionId,
    /// The refresh token that came with it; 1 where it doesn't say.
    pub generation: Generation,
    /// When it was made, in seconds since the Unix epoch.
    pub issued: u64,
    /// From when on it is no longer valid, in seconds since the Unix epoch.
    pub expires: u64,
    /// Its user's roles when it was made.
    pub roles: Box<[Role]>,
    /// Its user's address when it was made, where tokens say that.
    pub email: Option<Box<str>>,
    /// Its user's name when it was made, where tokens say that.
    pub username: Option<Box<str>>,
    /// Whether its user's address was proven when it was made, where tokens say that.
    pub verified: Option<bool>,
}

/// What a verified refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// Whose it is.
    pub user: UserId,
    /// Its session.
    pub session: SessionId,
    /// Which of the session's pairs it belongs to.
    pub generation: Generation,
    /// From when on it is no longer valid, in seconds since the Unix epoch.
    pub expires: u64,
}

/// A token's header as it is written.
#[derive(Serialize)]
pub(super) struct HeaderOut<'a> {
    pub(super) alg: &'a str,
    pub(super) typ: &'a str,
    pub(super) kid: &'a str,
}

/// A token's header as it is read: `alg`, `typ` and `kid` once each, and nothing that would change how the
/// rest is read. Keys that it names (`jwk`, `jku`, `x5u`, `x5c`) are not even looked at (RFC 8725 section 3.10).
#[derive(Deserialize)]
pub(super) struct HeaderIn<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) typ: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) kid: Cow<'a, str>,
    #[serde(default, deserialize_with = "present")]
    pub(super) crit: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    pub(super) b64: Option<IgnoredAny>,
}

/// An access token's claims as they are written.
#[derive(Serialize)]
pub(super) struct AccessOut<'a> {
    pub(super) iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<&'a str>,
    pub(super) sub: String,
    pub(super) sid: String,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) jti: String,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<&'a str>,
    #[serde(rename = "preferred_username", skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<&'a str>,
    #[serde(rename = "email_verified", skip_serializing_if = "Option::is_none")]
    pub(super) verified: Option<bool>,
    #[serde(rename = "gen")]
    pub(super) generation: Generation,
}

/// A refresh token's claims as they are written: all of them follow from the session's record.
#[derive(Serialize)]
pub(super) struct RefreshOut<'a> {
    pub(super) iss: &'a str,
    pub(super) sub: String,
    pub(super) sid: String,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) jti: String,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(rename = "gen")]
    pub(super) generation: Generation,
}

/// The claims of either kind as they are read. Serde's derive refuses a known claim that comes twice; times
/// are whole numbers; claims that we don't know are passed over.
#[derive(Deserialize)]
pub(super) struct ClaimsIn<'a> {
    #[serde(borrow)]
    pub(super) iss: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) aud: Option<Audience<'a>>,
    #[serde(borrow)]
    pub(super) sub: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sid: Cow<'a, str>,
    pub(super) iat: u64,
    pub(super) exp: u64,
    #[serde(default, deserialize_with = "present")]
    pub(super) nbf: Option<u64>,
    #[serde(rename = "jti", borrow)]
    _jti: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) roles: Vec<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) email: Option<Cow<'a, str>>,
    #[serde(default, borrow, rename = "preferred_username", deserialize_with = "present")]
    pub(super) username: Option<Cow<'a, str>>,
    #[serde(default, rename = "email_verified", deserialize_with = "present")]
    pub(super) verified: Option<bool>,
    #[serde(default, rename = "gen", deserialize_with = "present")]
    pub(super) generation: Option<Generation>,
}

/// `aud`: one name or several (RFC 7519 section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Several(#[serde(borrow)] Vec<Cow<'a, str>>),
}

impl Audience<'_> {
    pub(super) fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(name) => name == audience,
            Self::Several(names) => names.iter().any(|name| name == audience),
        }
    }
}

/// A member that is there has a value: `null` is not the same as leaving it out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
