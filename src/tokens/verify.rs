//! Bytes → claims, or why not. Everything is checked before the expiry, so that "expired" is only ever said of
//! a token that was good (RFC 8725, contract section 5).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::{ACCESS, AccessClaims, ClaimsIn, HeaderIn, REFRESH, RefreshClaims};
use super::keys::Keys;
use super::{TokenFault, Tokens};
use crate::types::{Role, SessionId, Timestamp, UserId};

/// The longest token that is looked at. Ours have under 1 KiB; some hundred roles fit as well.
const MAX_TOKEN: usize = 8 * 1024;
/// How far another node's clock may be ahead.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(1);

/// Why a token is not one of ours.
type Why = &'static str;

impl Tokens {
    /// The claims of an access token that is valid at `now`.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenFault> {
        let claims = self.read_access(token, now)?;
        if is_over(claims.expires, now) || self.lacks_particulars(&claims) {
            return Err(TokenFault::Expired);
        }
        Ok(claims)
    }

    /// Whether a token was made before it had to say what it doesn't, for the upstream or for the gate. It is as good as
    /// expired: its renewal says it.
    fn lacks_particulars(&self, claims: &AccessClaims) -> bool {
        let needed = self.0.particulars;
        needed.email && claims.email.is_none()
            || needed.username && claims.username.is_none()
            || needed.verified && claims.verified.is_none()
    }

    /// The claims of a refresh token that is valid at `now`.
    pub fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenFault> {
        let claims = self.read_refresh(token, now)?;
        if is_over(claims.expires, now) { Err(TokenFault::Expired) } else { Ok(claims) }
    }

    /// The claims of a genuine access token, though its time may be over: for signing out, never for letting in.
    pub fn read_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenFault> {
        self.access_claims(token, now).map_err(TokenFault::Invalid)
    }

    /// The claims of a genuine refresh token, though its time may be over: for signing out, never for letting in.
    pub fn read_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenFault> {
        self.refresh_claims(token, now).map_err(TokenFault::Invalid)
    }

    /// Whether what looks like the claims of a token of ours stands anywhere in a text, be the token expired, revoked, spoilt or
    /// cut: by its issuer, or by a session that this database made, whoever issued it then and with whatever key. For keeping it
    /// from others, never for letting in.
    pub fn has_made(&self, text: &[u8]) -> bool {
        let parts = text.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        parts.filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok()).any(|payload| {
            serde_json::from_slice(&payload).is_ok_and(|claims: ClaimsIn<'_>| {
                *claims.iss == *self.0.issuer || self.subject(&claims).is_ok()
            })
        })
    }

    fn access_claims(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Why> {
        let payload = open(token, &self.0.access.load())?;
        let claims = self.judge(&payload, ACCESS, now)?;
        match (&self.0.audience, &claims.aud) {
            (None, None) => {}
            (Some(audience), Some(aud)) if aud.names(audience) => {}
            // RFC 7519 section 4.1.3: who is not named in `aud` must refuse.
            _ => return Err("wrong aud"),
        }
        let roles = claims.roles.iter().map(|name| Role::parse(name)).collect::<Option<_>>();
        let (user, session) = self.subject(&claims)?;
        // A revocation is remembered for as long as tokens are made for now. One that was made for longer, before
        // `access_ttl` was made shorter, must not outlive the memory of its session's end.
        let longest = claims.iat.saturating_add(self.0.access_ttl.as_secs());
        Ok(AccessClaims {
            user,
            session,
            generation: claims.generation.unwrap_or(1),
            issued: claims.iat,
            expires: claims.exp.min(longest),
            roles: roles.ok_or("a role that is none")?,
            email: claims.email.filter(|_| self.0.particulars.email).map(Into::into),
            username: claims.username.filter(|_| self.0.particulars.username).map(Into::into),
            verified: claims.verified.filter(|_| self.0.particulars.verified),
        })
    }

    fn refresh_claims(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, Why> {
        let payload = open(token, &self.0.refresh)?;
        let claims = self.judge(&payload, REFRESH, now)?;
        let (user, session) = self.subject(&claims)?;
        let generation = claims.generation.ok_or("no gen")?;
        Ok(RefreshClaims { user, session, generation, expires: claims.exp })
    }

    /// What holds for the claims of both kinds of tokens, whose signature was found good.
    fn judge<'a>(&self, payload: &'a [u8], kind: &str, now: Timestamp) -> Result<ClaimsIn<'a>, Why> {
        let claims: ClaimsIn<'a> =
            serde_json::from_slice(payload).map_err(|_| "claims that can't be read")?;
        if claims.kind != kind {
            return Err("wrong type");
        }
        if *claims.iss != *self.0.issuer {
            return Err("wrong iss");
        }
        if Timestamp::from_secs(claims.iat) > now.plus(MAX_CLOCK_SKEW) {
            return Err("iat is ahead of the clock");
        }
        if claims.nbf.is_some_and(|nbf| Timestamp::from_secs(nbf) > now) {
            return Err("nbf is ahead of the clock");
        }
        if claims.generation == Some(0) {
            return Err("gen counts from 1");
        }
        Ok(claims)
    }

    fn subject(&self, claims: &ClaimsIn<'_>) -> Result<(UserId, SessionId), Why> {
        let user = UserId::parse(&claims.sub).ok_or("sub is no uid")?;
        let session = SessionId::parse(&claims.sid).ok_or("sid is no session id")?;
        if self.0.seal.holds(session, user) { Ok((user, session)) } else { Err("sid was not made for sub") }
    }
}

/// Valid before `exp`, not at it (RFC 7519 section 4.1.4), to the millisecond.
fn is_over(expires: u64, now: Timestamp) -> bool {
    now >= Timestamp::from_secs(expires)
}

/// The payload of a token of this kind whose signature is good.
fn open(token: &str, keys: &Keys) -> Result<Vec<u8>, Why> {
    if token.len() > MAX_TOKEN {
        return Err("too long");
    }
    let (message, signature) = token.rsplit_once('.').ok_or("not three parts")?;
    // A fourth part would end up in the payload, whose alphabet has no dot.
    let (header, payload) = message.split_once('.').ok_or("not three parts")?;
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| "a header that is not base64url")?;
    let header: HeaderIn<'_> = serde_json::from_slice(&header).map_err(|_| "a header that can't be read")?;
    if header.alg != keys.alg() {
        return Err("wrong alg");
    }
    if !is_type(&header.typ, keys.typ()) {
        return Err("wrong typ");
    }
    if header.crit.is_some() || header.b64.is_some() {
        return Err("crit or b64");
    }
    match keys.verify(&header.kid, message.as_bytes(), signature) {
        Some(true) => URL_SAFE_NO_PAD.decode(payload).map_err(|_| "claims that are not base64url"),
        Some(false) => Err("wrong signature"),
        None => Err("unknown kid"),
    }
}

/// Media types compare without case, and `application/` may be left out (RFC 7515 section 4.1.9).
fn is_type(typ: &str, expected: &str) -> bool {
    let full = typ.get(.."application/".len()).filter(|start| start.eq_ignore_ascii_case("application/"));
    let short = full.map_or(typ, |start| &typ[start.len()..]);
    short.eq_ignore_ascii_case(expected)
}
