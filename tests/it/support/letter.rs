//! What is in a mail that a test has got: its headers, its text and the links in it, decoded.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::smtp::Received;

impl Received {
    pub(super) fn is_for(&self, address: &str) -> bool {
        self.to.iter().any(|to| to == address)
    }

    /// A header's value, unfolded, `=?utf-8?…?=` decoded (RFC 2047).
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.parts();
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let mut values = head.lines().filter_map(|line| line.split_once(": "));
        values.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| words(value))
    }

    pub(crate) fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    /// Its text, decoded, with `\n` at lines' ends.
    pub(crate) fn text(&self) -> String {
        let (_, body) = self.parts();
        let bytes = match self.header("Content-Transfer-Encoding").as_deref() {
            Some("base64") => BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap(),
            Some("quoted-printable") => unquoted(&body.replace("=\r\n", ""), false),
            _ => body.into_bytes(),
        };
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    }

    /// The link in it whose path is this.
    pub(crate) fn link(&self, path: &str) -> String {
        let text = self.text();
        let is = |word: &&str| {
            let rest = word.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
            rest.is_some_and(|rest| rest.split(['?', '#']).next() == Some(path))
        };
        text.split_whitespace().find(is).unwrap_or_else(|| panic!("no link to {path} in {text}")).to_owned()
    }

    fn parts(&self) -> (String, String) {
        let text = String::from_utf8(self.data.clone()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

/// `=41` as `A`; in headers `_` is a space.
fn unquoted(text: &str, header: bool) -> Vec<u8> {
    let mut pieces = text.split('=');
    let plain = |piece: &str| if header { piece.replace('_', " ") } else { piece.to_owned() }.into_bytes();
    let mut bytes = plain(pieces.next().unwrap());
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(plain(&piece[2..]));
    }
    bytes
}

/// A header's value with its encoded words decoded; spaces between two of them are none.
fn words(value: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), value, false);
    while let Some((before, word)) = rest.split_once("=?") {
        if !(after_word && before.trim().is_empty()) {
            out += before;
        }
        let mut parts = word.splitn(4, '?');
        let (_, way, text) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
        let bytes = if way.eq_ignore_ascii_case("b") {
            BASE64_STANDARD.decode(text).unwrap()
        } else {
            unquoted(text, true)
        };
        out += &String::from_utf8(bytes).unwrap();
        (rest, after_word) = (parts.next().unwrap().strip_prefix('=').unwrap(), true);
    }
    out + rest
}
