//! `GET /auth/healthz`, `GET /auth/jwks.json` and `GET /auth/openapi.json`

use bytes::Bytes;
use http::header::{ETAG, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::handle::Call;
use super::{Auth, reply};
use crate::web::{Answer, entity_tag};

/// What shared caches alone heed (RFC 9213). Every answer of `/auth/*` is `no-store` for browsers, and stays so; but public
/// keys are asked for by many backends, and are the same for all of them. Such a cache may keep them, and asks by the `ETag`
/// each time whether they are still so (`no-cache`, RFC 9111 section 5.2.2.4): a new key signs from the moment of its rotation
/// on, and a backend that asks for a `kid` that it doesn't know must not be given the set of before.
const CDN_CACHE_CONTROL: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cdn-cache-control"), HeaderValue::from_static("public, no-cache"));

impl Auth {
    /// The gate runs, or this would not be answered.
    pub(super) fn health() -> Answer {
        reply::json_text(r#"{"status":"ok"}"#)
    }

    /// The public keys of access tokens; 304 for who has them.
    pub(super) fn key_set(&self, call: &Call<'_>) -> Answer {
        let keys = self.services.tokens.jwks();
        let mut answer = tagged(call, &keys.etag, || keys.json.clone().into());
        answer.headers_mut().insert(CDN_CACHE_CONTROL.0, CDN_CACHE_CONTROL.1);
        answer
    }

    /// What there is to call; 304 for who has it.
    pub(super) fn openapi_document(&self, call: &Call<'_>) -> Answer {
        tagged(call, &self.openapi.etag, || self.openapi.json.clone())
    }
}

fn tagged(call: &Call<'_>, etag: &str, json: impl FnOnce() -> Bytes) -> Answer {
    let mut answer = if entity_tag::is_known(&call.head.headers, etag) {
        let mut known = Response::new(Full::default());
        *known.status_mut() = StatusCode::NOT_MODIFIED;
        known
    } else {
        reply::json_text(json())
    };
    let etag = HeaderValue::try_from(etag).expect("base64url in quotes is visible ASCII");
    answer.headers_mut().insert(ETAG, etag);
    answer
}
