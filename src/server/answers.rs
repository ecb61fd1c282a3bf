//! The answers that the road gives by itself: redirects, and what is said when something can't be forwarded.

use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::proxy::{Fault, Kind};
use crate::web::path::LocalPath;
use crate::web::{Answer, Code, Problem};

/// Two hosts that disagree, or one that can't be read (RFC 9112 section 3.2).
pub(super) fn no_single_host() -> Answer {
    closing(&Problem::new(Code::Malformed).detail("The request names no single host."))
}

/// A head that hyper lets pass and HTTP does not allow.
pub(super) fn malformed() -> Answer {
    closing(&Problem::new(Code::Malformed))
}

/// A problem after which nothing more is read from the connection.
fn closing(problem: &Problem) -> Answer {
    let mut answer = problem.answer();
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// CONNECT: behind a tunnel, requests would pass that nobody judged.
pub(super) fn no_connect() -> Answer {
    let mut answer =
        closing(&Problem::new(Code::MethodNotAllowed).detail("This gate makes no tunnels by CONNECT."));
    let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
    answer.headers_mut().insert(ALLOW, methods);
    answer
}

/// Two texts that never mix: the client's, and the log's.
pub(super) fn failed(fault: &Fault, upstream: &str, id: &HeaderValue) -> Answer {
    let id = id.to_str().unwrap_or_default();
    match fault.kind() {
        Kind::ClientGone | Kind::NoTunnel | Kind::SessionEnded => {
            tracing::debug!(id, kind = ?fault.kind(), "a request ended early");
        }
        kind => tracing::warn!(
            id,
            ?kind,
            side = ?fault.side(),
            upstream,
            cause = fault.cause(),
            "the upstream failed"
        ),
    }
    match fault.kind() {
        Kind::ClientGone | Kind::Unforwardable | Kind::NoTunnel | Kind::SessionEnded => {
            closing(&fault.problem())
        }
        _ => fault.problem().answer(),
    }
}

/// Sends a browser to sign in, and tells it the way back.
pub(super) fn to_login(next: &LocalPath) -> Answer {
    to_page("/auth/login", next)
}

/// Sends a browser to prove its user's address, and tells it the way back.
pub(super) fn to_proof(next: &LocalPath) -> Answer {
    to_page("/auth/verify-email", next)
}

fn to_page(page: &str, next: &LocalPath) -> Answer {
    let query: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("next", next.as_str()).finish();
    redirect(StatusCode::SEE_OTHER, &format!("{page}?{query}"))
}

/// Sends a browser elsewhere; no cache keeps that.
pub(super) fn redirect(status: StatusCode, to: &str) -> Answer {
    let Ok(location) = HeaderValue::from_str(to) else {
        return Problem::new(Code::Malformed).answer();
    };
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer.headers_mut().insert(LOCATION, location);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
