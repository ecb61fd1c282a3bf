//! Cross-origin answers (Fetch standard, CORS protocol): for `/auth/*` always, for the upstream's paths where
//! `cors.proxied` says so. An origin that the settings don't name is told nothing.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use crate::config::settings::Settings;
use crate::gate::origin::Origins;
use crate::web::{Answer, Code, Problem};

/// Writes CORS headers.
pub(super) struct Cors {
    origins: Origins,
    proxied: bool,
}

impl Cors {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { origins: Origins::new(settings), proxied: settings.cors.proxied }
    }

    /// Whether the upstream's paths are answered for, too.
    pub(super) const fn covers_upstream(&self) -> bool {
        self.proxied
    }

    /// The origin of a request, if the settings name it and it comes but once.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) if self.origins.allows(origin.as_bytes()) => Some(origin.clone()),
            _ => None,
        }
    }

    /// Answers a preflight. One from an origin that the settings don't name gets an answer without permission.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Answer> {
        let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if head.method != Method::OPTIONS || !head.headers.contains_key(ORIGIN) {
            return None;
        }
        let Some(origin) = self.origin(&head.headers) else {
            let mut answer = Problem::new(Code::CrossSite).answer();
            answer.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
            return Some(answer);
        };
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(names) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        Some(answer)
    }

    /// Lets a page of `origin` read an answer. What the upstream said of CORS is replaced: two voices would
    /// contradict each other.
    pub(super) fn allow(origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            headers.remove(name);
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(
                    "RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id",
                ),
            );
        }
    }
}
