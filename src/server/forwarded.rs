//! What a trusted proxy says of the client: `X-Forwarded-*`, or `Forwarded` (RFC 7239) where it sends none of those. Never
//! a mixture: a proxy that speaks the one tongue passes on what its client said in the other.

use std::net::{IpAddr, SocketAddr};

use http::HeaderName;

use crate::web::Fields;
use crate::web::forwarded::{FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, speaks_x};

/// The chain of clients, the nearest last. An item that is no address is `None`.
pub(super) fn chain(headers: &impl Fields) -> Vec<Option<IpAddr>> {
    if speaks_x(headers) {
        return items(headers, X_FORWARDED_FOR).iter().map(|item| node(item)).collect();
    }
    let elements = items(headers, FORWARDED);
    elements.iter().map(|element| parameter(element, "for").and_then(|value| node(&value))).collect()
}

/// The client's scheme, as the peer itself says it: the last item.
pub(super) fn proto(headers: &impl Fields) -> Option<String> {
    last(headers, X_FORWARDED_PROTO, "proto")
}

/// The host that the client asked for, as the peer itself says it: the last item.
pub(super) fn host(headers: &impl Fields) -> Option<String> {
    last(headers, X_FORWARDED_HOST, "host")
}

fn last(headers: &impl Fields, own: HeaderName, name: &str) -> Option<String> {
    if speaks_x(headers) {
        return items(headers, own).pop().filter(|item| !item.is_empty());
    }
    items(headers, FORWARDED).pop().and_then(|element| parameter(&element, name))
}

/// The items of a list header; a comma in quotes separates nothing.
fn items(headers: &impl Fields, name: HeaderName) -> Vec<String> {
    let values: Vec<_> = headers.all(name).map(String::from_utf8_lossy).collect();
    split(&values.join(","), ',').into_iter().map(str::to_owned).collect()
}

/// Read from the right: a quote that a client left open must not swallow what its proxy added.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut end, mut quoted) = (Vec::new(), text.len(), false);
    for (at, sign) in text.char_indices().rev() {
        if sign == '"' && !text[..at].ends_with('\\') {
            quoted = !quoted;
        } else if sign == separator && !quoted {
            parts.push(text[at + separator.len_utf8()..end].trim());
            end = at;
        }
    }
    parts.push(text[..end].trim());
    parts.reverse();
    parts
}

/// A parameter of an element; a quoted value loses its quotes. One that comes twice is none.
fn parameter(element: &str, name: &str) -> Option<String> {
    let pairs = split(element, ';');
    let mut values = pairs.iter().filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    });
    let value = values.next().filter(|_| values.next().is_none())?;
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(inner.map_or_else(|| value.to_owned(), |inner| inner.replace('\\', "")))
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; IPv4-mapped addresses are folded.
fn node(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn forwarded_is_read_where_there_is_no_x_forwarded_header() {
        let told =
            "for=192.0.2.43;proto=http, For=\"[2001:db8:cafe::17]:4711\";host=\"a.example:8080\";PROTO=https";
        let told = headers(&[("forwarded", told)]);
        let addresses = ["192.0.2.43", "2001:db8:cafe::17"].map(|address| address.parse().ok());
        assert_eq!(chain(&told), addresses);
        assert_eq!(
            (proto(&told).as_deref(), host(&told).as_deref()),
            (Some("https"), Some("a.example:8080"))
        );

        let both = headers(&[("forwarded", "for=192.0.2.1;proto=https"), ("x-forwarded-for", "192.0.2.2")]);
        assert_eq!(chain(&both), ["192.0.2.2".parse().ok()]);
        assert_eq!(proto(&both), None, "its proxy speaks the other tongue");
    }

    #[test]
    fn what_a_client_wrote_can_not_swallow_what_its_proxy_added() {
        for (name, claimed) in [
            ("forwarded", "for=1.2.3.4;x=\", for=192.0.2.1"),
            ("forwarded", "for=\", for=192.0.2.1"),
            ("x-forwarded-for", "1.2.3.4, \", 192.0.2.1"),
            ("x-forwarded-for", "1.2.3.4\u{fc}, 192.0.2.1"),
        ] {
            let told = chain(&headers(&[(name, claimed)]));
            assert_eq!(told.last(), Some(&"192.0.2.1".parse().ok()), "{claimed}");
        }
        let apart = headers(&[("forwarded", "for=1.2.3.4;x=\""), ("forwarded", "for=192.0.2.1")]);
        assert_eq!(chain(&apart).last(), Some(&"192.0.2.1".parse().ok()));
    }

    #[test]
    fn what_is_no_address_stands_in_the_chain_as_nobody() {
        for (told, expected) in [
            ("for=unknown", vec![None]),
            ("for=_hidden, for=192.0.2.1", vec![None, "192.0.2.1".parse().ok()]),
            ("proto=https", vec![None]),
            ("for=192.0.2.1;for=192.0.2.2", vec![None]),
            ("for=\"192.0.2.1, 192.0.2.2\"", vec![None]),
        ] {
            assert_eq!(chain(&headers(&[("forwarded", told)])), expected, "{told}");
        }
    }
}
