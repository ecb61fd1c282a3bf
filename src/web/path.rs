//! Paths: which belong to the gate, and which may be led to.

use percent_encoding::percent_decode_str;

use super::readings::{Readings, is_plain};

/// Whose a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Below `/auth/`, as it stands there: the gate answers.
    Gate,
    /// It only becomes `/auth/…` by decoding or tidying: the gate's, and there is nothing there.
    GateInDisguise,
    /// Everything else.
    Upstream,
}

/// Says whose a request path is. An ordinary path costs a few comparisons.
pub fn owner(path: &str) -> Owner {
    if path == "/auth" || path.starts_with("/auth/") {
        return Owner::Gate;
    }
    if is_plain(path.as_bytes()) {
        return Owner::Upstream;
    }
    let disguised = match Readings::of(path) {
        Readings::One(reading) => is_gates(&reading),
        Readings::Several(readings) | Readings::Odd(readings) => {
            readings.iter().any(|reading| is_gates(reading))
        }
        Readings::TooMany => true,
    };
    if disguised { Owner::GateInDisguise } else { Owner::Upstream }
}

/// Compared without case, since a backend on a careless file system may do so.
fn is_gates(reading: &str) -> bool {
    let bytes = reading.as_bytes();
    bytes.len() >= 5 && bytes[..5].eq_ignore_ascii_case(b"/auth") && matches!(bytes.get(5), None | Some(b'/'))
}

/// A path of this site that a person may be led to after signing in, with its query: parsed and rebuilt, so
/// that no browser reads another site in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Longer ones are led to `/` instead; browsers and proxies refuse much longer URLs anyway.
    const MAX: usize = 2048;

    /// Reads `next`. Refused: anything that does not begin with exactly one slash, holds a backslash, a
    /// control character, white space or a non-ASCII character, or leads back to the gate's own pages.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= Self::MAX
            && text.starts_with('/')
            && !text.starts_with("//")
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let path = text.split(['?', '#']).next().unwrap_or_default();
        // `/%2F/host` and `/.//host` are harmless to browsers, but not worth a doubt.
        let leads_off = tidied_start_is_doubtful(path);
        (plain && !leads_off && (owner(path) == Owner::Upstream || path == ACCOUNT))
            .then(|| Self(text.split('#').next().unwrap_or_default().to_owned()))
    }

    /// The page that everybody begins at.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one page of the gate's that a sign-in may lead to: it shows, and changes nothing.
const ACCOUNT: &str = "/auth/account";

/// Whether a path's first segments are empty or dots, once decoded: `/.//host`, `/%2fhost`.
fn tidied_start_is_doubtful(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    decoded.starts_with("//") || decoded.starts_with("/.") && decoded.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_becomes_the_gates_by_decoding_is_the_gates() {
        for (path, whose) in [
            ("/auth", Owner::Gate),
            ("/auth/me", Owner::Gate),
            ("/auth/../x", Owner::Gate),
            ("/%61uth/me", Owner::GateInDisguise),
            ("/auth%2fme", Owner::GateInDisguise),
            ("/%2561uth/me", Owner::GateInDisguise),
            ("//auth/me", Owner::GateInDisguise),
            ("/./auth/me", Owner::GateInDisguise),
            ("/x/../auth/me", Owner::GateInDisguise),
            ("/x/..;/auth/me", Owner::GateInDisguise),
            ("/auth;a=b/me", Owner::GateInDisguise),
            ("/\\auth\\me", Owner::GateInDisguise),
            ("/%41UTH/me", Owner::GateInDisguise),
            ("/authors", Owner::Upstream),
            ("/authors%20/me", Owner::Upstream),
            ("/x/auth/me", Owner::Upstream),
            ("/", Owner::Upstream),
            ("/a%20b", Owner::Upstream),
        ] {
            assert_eq!(owner(path), whose, "{path}");
        }
    }

    #[test]
    fn next_is_a_path_of_this_site_alone() {
        for good in ["/", "/a?b=c&d=%2F", "/a/b;c", "/a//b", "/%C3%BC", "/auth/account"] {
            assert_eq!(LocalPath::parse(good).as_ref().map(LocalPath::as_str), Some(good));
        }
        assert_eq!(LocalPath::parse("/a#b").unwrap().as_str(), "/a");
        for bad in [
            "",
            "a",
            "//evil.com",
            "/\\evil.com",
            "\\\\evil.com",
            "http://evil.com",
            "https:/evil.com",
            "/\tevil",
            " /",
            "/ü",
            "/\r\nSet-Cookie: a=b",
            "/%2fevil.com",
            "/.//evil.com",
            "/%5cevil.com",
            "/auth/signout",
            "/auth/account/x",
            "/%61uth/account",
            "/auth/login?next=/",
            "/%61uth/login",
            "javascript:alert(1)",
            "/\u{0}",
        ] {
            assert_eq!(LocalPath::parse(bad), None, "{bad:?}");
        }
    }
}
