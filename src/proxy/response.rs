//! The upstream's answer, as it is passed on.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING};

use super::hop;
use crate::web::cookies;

/// Takes out what is not the client's: hop-by-hop headers, and cookies under the gate's names, with which an
/// upstream could sign its visitors in or out.
pub(super) fn edit(headers: &mut HeaderMap, ours: [&str; 2]) {
    hop::remove(headers);
    if headers.remove(TRANSFER_ENCODING).is_some() {
        // The coding has overruled it (RFC 9112 section 6.3).
        headers.remove(CONTENT_LENGTH);
    }
    if headers.get_all(SET_COOKIE).iter().any(|value| cookies::sets_ours(value, ours)) {
        let kept: Vec<_> = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter(|value| !cookies::sets_ours(value, ours))
            .cloned()
            .collect();
        headers.remove(SET_COOKIE);
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    }
}
