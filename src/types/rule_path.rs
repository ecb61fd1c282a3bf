//! A rule's path, and the one spelling in which rules and the paths of requests are compared.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::path_prefix::{PathPrefix, is_below};

/// What a path can't hold as it is (RFC 3986 section 3.3), and `%`, which begins an escape. In the common spelling these
/// are escapes with capital digits, and so is what is not ASCII; everything else stands for itself.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Puts a path whose characters are meant as they are into the common spelling.
pub fn spelled(path: &[u8]) -> String {
    percent_encode(path, ESCAPED).to_string()
}

/// Which paths a rule is about: one, or all that begin like it; a segment `*` stands for any one.
#[derive(Clone, PartialEq, Eq)]
pub struct RulePath {
    /// The path, or its beginning up to a slash, in the common spelling.
    start: Box<str>,
    prefix: bool,
    /// Whether a segment is `*`.
    wild: bool,
    written: Box<str>,
}

/// Why a text is no rule's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulePathError {
    /// It does not begin with a slash.
    NoSlash,
    /// A `*` that is not a whole segment.
    Star,
    /// It goes on into a query or a fragment, which begins with this sign: rules see neither.
    BeyondPath(char),
    /// It has an escape; rules are written with the characters themselves.
    Escape,
    /// No request can have it, or none without a doubt, because of this.
    Odd(&'static str),
    /// It is the gate's own: rules are about the backend's paths.
    Gates,
}

impl RulePath {
    /// Reads a path as an operator writes it: `/a`, `/a/*` for everything below `/a/`, or `/a/*/b`, where one segment is left
    /// open.
    pub fn parse(text: &str) -> Result<Self, RulePathError> {
        if !text.starts_with('/') {
            return Err(RulePathError::NoSlash);
        }
        let (start, prefix) = match text.strip_suffix("/*") {
            Some(folder) => (&text[..=folder.len()], true),
            None => (text, false),
        };
        let wild = start.split('/').any(|segment| segment == "*");
        if start.split('/').any(|segment| segment != "*" && segment.contains('*')) {
            return Err(RulePathError::Star);
        }
        if let Some(sign) = start.chars().find(|sign| matches!(sign, '?' | '#')) {
            return Err(RulePathError::BeyondPath(sign));
        }
        if start.contains('%') {
            return Err(RulePathError::Escape);
        }
        if let Some(why) = oddity(start) {
            return Err(RulePathError::Odd(why));
        }
        if start == "/auth" || start.starts_with("/auth/") {
            return Err(RulePathError::Gates);
        }
        Ok(Self { start: spelled(start.as_bytes()).into(), prefix, wild, written: text.into() })
    }

    /// Whether the rule is about a path in the common spelling. Allocates nothing.
    pub fn covers(&self, path: &str) -> bool {
        match (self.wild, self.prefix) {
            (true, _) => self.covers_segments(path),
            (false, true) => path.starts_with(&*self.start),
            (false, false) => path == &*self.start,
        }
    }

    /// Whether the rule is about every path that another one is about.
    pub fn covers_all_of(&self, other: &Self) -> bool {
        (self.prefix || !other.prefix) && self.covers_segments(&other.start)
    }

    /// Compares segment by segment; after a prefix comes another one, be it empty. So may be what `*` stands for: a path with
    /// an empty segment is odd, and no rule that opens is about it; those that restrict are.
    fn covers_segments(&self, path: &str) -> bool {
        let own = if self.prefix { &self.start[..self.start.len() - 1] } else { &*self.start };
        let mut segments = path.split('/');
        let covered = own.split('/').all(|own| {
            let segment = segments.next();
            segment.is_some_and(|segment| own == segment || own == "*")
        });
        covered && segments.next().is_some() == self.prefix
    }

    /// Its one path, in the common spelling. `None`: it is about several.
    pub fn into_exact(self) -> Option<Box<str>> {
        (!self.prefix && !self.wild).then_some(self.start)
    }

    /// Whether every path that it is about begins with these whole segments.
    pub fn is_below(&self, prefix: &PathPrefix) -> bool {
        is_below(&self.start, prefix.as_str())
    }

    /// As the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl fmt::Display for RulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for RulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}

/// What makes a path one that can be read in several ways.
fn oddity(path: &str) -> Option<&'static str> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if path.contains('\\') {
        Some("a backslash")
    } else if path.contains(';') {
        Some("a `;`, where many backends cut a path's segment off")
    } else if path.chars().any(char::is_control) {
        Some("a control character")
    } else if path.contains("//") {
        Some("an empty segment")
    } else if inner.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some("a dot segment")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rules_path_is_exact_or_a_prefix() {
        for (rule, path, covered) in [
            ("/public", "/public", true),
            ("/public", "/public/", false),
            ("/public", "/publica", false),
            ("/public/*", "/public", false),
            ("/public/*", "/public/", true),
            ("/public/*", "/public/a/b", true),
            ("/public/*", "/Public/a", false),
            ("/*", "/", true),
            ("/*", "/a/b", true),
            ("/", "/", true),
            ("/", "/a", false),
            ("/a b/ü/*", "/a%20b/%C3%BC/x", true),
            ("/.well-known/*", "/.well-known/x", true),
            ("/authors", "/authors", true),
            ("/api/*/public", "/api/x/public", true),
            ("/api/*/public", "/api/*/public", true),
            ("/api/*/public", "/api//public", true),
            ("/api/*/public", "/api/public", false),
            ("/api/*/public", "/api/x/y/public", false),
            ("/api/*/public", "/api/x/public/", false),
            ("/api/*/public", "/api/x/publica", false),
            ("/api/*/public", "/api/x", false),
            ("/api/*/public", "/API/x/public", false),
            ("/api/*/", "/api/x/", true),
            ("/api/*/", "/api/x", false),
            ("/api/*/", "/api//", true),
            ("/api/*/*", "/api/x/", true),
            ("/api/*/*", "/api/x/y/z", true),
            ("/api/*/*", "/api/x", false),
            ("/api/*/*", "/api//y", true),
            ("/*/b", "/a/b", true),
            ("/*/b", "//b", true),
            ("/*/*/c/*", "/a/b/c/", true),
            ("/*/*/c/*", "/a/b/c", false),
            ("/*/ü", "/%C3%BC/%C3%BC", true),
        ] {
            assert_eq!(RulePath::parse(rule).unwrap().covers(path), covered, "{rule} {path}");
        }
    }

    #[test]
    fn a_rules_path_has_one_meaning() {
        use RulePathError::{BeyondPath, Escape, Gates, NoSlash, Odd, Star};
        for (text, error) in [
            ("", NoSlash),
            ("public/*", NoSlash),
            ("*", NoSlash),
            ("/a*", Star),
            ("/a*/b", Star),
            ("/*a/b", Star),
            ("/a/**", Star),
            ("/a/**/b", Star),
            ("/a/*b*", Star),
            ("/a/*/b*", Star),
            ("/a?b=c", BeyondPath('?')),
            ("/a#b", BeyondPath('#')),
            ("/a%20b", Escape),
            ("/a%", Escape),
            ("/a\\b", Odd("a backslash")),
            ("/a\tb", Odd("a control character")),
            ("//", Odd("an empty segment")),
            ("/a//*", Odd("an empty segment")),
            ("/a/../b", Odd("a dot segment")),
            ("/./*", Odd("a dot segment")),
            ("/..", Odd("a dot segment")),
            ("/auth", Gates),
            ("/auth/*", Gates),
            ("/auth/me", Gates),
        ] {
            assert_eq!(RulePath::parse(text), Err(error), "{text:?}");
        }
        assert!(matches!(RulePath::parse("/a;b"), Err(Odd(_))));
    }

    #[test]
    fn a_rule_covers_another_when_no_path_is_left_to_it() {
        for (one, other, covers) in [
            ("/*", "/a/*", true),
            ("/*", "/", true),
            ("/a/*", "/a/b/*", true),
            ("/a/*", "/a", false),
            ("/a/*", "/a/*", true),
            ("/a", "/a/*", false),
            ("/a", "/a", true),
            ("/a/", "/a/*", false),
            ("/a/*/b", "/a/x/b", true),
            ("/a/*/b", "/a/*/b", true),
            ("/a/x/b", "/a/*/b", false),
            ("/a/*", "/a/*/b", true),
            ("/a/*/b", "/a/*", false),
            ("/a/*/*", "/a/b/*", true),
            ("/a/*/*", "/a/*/b", true),
            ("/a/*/*", "/a/b/", true),
            ("/a/*/*", "/a/*", false),
            ("/*/b/*", "/a/*", false),
            ("/*/b/*", "/a/b/c/*", true),
        ] {
            let [one, other] = [one, other].map(|text| RulePath::parse(text).unwrap());
            assert_eq!(one.covers_all_of(&other), covers, "{one} {other}");
        }
    }
}
