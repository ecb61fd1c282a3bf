//! Finds the HTTP/1 heads that hyper would mend in silence and the gate refuses (contract section 6): two
//! lengths, a length and a coding, codings other than `chunked`, no Host or several, folded or bare lines.
//!
//! It follows the bytes of a connection from head to head. A head that it refuses is spoilt in place, so that
//! hyper answers 400 and closes; nothing after it is read as a request.

use memchr::memchr;

/// What is put in the place of a byte of a refused line: no parser takes it in a name, a value or a line's end.
const SPOILT: u8 = 0;

/// Chunk extensions that hyper skips; beyond, it refuses.
const EXTENSIONS: usize = 16 * 1024;

/// Follows one connection.
#[derive(Debug)]
pub(super) struct Sieve {
    state: State,
    head: Head,
    /// The beginning of a line whose end has not come in yet.
    partial: Vec<u8>,
    /// The longest line that is followed; a longer one is hyper's to refuse.
    limit: usize,
    refused: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of a body are still to come.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk, its line's end included.
    ChunkData(u64),
    Trailers,
    /// Refused, or a tunnel may follow: the rest is not looked at.
    Done,
}

/// What the lines of the present head said so far.
#[derive(Debug, Default)]
struct Head {
    lines: usize,
    length: Option<u64>,
    chunked: bool,
    hosts: usize,
    one_zero: bool,
    upgrade: bool,
}

impl Sieve {
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.max(EXTENSIONS);
        Self { state: State::Head, head: Head::default(), partial: Vec::new(), limit, refused: false }
    }

    /// Whether something was just spoilt: nothing that comes after it counts.
    pub(super) fn take_refusal(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Whether what came so far are whole requests.
    pub(super) fn is_between_requests(&self) -> bool {
        self.state == State::Head && !self.is_in_head()
    }

    /// Whether a part of a head has come in.
    pub(super) fn is_in_head(&self) -> bool {
        self.state == State::Head && (self.head.lines > 0 || !self.partial.is_empty())
    }

    /// Looks at what was just read, and spoils what must not pass.
    pub(super) fn look_at(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &mut bytes[at..];
            at += match &mut self.state {
                State::Done => return,
                State::Body(left) => {
                    let taken = skip(left, rest.len());
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    taken
                }
                State::ChunkData(left) => {
                    let taken = skip(left, rest.len());
                    if *left == 0 {
                        self.state = State::ChunkSize;
                    }
                    taken
                }
                State::Head | State::ChunkSize | State::Trailers => self.line(rest),
            };
        }
    }

    /// Takes one line, or what there is of it; gives how many bytes that was.
    fn line(&mut self, bytes: &mut [u8]) -> usize {
        let Some(end) = memchr(b'\n', bytes) else {
            self.partial.extend_from_slice(bytes);
            if self.partial.len() > self.limit {
                self.state = State::Done;
            }
            return bytes.len();
        };
        let taken = end + 1;
        let good = if self.partial.is_empty() {
            self.whole_line(&bytes[..end])
        } else {
            let mut line = std::mem::take(&mut self.partial);
            line.extend_from_slice(&bytes[..end]);
            self.whole_line(&line)
        };
        if !good {
            bytes[0] = SPOILT;
            self.refused = true;
            self.state = State::Done;
        }
        taken
    }

    fn whole_line(&mut self, line: &[u8]) -> bool {
        let ended = line.strip_suffix(b"\r");
        match (&self.state, ended) {
            // hyper refuses a bare LF here, and would skip a spoilt byte as an extension's.
            (State::ChunkSize, None) => {
                self.state = State::Done;
                true
            }
            (State::ChunkSize, Some(line)) => self.chunk_size(line),
            // hyper ends these lines by CRLF alone: by a bare LF, two views of where the body ends would part.
            (State::Trailers, None) => false,
            (State::Trailers, Some(line)) => {
                if line.is_empty() {
                    self.next_head();
                }
                true
            }
            _ => self.head_line(ended.unwrap_or(line)),
        }
    }

    fn head_line(&mut self, line: &[u8]) -> bool {
        if memchr(b'\r', line).is_some() {
            return false;
        }
        if self.head.lines == 0 {
            // Empty lines before a request are skipped (RFC 9112 section 2.2).
            if !line.is_empty() {
                self.head.lines = 1;
                self.head.one_zero = line.ends_with(b"HTTP/1.0");
            }
            return true;
        }
        self.head.lines += 1;
        if line.is_empty() { self.end_of_head() } else { self.head.field(line) }
    }

    /// The framing of what follows the head (RFC 9112 section 6.3).
    fn end_of_head(&mut self) -> bool {
        let head = std::mem::take(&mut self.head);
        if head.hosts == 0 && !head.one_zero {
            return false;
        }
        self.state = if head.upgrade {
            State::Done
        } else if head.chunked {
            State::ChunkSize
        } else {
            match head.length {
                Some(length @ 1..) => State::Body(length),
                _ => State::Head,
            }
        };
        true
    }

    fn chunk_size(&mut self, line: &[u8]) -> bool {
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
        let size = std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
        self.state = match size {
            Some(0) => State::Trailers,
            // The data and its CRLF. What is no size is hyper's to refuse.
            Some(size) => size.checked_add(2).map_or(State::Done, State::ChunkData),
            None => State::Done,
        };
        true
    }

    fn next_head(&mut self) {
        self.state = State::Head;
        self.head = Head::default();
    }
}

impl Head {
    /// Takes in a header line; false: refused.
    fn field(&mut self, line: &[u8]) -> bool {
        // Obsolete folding (RFC 9112 section 5.2), a line without a name, white space before the colon.
        let Some(colon) = memchr(b':', line) else { return false };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.first().is_none_or(u8::is_ascii_whitespace)
            || name.last().is_some_and(u8::is_ascii_whitespace)
        {
            return false;
        }
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts += 1;
                self.hosts == 1
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = true;
                true
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let digits = value.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(value).ok());
                // hyper keeps the last two numbers for itself.
                let length = digits
                    .flatten()
                    .and_then(|text| text.parse().ok())
                    .filter(|length| *length < u64::MAX / 2);
                length.is_some() && self.length.replace(length.unwrap_or_default()).is_none() && !self.chunked
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                let again = std::mem::replace(&mut self.chunked, true);
                !again && self.length.is_none() && !self.one_zero && value.eq_ignore_ascii_case(b"chunked")
            }
            _ => true,
        }
    }
}

/// Takes as much of `available` as is left; gives how much that was.
fn skip(left: &mut u64, available: usize) -> usize {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
    *left -= taken as u64;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at `text` in pieces of `step` bytes; gives whether anything was spoilt.
    fn refuses(text: &str, step: usize) -> bool {
        let mut sieve = Sieve::new(32 * 1024);
        let mut bytes = text.as_bytes().to_vec();
        bytes.chunks_mut(step).for_each(|piece| sieve.look_at(piece));
        bytes != text.as_bytes()
    }

    #[test]
    fn heads_with_two_meanings_are_refused_wherever_they_are_cut() {
        let good = [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHost:GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
             3;x=y\r\n\r\n\r\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\nHost: a\r\nHost: b\r\n\r\n",
        ];
        let bad = [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n",
        ];
        for step in [1, 2, 3, 7, 1000] {
            for text in good {
                assert!(!refuses(text, step), "{step}: {text:?}");
            }
            for text in bad {
                assert!(refuses(text, step), "{step}: {text:?}");
            }
        }
    }

    #[test]
    fn a_head_begins_with_its_first_byte_and_ends_with_its_last() {
        let mut sieve = Sieve::new(1024);
        for (piece, in_head) in
            [("G", true), ("ET / HTTP/1.1\r\nHost: a\r\n", true), ("\r\n", false), ("\r\n", false)]
        {
            sieve.look_at(&mut piece.as_bytes().to_vec());
            assert_eq!(sieve.is_in_head(), in_head, "{piece:?}");
        }
    }
}
