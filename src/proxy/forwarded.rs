//! `X-Forwarded-For/-Proto/-Host` and `Forwarded` (RFC 7239): set, or extended when the peer is trusted.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::web::Peer;
use crate::web::spelling::Spellings;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// Writes the forwarded headers.
#[derive(Clone, Debug)]
pub(super) struct ForwardedHeaders {
    spellings: Spellings,
    public_https: bool,
}

impl ForwardedHeaders {
    pub(super) fn new(public_https: bool) -> Self {
        let names = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, FORWARDED];
        Self { spellings: Spellings::of(names.iter().map(HeaderName::as_str)), public_https }
    }

    /// Says where the request came from. What the client claims counts only if the peer is trusted, and then it
    /// is extended by the peer's own address; other spellings go in any case.
    pub(super) fn apply(&self, headers: &mut HeaderMap, peer: &Peer) {
        let (chain, forwarded) = if peer.trusted {
            (joined(headers, &X_FORWARDED_FOR), joined(headers, &FORWARDED))
        } else {
            (None, None)
        };
        self.spellings.remove_from(headers);

        let proto = if peer.secure || self.public_https { "https" } else { "http" };
        let host = peer.host.as_ref().map(http::uri::Authority::as_str);
        let socket = peer.socket.map(|address| address.to_string());
        if let Some(chain) = join(chain, socket.as_deref()) {
            headers.insert(X_FORWARDED_FOR, chain);
        }
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
        if let Some(value) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
            headers.insert(X_FORWARDED_HOST, value);
        }
        if let Some(value) = join(forwarded, Some(&element(peer.socket, proto, host))) {
            headers.insert(FORWARDED, value);
        }
    }
}

/// All values of a header as one list.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn join(list: Option<String>, item: Option<&str>) -> Option<HeaderValue> {
    let text = match (list, item) {
        (Some(list), Some(item)) => format!("{list}, {item}"),
        (Some(list), None) => list,
        (None, Some(item)) => item.to_owned(),
        (None, None) => return None,
    };
    HeaderValue::try_from(text).ok()
}

/// One element of `Forwarded` (RFC 7239 section 4): IPv6 addresses and hosts are quoted.
fn element(address: Option<IpAddr>, proto: &str, host: Option<&str>) -> String {
    let node = match address {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        None => "unknown".to_owned(),
    };
    match host {
        Some(host) => format!("for={node};host=\"{host}\";proto={proto}"),
        None => format!("for={node};proto={proto}"),
    }
}
