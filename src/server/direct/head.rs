//! The requests that can go the direct way: HTTP/1.1, in origin form, with a body of known length or none, and nothing
//! that asks for more than an answer. What is not like that, and what is no HTTP, is left to hyper.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Uri};
use httparse::{Header, ParserConfig, Status};

use super::raw::{RawFields, RawHead};

/// hyper's own limits: how many fields, and how many bytes of a name.
const FIELDS: usize = 100;
const LONGEST_NAME: usize = 65_535;

/// A request that was read.
pub(super) struct Plain<'a> {
    pub(super) head: RawHead<'a>,
    /// How many bytes its head had.
    pub(super) length: usize,
    /// How many its body has, of which none may have come yet.
    pub(super) body: u64,
    /// Whether the client wants to go on over the same connection.
    pub(super) stays: bool,
}

/// Reads a request with a whole head of at most `most` bytes at the beginning of `bytes`; `None`: hyper's.
pub(super) fn read(bytes: &Bytes, most: usize) -> Option<Plain<'_>> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let parsed = ParserConfig::default().parse_request_with_uninit_headers(&mut request, bytes, &mut fields);
    let Ok(Status::Complete(length)) = parsed else { return None };
    if length > most || request.version != Some(1) {
        return None;
    }
    let target = request.path.filter(|target| target.starts_with('/') && !target.contains('#'))?;
    let mut asks = Asks { hosts: 0, stays: true, body: None };
    for field in &*request.headers {
        asks.take_in(field)?;
    }
    let (stays, body) = (asks.stays, asks.body.unwrap_or(0));
    if asks.hosts != 1 {
        return None;
    }
    let method =
        Method::from_bytes(request.method?.as_bytes()).ok().filter(|method| method != Method::CONNECT)?;
    let uri = Uri::from(PathAndQuery::from_maybe_shared(bytes.slice_ref(target.as_bytes())).ok()?);
    let fields = RawFields::new(request.headers);
    Some(Plain { head: RawHead { method, uri, fields }, length, body, stays })
}

/// What a head asks of the connection. Whatever can be read in two ways is not plain: the sieve refuses it.
struct Asks {
    hosts: usize,
    stays: bool,
    body: Option<u64>,
}

impl Asks {
    /// `None`: a field asks for something that is not plain.
    fn take_in(&mut self, field: &Header<'_>) -> Option<()> {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        match field.name.len() {
            2 if is("te") => return None,
            4 if is("host") => self.hosts += 1,
            6 if is("expect") => return None,
            7 if is("upgrade") => return None,
            10 if is("connection") => {
                if field.value.eq_ignore_ascii_case(b"close") {
                    self.stays = false;
                } else if !field.value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            }
            14 if is("content-length") => {
                let digits = field.value.iter().all(u8::is_ascii_digit).then_some(field.value)?;
                // Nothing is as long as that; hyper keeps the last two numbers for itself.
                let length =
                    std::str::from_utf8(digits).ok()?.parse().ok().filter(|length| *length < u64::MAX / 2)?;
                if self.body.replace(length).is_some() {
                    return None;
                }
            }
            17 if is("transfer-encoding") => return None,
            too_long if too_long > LONGEST_NAME => return None,
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use http::request::Parts;

    use super::*;
    use crate::web::Head as _;

    /// The head as hyper would have it, its length, its body's, and whether the client wants to go on.
    fn read_text(text: &str) -> Option<(Parts, usize, u64, bool)> {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        read(&bytes, 1024)
            .map(|plain| (plain.head.to_parts().unwrap(), plain.length, plain.body, plain.stays))
    }

    #[test]
    fn a_plain_head_is_read_and_what_follows_is_left() {
        let head = "DELETE /a?b HTTP/1.1\r\nHost: c\r\nX: 1\r\nx: 2\r\nContent-Length: 3\r\n\r\n";
        let (plain, length, body, stays) = read_text(&format!("{head}abcGET")).unwrap();
        assert_eq!((length, body, stays), (head.len(), 3, true));
        let headers = &plain.headers;
        assert_eq!((plain.method.as_str(), plain.uri.to_string().as_str()), ("DELETE", "/a?b"));
        assert_eq!(headers.get_all("x").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers.len(), 4);
        assert!(!read_text("GET / HTTP/1.1\r\nHost: c\r\nConnection: Close\r\n\r\n").unwrap().3);
    }

    #[test]
    fn what_is_not_plain_is_left_to_hyper() {
        let long = format!("GET / HTTP/1.1\r\nHost: c\r\nX: {}\r\n\r\n", "a".repeat(1024));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(101));
        for text in [
            "GET / HTTP/1.1\r\nHost: c\r\n",
            "GET / HTTP/1.0\r\nHost: c\r\n\r\n",
            "GET http://c/ HTTP/1.1\r\nHost: c\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: c\r\n\r\n",
            "CONNECT c:80 HTTP/1.1\r\nHost: c\r\n\r\n",
            "GET /a#b HTTP/1.1\r\nHost: c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nTE: trailers\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nUpgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nConnection: x-user-id\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nConnection: keep-alive, te\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: +1\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: c\r\nContent-Length:\r\n\r\na",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nHost: c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nX: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nX: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\n X: a\r\n\r\n",
            "GET / HTTP/1.1\r\n X: a\r\nHost: c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nX\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 99999999999999999999\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 18446744073709551615\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\nX : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: c\r\n\0: a\r\n\r\n",
            &long,
            &many,
        ] {
            assert!(read_text(text).is_none(), "{text:?}");
        }
    }
}
