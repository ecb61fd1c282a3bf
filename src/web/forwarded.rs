//! The two tongues in which proxies speak of their clients: `X-Forwarded-*`, and `Forwarded` (RFC 7239).

use http::HeaderName;

use super::Fields;

/// The chain of clients.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The client's scheme.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host that the client asked for.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// All of these in one.
pub const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// Whether a peer speaks `X-Forwarded-*`. Its `Forwarded` is then no word of its own: it passes on what its client
/// said in the other tongue, so that a mixture is never believed.
pub fn speaks_x(headers: &impl Fields) -> bool {
    [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST].into_iter().any(|name| headers.has(name))
}
