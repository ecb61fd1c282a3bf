//! The upstream's answer, as it is passed on.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, SET_COOKIE, TRAILER, TRANSFER_ENCODING};

use super::fault::{Fault, Kind};
use super::hop;
use crate::web::cookies;

/// An answer with both lengths is as long as its chunks say (RFC 9112 section 6.3); one with another coding than
/// `chunked` can't be passed on, since the client was not asked whether it knows that one.
pub(super) fn check_framing(headers: &mut HeaderMap) -> Result<(), Fault> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => {
            let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
            match lengths.next() {
                Some(length) if !length.as_bytes().iter().all(u8::is_ascii_digit) => {
                    Err(Fault::because(Kind::BadAnswer, &"a length that is no number"))
                }
                // Over HTTP/1.1 hyper sees to that; h2 looks at the first alone.
                Some(length) if lengths.any(|other| other != length) => {
                    Err(Fault::because(Kind::BadAnswer, &"two lengths"))
                }
                _ => Ok(()),
            }
        }
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            headers.remove(CONTENT_LENGTH);
            Ok(())
        }
        _ => Err(Fault::because(Kind::BadAnswer, &"a transfer coding other than chunked")),
    }
}

/// Takes out what is not the client's: hop-by-hop headers, and cookies under the gate's names, with which an
/// upstream could sign its visitors in or out.
pub(super) fn edit(headers: &mut HeaderMap, ours: &[Box<str>]) {
    hop::remove(headers);
    headers.remove(TRANSFER_ENCODING);
    if headers.get_all(SET_COOKIE).iter().any(|value| cookies::sets_ours(value.as_bytes(), ours)) {
        let kept: Vec<_> = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter(|value| !cookies::sets_ours(value.as_bytes(), ours))
            .cloned()
            .collect();
        headers.remove(SET_COOKIE);
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    }
}

/// Takes out of an answer's trailers what none of them may say (RFC 9110 section 6.5.1): what frames the message, what is the
/// connection's own, and cookies, the gate's least of all. To a client of HTTP/2 it would spoil the stream.
pub(super) fn clean_trailers(trailers: &mut HeaderMap) {
    hop::remove(trailers);
    for name in [TRANSFER_ENCODING, CONTENT_LENGTH, TRAILER, SET_COOKIE] {
        trailers.remove(name);
    }
}
