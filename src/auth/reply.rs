//! Outcomes become answers: JSON and cookies, or a 303.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use super::handle::Call;
use super::{Auth, Services};
use crate::config::settings::Delivery;
use crate::sessions::Issued;
use crate::store::User;
use crate::tokens::{DEVICE_TTL, Holder};
use crate::types::Role;
use crate::web::Answer;

/// 200 with a JSON body.
pub(super) fn json(body: &Value) -> Answer {
    json_text(body.to_string())
}

/// 200 with a body that is JSON already.
pub(super) fn json_text(body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// 303 to a page of this site.
pub(super) fn see_other(path: &str) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(LOCATION, location);
    answer
}

/// The record that its user may see.
pub(super) fn user(user: &User) -> Answer {
    json(&json!({
        "uid": user.id.number(),
        "email": user.email.as_str(),
        "username": user.username.as_str(),
        "is_active": user.active,
        "roles": user.roles.iter().map(Role::as_str).collect::<Vec<_>>(),
    }))
}

impl Auth {
    /// Who is signed in now, with their tokens as they are delivered here.
    pub(super) fn signed_in(&self, issued: &Issued, secure: bool) -> Answer {
        let mut body = Map::new();
        body.insert("status".to_owned(), json!("ok"));
        body.insert("email".to_owned(), json!(issued.user.email.as_str()));
        body.insert("username".to_owned(), json!(issued.user.username.as_str()));
        body.insert("uid".to_owned(), json!(issued.user.id.number()));
        if self.delivery == Delivery::Body {
            body.append(&mut bearer(issued));
        }
        self.with_tokens(json(&Value::Object(body)), issued, secure)
    }

    /// The tokens alone, as OAuth2 clients read them (RFC 6749 section 5.1).
    pub(super) fn granted(&self, issued: &Issued, secure: bool) -> Answer {
        self.with_tokens(json(&Value::Object(bearer(issued))), issued, secure)
    }

    pub(super) fn with_tokens(&self, mut answer: Answer, issued: &Issued, secure: bool) -> Answer {
        self.add_tokens(answer.headers_mut(), issued, secure);
        answer
    }

    /// Puts a new pair on an answer, whoever wrote it: both cookies, or where the access token is in the body the
    /// refresh token's. `secure`: the request came by TLS.
    pub fn add_tokens(&self, headers: &mut HeaderMap, issued: &Issued, secure: bool) {
        if self.delivery == Delivery::Cookie {
            self.add_access_token(headers, issued, secure);
        }
        let refresh = self.cookies.refresh(issued.refresh.reveal(), issued.refresh_lifetime, secure);
        headers.append(SET_COOKIE, refresh);
    }

    /// Puts the access token's cookie alone on an answer (cookie delivery; where nothing was rotated).
    pub fn add_access_token(&self, headers: &mut HeaderMap, issued: &Issued, secure: bool) {
        let access = &issued.access;
        headers.append(SET_COOKIE, self.cookies.access(access.token.reveal(), access.lifetime, secure));
    }

    /// Makes the browser a known one of who has just proved their password in it, unless it is already: see
    /// `tokens::device`. As they are now, for what was good until then may be void since (a renewed hash).
    pub(super) fn with_device(&self, mut answer: Answer, call: &Call<'_>, of: Option<Holder<'_>>) -> Answer {
        if let Some(of) = of
            && self.known_device(call, of).is_none()
        {
            let Services { tokens, clock, .. } = &self.services;
            let token = tokens.new_device(of, clock.now());
            if let Some(cookie) = self.cookies.device(token.reveal(), DEVICE_TTL, call.peer.secure) {
                answer.headers_mut().append(SET_COOKIE, cookie);
            }
        }
        answer
    }

    /// Clears both cookies.
    pub(super) fn without_tokens(&self, mut answer: Answer, secure: bool) -> Answer {
        for cleared in self.cookies.clear(secure) {
            answer.headers_mut().append(SET_COOKIE, cleared);
        }
        answer
    }
}

fn bearer(issued: &Issued) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("access_token".to_owned(), json!(issued.access.token.reveal()));
    body.insert("token_type".to_owned(), json!("bearer"));
    body.insert("expires_in".to_owned(), json!(issued.access.lifetime.as_secs()));
    body
}
