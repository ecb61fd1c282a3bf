//! Heads on the direct way: the request's is written, the answer's is read and written anew without what is not the
//! client's.

use std::mem::MaybeUninit;

use http::{Method, StatusCode};
use httparse::{Header, ParserConfig, Status};

use super::Bad;
use crate::gate::Way;
use crate::proxy::{fields, hop};
use crate::web::{Head, cookies};

/// As many fields as an answer may have, and as many bytes: hyper's own limits.
const FIELDS: usize = 100;
const LONGEST: usize = 128 * 1024;

/// Where an answer's body ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// There is none.
    AtOnce,
    /// After so many bytes.
    After(u64),
    /// With the last chunk.
    WithLastChunk,
    /// With the connection.
    WithConnection,
}

/// What an answer's head says to us.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) ends: Ends,
    /// Whether the connection may be used again after the body.
    pub(super) reusable: bool,
    /// Whether it says when it was made.
    pub(super) dated: bool,
}

/// What an answer's head is told to, less what is not the client's.
pub(super) trait Sink {
    /// Its first line.
    fn begin(&mut self, said: &Said, reason: &str);

    /// A field.
    fn field(&mut self, name: &str, value: &[u8]) -> Result<(), Bad>;
}

/// As HTTP/1.1 writes it, without the empty line that ends it.
impl Sink for Vec<u8> {
    fn begin(&mut self, said: &Said, reason: &str) {
        self.extend_from_slice(b"HTTP/1.1 ");
        self.extend_from_slice(said.status.as_str().as_bytes());
        self.push(b' ');
        self.extend_from_slice(reason.as_bytes());
        self.extend_from_slice(b"\r\n");
    }

    fn field(&mut self, name: &str, value: &[u8]) -> Result<(), Bad> {
        self.extend_from_slice(name.as_bytes());
        fields::end(value, self);
        Ok(())
    }
}

/// Writes a request's first line, with the target that it has on its way.
pub(super) fn write_request_line(head: &impl Head, way: Way, wire: &mut Vec<u8>) {
    wire.extend_from_slice(head.method().as_str().as_bytes());
    wire.push(b' ');
    let (slash, target) = way.target(head.uri());
    wire.extend_from_slice(slash.as_bytes());
    wire.extend_from_slice(target.as_bytes());
    wire.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Reads an answer's head at the beginning of `input`; `None`: it is not whole yet. What the client gets of it is
/// told to `out`. Gives how long it was.
pub(super) fn read_answer(
    input: &[u8],
    method: &Method,
    ours: &[Box<str>],
    out: &mut impl Sink,
) -> Result<Option<(usize, Said)>, Bad> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut answer = httparse::Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut answer, input, &mut fields);
    let length = match parsed {
        Ok(Status::Complete(length)) if length <= LONGEST => length,
        Ok(Status::Partial) if input.len() < LONGEST => return Ok(None),
        Ok(_) => return Err(Bad("a head that is too long")),
        Err(httparse::Error::TooManyHeaders) => return Err(Bad("too many fields")),
        Err(_) => return Err(Bad("a head that is no HTTP")),
    };
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Bad("no status"))?;
    let one_one = answer.version == Some(1);
    let fields = &*answer.headers;
    let framing = Framing::of(fields)?;
    let said = Said {
        status,
        ends: framing.ends(method, status, one_one)?,
        // With both lengths, another reader may have seen another end (RFC 9112 section 6.3).
        reusable: one_one && !framing.closes && !(framing.chunked && framing.length.is_some()),
        dated: fields.iter().any(|field| is(field, "date")),
    };
    if !status.is_informational() {
        out.begin(&said, answer.reason.unwrap_or_default());
        tell_fields(&said, &framing, fields, ours, out)?;
    }
    Ok(Some((length, said)))
}

/// The edit of an answer's head alone, as it goes to a client of HTTP/1.1: for the benches. Gives how long it was; `None`:
/// it is not whole, or no good.
pub fn edit_answer(input: &[u8], ours: &[Box<str>], out: &mut Vec<u8>) -> Option<usize> {
    read_answer(input, &Method::GET, ours, out).ok()?.map(|(length, _)| length)
}

/// What frames an answer.
#[derive(Default)]
struct Framing<'a> {
    length: Option<u64>,
    chunked: bool,
    closes: bool,
    /// What `Connection` says, where it is more than `close` or `keep-alive`.
    nominated: Vec<&'a [u8]>,
}

impl<'a> Framing<'a> {
    fn of(fields: &[Header<'a>]) -> Result<Self, Bad> {
        let mut framing = Self::default();
        for field in fields {
            if is(field, "content-length") {
                let digits = !field.value.is_empty() && field.value.iter().all(u8::is_ascii_digit);
                let text = std::str::from_utf8(field.value).ok().filter(|_| digits);
                // Nothing is as long as that; hyper keeps the last two numbers for itself.
                let length = text.and_then(|text| text.parse().ok()).filter(|length| *length < u64::MAX / 2);
                let length = length.ok_or(Bad("a length that is no number"))?;
                if framing.length.replace(length).is_some_and(|other| other != length) {
                    return Err(Bad("two lengths"));
                }
            } else if is(field, "transfer-encoding") {
                let again = std::mem::replace(&mut framing.chunked, true);
                if again || !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Bad("a transfer coding other than chunked"));
                }
            } else if is(field, "connection") {
                for option in field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if option.eq_ignore_ascii_case(b"close") {
                        framing.closes = true;
                    } else if !option.is_empty() && !option.eq_ignore_ascii_case(b"keep-alive") {
                        framing.nominated.push(option);
                    }
                }
            }
        }
        Ok(framing)
    }

    fn ends(&self, method: &Method, status: StatusCode, one_one: bool) -> Result<Ends, Bad> {
        let bare =
            status.is_informational() || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        Ok(if bare || method == Method::HEAD {
            Ends::AtOnce
        } else if self.chunked && !one_one {
            return Err(Bad("chunks in HTTP/1.0"));
        } else if self.chunked {
            Ends::WithLastChunk
        } else {
            match self.length {
                Some(0) => Ends::AtOnce,
                Some(length) => Ends::After(length),
                None => Ends::WithConnection,
            }
        })
    }

    /// Whether a field is the connection's own (RFC 9110 section 7.6.1). What frames the answer never is.
    fn takes(&self, field: &Header<'_>) -> bool {
        let own = is(field, "connection") || hop::NAMES.iter().any(|name| is(field, name));
        own || self.nominated.iter().any(|name| {
            let frames = is(field, "content-length") || is(field, "transfer-encoding");
            name.eq_ignore_ascii_case(field.name.as_bytes()) && !frames
        })
    }
}

fn tell_fields(
    said: &Said,
    framing: &Framing<'_>,
    fields: &[Header<'_>],
    ours: &[Box<str>],
    out: &mut impl Sink,
) -> Result<(), Bad> {
    // A length is said once, and not beside chunks; where a body has none, it becomes chunks.
    let mut says_length = !framing.chunked && said.status != StatusCode::NO_CONTENT;
    for field in fields {
        let kept = match field.name.len() {
            // Cookies under the gate's names: with them an upstream could sign its visitors in or out.
            10 if is(field, "set-cookie") => !cookies::sets_ours(field.value, ours),
            14 if is(field, "content-length") => std::mem::take(&mut says_length),
            17 if is(field, "transfer-encoding") => said.ends == Ends::WithLastChunk,
            _ => true,
        };
        if kept && !framing.takes(field) {
            out.field(field.name, if is(field, "transfer-encoding") { b"chunked" } else { field.value })?;
        }
    }
    if said.ends == Ends::WithConnection {
        out.field("transfer-encoding", b"chunked")?;
    }
    Ok(())
}

/// `name`: in lower case.
fn is(field: &Header<'_>, name: &str) -> bool {
    field.name.len() == name.len() && field.name.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<(String, Ends, bool), Bad> {
        let mut out = Vec::new();
        let ours = ["access_token".into()];
        let (length, said) = read_answer(head.as_bytes(), &Method::GET, &ours, &mut out)?.unwrap();
        assert_eq!(length, head.len());
        Ok((String::from_utf8(out).unwrap(), said.ends, said.reusable))
    }

    #[test]
    fn names_keep_their_spelling_and_what_is_the_connections_own_goes() {
        let head = "HTTP/1.1 200 Fine\r\nX-oDD: 1\nConnection: X-Own, keep-alive\r\nx-own: 1\r\nKeep-Alive: 1\r\n\
                    SET-COOKIE: access_token=a\r\nset-cookie: b=c\r\nContent-Length: 05\r\n\r\n";
        let out = "HTTP/1.1 200 Fine\r\nX-oDD: 1\r\nset-cookie: b=c\r\nContent-Length: 05\r\n";
        assert_eq!(read(head), Ok((out.to_owned(), Ends::After(5), true)));
    }

    #[test]
    fn a_body_ends_where_its_framing_says() {
        for (fields, ends, reusable) in [
            ("", Ends::WithConnection, true),
            ("Content-Length: 0\r\n", Ends::AtOnce, true),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", Ends::After(3), true),
            ("Connection: close\r\nContent-Length: 3\r\n", Ends::After(3), false),
            ("Transfer-Encoding: Chunked\r\n", Ends::WithLastChunk, true),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Ends::WithLastChunk, false),
        ] {
            let (out, said, again) = read(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).unwrap();
            assert_eq!((said, again), (ends, reusable), "{fields:?}");
            assert!(!(out.contains("length") && out.contains("chunked")), "{out:?}");
        }
    }

    #[test]
    fn framing_that_two_readers_may_read_in_two_ways_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length:\r\n",
            "Content-Length: 18446744073709551615\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding:\r\n",
            "X: a\r\n b\r\n",
            "X : a\r\n",
        ] {
            assert!(read(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).is_err(), "{fields:?}");
        }
        assert!(read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
