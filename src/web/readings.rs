//! What a path may mean to a backend. Nearly every path means one thing; the others are read in each way that is known
//! of backends, so that none of them can mean something else than what was judged (contract section 6).

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use percent_encoding::percent_decode;

use crate::types::rule_path::spelled;

/// A path by its meanings, each in the common spelling of `types::rule_path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readings<'a> {
    /// One meaning.
    One(Cow<'a, str>),
    /// Some backends cut parameters off (`;…`), or take an escaped delimiter for a delimiter. Common in honest
    /// requests.
    Several(Vec<String>),
    /// It has what an honest client resolves or escapes before it asks: dot segments, empty segments, escaped slashes and
    /// the like. Nothing is opened for it.
    Odd(Vec<String>),
    /// It has more meanings than can be looked at.
    TooMany,
}

/// How many bytes may be made of one path while it is read: some hundred meanings of a short one, or the few that a
/// long and honest one has. A path that asks for more is work for the gate and no use to anybody.
const MOST: usize = 128 * 1024;

/// What a meaning costs beside its length.
const EACH: usize = 128;

impl<'a> Readings<'a> {
    /// Reads a request's path.
    pub fn of(path: &'a str) -> Self {
        if is_plain(path.as_bytes()) {
            return Self::One(Cow::Borrowed(path));
        }
        let normal = normal(path);
        let odd = is_odd(path.as_bytes(), &normal);
        let delimited = normal.contains(';') || normal.contains("%3F") || normal.contains("%23");
        if !odd && !delimited && spelled(&decoded(path.as_bytes())) == *normal {
            return Self::One(normal);
        }
        match all(path, &normal, odd) {
            None => Self::TooMany,
            Some(readings) if odd => Self::Odd(readings),
            Some(readings) => Self::Several(readings),
        }
    }
}

/// Whether a path is its own and only meaning at first sight: no escapes but of what has to be one, nothing to resolve.
/// Allocates nothing.
pub fn is_plain(path: &[u8]) -> bool {
    let (mut before, mut rest) = (0, path);
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            // A name that begins with a dot takes the longer way, too.
            b'/' | b'.' if before == b'/' => return false,
            b'%' => match after_settled_escape(rest) {
                Some(after) => after,
                None => return false,
            },
            _ if is_unreserved(byte) || b"/!$&'()*+,=:@".contains(&byte) => after,
            _ => return false,
        };
        before = byte;
    }
    path.first() == Some(&b'/')
}

/// What comes after the escapes of one character that has to be escaped in a path, in capital digits.
fn after_settled_escape(path: &[u8]) -> Option<&[u8]> {
    let first = escape(path)?;
    let length = match first {
        b' ' | b'"' | b'<' | b'>' | b'[' | b']' | b'^' | b'`' | b'{' | b'|' | b'}' => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let (escapes, after) = path.split_at_checked(3 * length)?;
    let mut bytes = [0; 4];
    for (byte, escaped) in bytes.iter_mut().zip(escapes.chunks_exact(3)) {
        *byte = escape(escaped)?;
    }
    let settled = !escapes.iter().any(u8::is_ascii_lowercase)
        && std::str::from_utf8(&bytes[..length]).is_ok_and(|text| !text.chars().any(char::is_control));
    settled.then_some(after)
}

/// RFC 3986 section 2.3: these mean the same with and without an escape.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The byte that an escape at the beginning of `bytes` stands for.
fn escape(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

/// A path with unreserved escapes decoded, the others with capital digits, and what can't stand in a path escaped: what
/// rules see.
fn normal(path: &str) -> Cow<'_, str> {
    let mut rest = path.as_bytes();
    let mut out = String::with_capacity(path.len());
    while let Some(&byte) = rest.first() {
        let length = match escape(rest) {
            Some(meant) if is_unreserved(meant) => {
                out.push(char::from(meant));
                3
            }
            Some(meant) => {
                out += &spelled_escape(meant);
                3
            }
            // A `%` that begins no escape is kept: what it means is in doubt.
            None if byte == b'%' => {
                out.push('%');
                1
            }
            // Nearly every byte: a string for each would make long paths costly.
            None if is_unreserved(byte) || b"/!$&'()*+,;=:@".contains(&byte) => {
                out.push(char::from(byte));
                1
            }
            None => {
                out += &spelled(&rest[..1]);
                1
            }
        };
        rest = &rest[length..];
    }
    if out == path { Cow::Borrowed(path) } else { Cow::Owned(out) }
}

fn spelled_escape(byte: u8) -> String {
    format!("%{byte:02X}")
}

fn decoded(path: &[u8]) -> Vec<u8> {
    percent_decode(path).collect()
}

/// Whether a path has what contract section 6 lists.
fn is_odd(path: &[u8], normal: &str) -> bool {
    if path.first() != Some(&b'/') || path.contains(&b'\\') {
        return true;
    }
    let escapes = path.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    for (at, _) in escapes {
        if matches!(escape(&path[at..]), None | Some(b'/' | b'%' | b'\\')) {
            return true;
        }
    }
    match String::from_utf8(decoded(path)) {
        Ok(text) if !text.chars().any(char::is_control) => {}
        _ => return true,
    }
    let mut segments = normal[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(';').next().unwrap_or_default();
        let name = name.split("%3B").next().unwrap_or_default();
        if name.is_empty() && segments.peek().is_some() || matches!(name, "." | "..") {
            return true;
        }
    }
    false
}

/// Everything that comes out of a path by any order of what backends are known to do with one; `None` where that is
/// more than can be looked at.
fn all(path: &str, normal: &str, odd: bool) -> Option<Vec<String>> {
    let mut open = VecDeque::from([(path.as_bytes().to_vec(), 0_u8), (normal.as_bytes().to_vec(), 0)]);
    if !path.starts_with('/') {
        open.push_back((format!("/{path}").into_bytes(), 0));
    }
    let mut seen: HashSet<(Vec<u8>, u8)> = open.iter().cloned().collect();
    let mut made_bytes = 0;
    let mut readings = Vec::new();
    while let Some((reading, decodes)) = open.pop_front() {
        made_bytes += reading.len() + EACH;
        if made_bytes > MOST {
            return None;
        }
        let mut next = |made: Option<Vec<u8>>, decodes: u8| {
            if let Some(made) = made.map(|made| (made, decodes))
                && seen.insert(made.clone())
            {
                open.push_back(made);
            }
        };
        if decodes < 2 {
            next(Some(decoded(&reading)).filter(|made| *made != reading), decodes + 1);
        }
        next(with_slashes(&reading), decodes);
        next(without_parameters(&reading), decodes);
        next(cut_at(&reading, b";"), decodes);
        next(merged(&reading), decodes);
        next(beyond_host(&reading, |byte| byte == b'/'), decodes);
        next(beyond_host(&reading, |byte| !is_unreserved(byte) && !b":@".contains(&byte)), decodes);
        next(resolved(&reading), decodes);
        if odd {
            next(reading.strip_suffix(b"/").filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec), decodes);
        }
        if decodes > 0 {
            // What was escaped until now.
            next(cut_at(&reading, b"?#"), decodes);
            next(cut_at(&reading, b"\0"), decodes);
            next(legible(&reading), decodes);
            next(folded(&reading), decodes);
        }
        let text = if decodes == 0 {
            self::normal(std::str::from_utf8(&reading).unwrap_or_default()).into_owned()
        } else {
            spelled(&reading)
        };
        if !readings.contains(&text) {
            readings.push(text);
        }
    }
    Some(readings)
}

/// `\` as `/` (Windows, and what browsers do).
fn with_slashes(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b'\\').then(|| path.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect())
}

/// Cuts `;…` off each segment (Java's servlets).
fn without_parameters(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b';').then(|| {
        let segments = path.split(|&byte| byte == b'/');
        let names = segments.map(|segment| segment.split(|&byte| byte == b';').next().unwrap_or_default());
        names.collect::<Vec<_>>().join(&b'/')
    })
}

/// Cuts a path off at the first of some signs.
fn cut_at(path: &[u8], signs: &[u8]) -> Option<Vec<u8>> {
    path.iter().position(|byte| signs.contains(byte)).map(|at| path[..at].to_vec())
}

/// Makes one slash of several (nginx's `merge_slashes`).
fn merged(path: &[u8]) -> Option<Vec<u8>> {
    let doubled = path.windows(2).any(|pair| pair == b"//");
    doubled.then(|| {
        let mut merged = path.to_vec();
        merged.dedup_by(|one, other| *one == b'/' && *other == b'/');
        merged
    })
}

/// Takes what follows two slashes or more for a host, and the rest for the path (RFC 3986 section 4.2: a network-path
/// reference): what URL parsers make of a request's target, Node's `new URL` and Python's `urlsplit` among them. To some
/// the host ends at the next slash, to others (Node's `url.parse`) at whatever can't stand in one.
fn beyond_host(path: &[u8], ends: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    let host = path.strip_prefix(b"//")?;
    let host = &host[host.iter().take_while(|byte| **byte == b'/').count()..];
    let rest = host.iter().position(|byte| ends(*byte)).map_or(&b""[..], |end| &host[end..]);
    Some([b"/", rest.strip_prefix(b"/").unwrap_or(rest)].concat())
}

/// Resolves dot segments (RFC 3986 section 5.2.4). A slash at the end stays.
fn resolved(path: &[u8]) -> Option<Vec<u8>> {
    let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    let rest = path.strip_prefix(b"/")?;
    if !rest.split(|&byte| byte == b'/').any(is_dots) {
        return None;
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in rest.split(|&byte| byte == b'/') {
        match segment {
            b"." => {}
            b".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    if rest.rsplit(|&byte| byte == b'/').next().is_some_and(is_dots) {
        segments.push(b"");
    }
    Some([b"/", segments.join(&b'/').as_slice()].concat())
}

/// Leaves out what is no text: backends drop control characters and bad UTF-8.
fn legible(path: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(path);
    let kept: String = text.chars().filter(|sign| !sign.is_control() && *sign != '\u{fffd}').collect();
    (kept.as_bytes() != path).then(|| kept.into_bytes())
}

/// Reads ASCII characters that were spelled in two bytes of bad UTF-8 (`%C0%AF` is a slash to old decoders).
fn folded(path: &[u8]) -> Option<Vec<u8>> {
    if !path.iter().any(|byte| matches!(byte, 0xc0 | 0xc1)) {
        return None;
    }
    let (mut folded, mut rest) = (Vec::with_capacity(path.len()), path);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.split_first()) {
            (0xc0 | 0xc1, Some((&low @ 0x80..=0xbf, beyond))) => {
                folded.push((byte & 1) << 6 | low & 0x3f);
                rest = beyond;
            }
            _ => folded.push(byte),
        }
    }
    Some(folded)
}

#[cfg(test)]
mod tests;
