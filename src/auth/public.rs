//! `GET /auth/healthz` and `GET /auth/jwks.json`

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
        let mut answer = if entity_tag::is_known(&call.head.headers, &keys.etag) {
            let mut known = Response::new(Full::default());
            *known.status_mut() = StatusCode::NOT_MODIFIED;
            known
        } else {
            reply::json_text(keys.json.clone())
        };
        let etag = HeaderValue::try_from(&keys.etag).expect("base64url in quotes is visible ASCII");
        answer.headers_mut().insert(ETAG, etag);
        answer.headers_mut().insert(CDN_CACHE_CONTROL.0, CDN_CACHE_CONTROL.1);
        answer
    }
}
