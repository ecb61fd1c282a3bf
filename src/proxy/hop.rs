//! Headers that are one connection's own (RFC 9110 section 7.6.1): they go, whatever `Connection` adds to them.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName};

/// Those that are a connection's own whatever `Connection` says.
pub(super) const NAMES: [&str; 6] =
    ["keep-alive", "proxy-connection", "te", "upgrade", "proxy-authenticate", "proxy-authorization"];

/// The same as names.
pub(super) static OWN: [HeaderName; 6] = [
    HeaderName::from_static(NAMES[0]),
    HeaderName::from_static(NAMES[1]),
    HeaderName::from_static(NAMES[2]),
    HeaderName::from_static(NAMES[3]),
    HeaderName::from_static(NAMES[4]),
    HeaderName::from_static(NAMES[5]),
];

/// Whether it is one of those.
pub(super) fn is_own(name: &HeaderName) -> bool {
    OWN.contains(name)
}

/// Removes them. `Transfer-Encoding` is left to the caller, who knows the body; `Trailer` stays, since trailers
/// are forwarded.
pub(super) fn remove(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        remove_nominated(headers);
    }
    // Few messages have any: to look at each name once costs less than to look for each of these.
    if headers.keys().any(is_own) {
        for name in &OWN {
            headers.remove(name);
        }
    }
}

fn remove_nominated(headers: &mut HeaderMap) {
    let mut nominated = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for option in value.as_bytes().split(|byte| *byte == b',') {
            let option = option.trim_ascii();
            // What nearly everybody says, and what goes in any case.
            if !option.eq_ignore_ascii_case(b"keep-alive") {
                nominated.extend(HeaderName::from_bytes(option).ok());
            }
        }
    }
    headers.remove(CONNECTION);
    for name in nominated {
        // What frames or routes the message is no connection's own; taking it away would change its meaning.
        if ![HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            headers.remove(name);
        }
    }
}

/// Whether a comma separated header names `token`, without case.
pub fn names(headers: &HeaderMap, header: &HeaderName, token: &str) -> bool {
    headers.get_all(header).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|item| {
            let item = item.split(|byte| *byte == b';').next().unwrap_or_default();
            item.trim_ascii().eq_ignore_ascii_case(token.as_bytes())
        })
    })
}
