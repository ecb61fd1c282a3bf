//! Makes tokens. A refresh token follows from its session's record to the byte, so that every node can make
//! the same one again; an access token is new each time.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::{ACCESS, AccessOut, REFRESH, RefreshOut};
use super::{Minted, Tokens, TokensError};
use crate::store::{Session, User};
use crate::types::{Role, Secret, Timestamp};

impl Tokens {
    /// An access token for this session. It never outlives the session, so that a session that has run out
    /// needs no revocation.
    pub fn mint_access(&self, session: &Session, user: &User, now: Timestamp) -> Result<Minted, TokensError> {
        let issued = now.secs();
        let expires = now.plus(self.0.access_ttl).min(session.expires).secs();
        let claims = AccessOut {
            iss: &self.0.issuer,
            aud: self.0.audience.as_deref(),
            sub: user.id.to_string(),
            sid: session.id.to_string(),
            iat: issued,
            exp: expires,
            jti: URL_SAFE_NO_PAD.encode(super::random::<16>()),
            kind: ACCESS,
            roles: user.roles.iter().map(Role::as_str).collect(),
            email: self.0.particulars.email.then(|| user.email.as_str()),
            username: self.0.particulars.username.then(|| user.username.as_str()),
            verified: self.0.particulars.verified.then_some(user.email_verified),
            generation: session.generation,
        };
        let lifetime = Duration::from_secs(expires.saturating_sub(issued));
        Ok(Minted { token: self.0.access.load().sign(&claims)?, lifetime })
    }

    /// The session's current refresh token: the same bytes for the same record.
    pub fn mint_refresh(&self, session: &Session) -> Result<Secret<String>, TokensError> {
        self.0.refresh.sign(&RefreshOut {
            iss: &self.0.issuer,
            sub: session.user.to_string(),
            sid: session.id.to_string(),
            iat: session.issued.secs(),
            exp: session.expires.secs(),
            jti: self.refresh_jti(session),
            kind: REFRESH,
            generation: session.generation,
        })
    }

    fn refresh_jti(&self, session: &Session) -> String {
        let mut message = hmac::Context::with_key(&self.0.jti_key);
        message.update(session.id.as_bytes());
        message.update(&session.generation.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&message.sign().as_ref()[..16])
    }
}
