//! The chunked coding (RFC 9112 section 7.1): read strictly, and written anew, so that nothing of the upstream's own
//! framing (extensions, odd line ends) reaches the client. Trailers are swallowed where chunks are written (who asks for them is
//! served by hyper), and kept where HTTP/2 frames are made, which have a place for them whatever was asked.

use std::io::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;

/// How much of extensions and trailers a body may have, and how long a line may be, in bytes.
const LONGEST: usize = 16 * 1024;

/// The end of a body without trailers.
pub(super) const LAST: &[u8] = b"0\r\n\r\n";

/// The chunks make no sense: where the body ends is anybody's guess.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("chunks that make no sense")]
pub struct BadChunks;

/// What becomes of a body's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It is written as chunks.
    Chunked,
    /// It is written as it is: what comes after it says where it ends.
    Plain,
}

/// Follows the chunks of one body.
#[derive(Debug)]
pub(super) struct Chunks {
    form: Form,
    state: State,
    /// How many bytes of extensions and trailers have come.
    extra: usize,
    /// The trailers; boxed, since few bodies have any.
    trailers: Option<Box<HeaderMap>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    Done,
}

impl Chunks {
    pub(super) const fn new(form: Form) -> Self {
        Self { form, state: State::Size, extra: 0, trailers: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The trailers that have come of a body that is written plainly, once.
    pub(super) const fn take_trailers(&mut self) -> Option<Box<HeaderMap>> {
        self.trailers.take()
    }

    /// Takes what it can of `input`, writes what that holds to `out`, and gives how much it took and how many
    /// bytes of data were in it. What is left is the beginning of a line, or what follows the body.
    pub(super) fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(usize, u64), BadChunks> {
        let (mut at, mut data) = (0, 0);
        while !self.is_done() {
            let rest = &input[at..];
            if let State::Data(left) = self.state {
                let piece = &rest[..usize::try_from(left).unwrap_or(usize::MAX).min(rest.len())];
                if piece.is_empty() {
                    break;
                }
                match self.form {
                    Form::Chunked => write(piece, out),
                    Form::Plain => out.extend_from_slice(piece),
                }
                at += piece.len();
                data += piece.len() as u64;
                let left = left - piece.len() as u64;
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                continue;
            }
            let Some(end) = memchr(b'\n', rest) else {
                if rest.len() > LONGEST {
                    return Err(BadChunks);
                }
                break;
            };
            // A bare LF ends no line here: two views of where the body ends would part.
            let line = rest[..end].strip_suffix(b"\r").ok_or(BadChunks)?;
            self.state = self.after(line, out)?;
            at += end + 1;
        }
        Ok((at, data))
    }

    fn after(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<State, BadChunks> {
        let digits = memchr(b';', line).unwrap_or(line.len());
        self.extra += match self.state {
            State::Size => line.len() - digits,
            _ => line.len(),
        };
        if self.extra > LONGEST || memchr(b'\r', line).is_some() {
            return Err(BadChunks);
        }
        match self.state {
            State::Size => match size(line[..digits].trim_ascii_end())? {
                0 => Ok(State::Trailers),
                size => Ok(State::Data(size)),
            },
            State::DataEnd if line.is_empty() => Ok(State::Size),
            State::Trailers if line.is_empty() => {
                if self.form == Form::Chunked {
                    out.extend_from_slice(LAST);
                }
                Ok(State::Done)
            }
            State::Trailers => {
                let colon = memchr(b':', line).ok_or(BadChunks)?;
                if self.form == Form::Plain {
                    self.keep(&line[..colon], line[colon + 1..].trim_ascii());
                }
                Ok(State::Trailers)
            }
            _ => Err(BadChunks),
        }
    }
}

impl Chunks {
    /// Keeps a trailer; one that can't be said in HTTP/2 is passed over, as all are elsewhere.
    fn keep(&mut self, name: &[u8], value: &[u8]) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            self.trailers.get_or_insert_default().append(name, value);
        }
    }
}

/// Writes `data`, which is not empty, as one chunk.
pub(super) fn write(data: &[u8], out: &mut Vec<u8>) {
    // A Vec takes everything.
    let _ = write!(out, "{:X}\r\n", data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// A chunk's size.
fn size(digits: &[u8]) -> Result<u64, BadChunks> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(BadChunks);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| BadChunks)?;
    u64::from_str_radix(digits, 16).map_err(|_| BadChunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `text` in pieces of `step` bytes; gives what was written and what is left, once it is done.
    fn taken(text: &str, step: usize) -> Result<(String, String), BadChunks> {
        let (mut chunks, mut input, mut out) = (Chunks::new(Form::Chunked), Vec::new(), Vec::new());
        for piece in text.as_bytes().chunks(step) {
            input.extend_from_slice(piece);
            let (taken, _) = chunks.take(&input, &mut out)?;
            input.drain(..taken);
        }
        assert!(chunks.is_done(), "{text:?}");
        Ok((String::from_utf8(out).unwrap(), String::from_utf8(input).unwrap()))
    }

    #[test]
    fn a_body_is_written_anew_without_extensions_and_trailers_and_what_follows_it_is_left() {
        let text = "3;x=\"y\"\r\nabc\r\n0A \r\n0123456789\r\n00;z\r\nA: b\r\nC: d\r\n\r\nHTTP/1.1";
        let whole = "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n".to_owned();
        assert_eq!(taken(text, 1000), Ok((whole, "HTTP/1.1".to_owned())));
        for step in 1..8 {
            let (out, left) = taken(text, step).unwrap();
            let (mut again, mut data) = (Chunks::new(Form::Plain), Vec::new());
            again.take(out.as_bytes(), &mut data).unwrap();
            assert!(again.is_done() && left == "HTTP/1.1", "{step}: {out:?}");
            assert_eq!(data, b"abc0123456789");
        }
    }

    #[test]
    fn trailers_are_kept_where_no_chunks_are_written() {
        let text = "1\r\na\r\n0\r\nA: b\r\nno name : c\r\na:  d \r\nE:\r\n\r\n";
        for (form, kept) in [(Form::Plain, &[("a", "b"), ("a", "d"), ("e", "")][..]), (Form::Chunked, &[])] {
            for step in [1, 3, 1000] {
                let (mut chunks, mut input) = (Chunks::new(form), Vec::new());
                for piece in text.as_bytes().chunks(step) {
                    input.extend_from_slice(piece);
                    let (taken, _) = chunks.take(&input, &mut Vec::new()).unwrap();
                    input.drain(..taken);
                }
                let trailers = chunks.take_trailers().unwrap_or_default();
                let pairs: Vec<_> =
                    trailers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
                assert_eq!((chunks.is_done(), &pairs[..]), (true, kept), "{step}");
            }
        }
    }

    #[test]
    fn what_two_readers_may_end_at_different_places_is_refused() {
        for text in [
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc\r\n0\n\r\n",
            "3\r\nabc\r\n0\r\n\n",
            "3\r\nabc\r\n0\r\nA: b\n\r\n",
            "\r\nabc\r\n0\r\n\r\n",
            "x\r\n",
            "-1\r\n",
            "+3\r\nabc\r\n",
            "0x3\r\nabc\r\n",
            " 3\r\nabc\r\n",
            "3 3\r\nabc\r\n",
            "FFFFFFFFFFFFFFFFF\r\na\r\n",
            "3;a\rb\r\nabc\r\n0\r\n\r\n",
            "0\r\nno trailer\r\n\r\n",
            "0\r\nA: b\rc\r\n\r\n",
        ] {
            for step in [1, 2, 1000] {
                let (mut chunks, mut input, mut refused) = (Chunks::new(Form::Chunked), Vec::new(), false);
                for piece in text.as_bytes().chunks(step) {
                    input.extend_from_slice(piece);
                    match chunks.take(&input, &mut Vec::new()) {
                        Ok((taken, _)) => drop(input.drain(..taken)),
                        Err(BadChunks) => refused = true,
                    }
                }
                assert!(refused, "{step}: {text:?}");
            }
        }
    }

    #[test]
    fn lines_and_trailers_are_bounded() {
        let long = "a".repeat(LONGEST + 2);
        let extensions = format!("1;{}\r\na\r\n", "x".repeat(100)).repeat(200);
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(LONGEST));
        for text in [format!("3;{long}"), format!("0\r\na:{long}\r\n"), extensions, trailers] {
            assert_eq!(Chunks::new(Form::Chunked).take(text.as_bytes(), &mut Vec::new()), Err(BadChunks));
        }
    }
}
