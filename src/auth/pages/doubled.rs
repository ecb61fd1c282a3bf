//! Cookies that come twice: named, and cleared wherever they may have been set. Somebody else must have set one of
//! the two, for another path or for a parent domain, and nobody can tell which one it was.

use http::uri::Authority;
use http::{HeaderMap, HeaderValue};

use crate::web::Peer;
use crate::web::cookies::{self, Found};

/// The paths whose cookies `/auth/login` is sent (RFC 6265 section 5.1.4).
const PATHS: [&str; 4] = ["/", "/auth", "/auth/", "/auth/login"];
/// How far up domains are gone: more labels than that are no honest host's.
const MAX_DOMAINS: usize = 4;

/// Which of the gate's cookies come with different values.
pub(super) fn names<'a>(headers: &HeaderMap, names: &'a [Box<str>]) -> Vec<&'a str> {
    let doubled = |name: &&str| cookies::find(headers, name) == Found::Ambiguous;
    names.iter().map(AsRef::as_ref).filter(doubled).collect()
}

/// `Set-Cookie` values that clear a cookie for each path and domain under which it can have been set.
pub(super) fn clear(name: &str, peer: &Peer) -> Vec<HeaderValue> {
    let secure = if peer.secure { "; Secure" } else { "" };
    let domains = peer.host.as_ref().map(domains).unwrap_or_default();
    let mut all = Vec::new();
    for path in PATHS {
        let one = format!("{name}=; Path={path}; Max-Age=0; HttpOnly{secure}");
        let wide = domains.iter().map(|domain| format!("{one}; Domain={domain}"));
        all.extend(
            std::iter::once(one.clone()).chain(wide).filter_map(|text| HeaderValue::try_from(text).ok()),
        );
    }
    all
}

/// The host and its parents, as far as a cookie can be set for them; none for an address.
fn domains(host: &Authority) -> Vec<&str> {
    let host = host.host();
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return Vec::new();
    }
    let parents =
        std::iter::successors(Some(host), |domain| domain.split_once('.').map(|(_, parent)| parent));
    parents.filter(|domain| domain.contains('.')).take(MAX_DOMAINS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(host: &str) -> Peer {
        Peer { address: None, socket: None, trusted: false, secure: false, host: host.parse().ok() }
    }

    #[test]
    fn a_doubled_cookie_is_cleared_for_every_path_and_domain_it_can_have() {
        let cleared = clear("access_token", &peer("app.example.com:8000"));
        for expected in [
            "access_token=; Path=/; Max-Age=0; HttpOnly",
            "access_token=; Path=/auth; Max-Age=0; HttpOnly",
            "access_token=; Path=/; Max-Age=0; HttpOnly; Domain=app.example.com",
            "access_token=; Path=/auth/; Max-Age=0; HttpOnly; Domain=example.com",
        ] {
            assert!(cleared.iter().any(|value| value == expected), "{expected}");
        }
        assert_eq!(clear("access_token", &peer("127.0.0.1:8000")).len(), PATHS.len());
        assert_eq!(clear("access_token", &peer("[::1]:8000")).len(), PATHS.len());
        assert_eq!(clear("access_token", &peer("localhost")).len(), PATHS.len());
    }
}
