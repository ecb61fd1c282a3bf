//! Paths: which belong to the gate, which may be led to, and which are odd.

use percent_encoding::percent_decode_str;

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
    if is_odd(path) && readings(path).iter().any(|reading| is_gates(reading)) {
        return Owner::GateInDisguise;
    }
    Owner::Upstream
}

/// Compared without case, since a backend on a careless file system may do so.
fn is_gates(reading: &str) -> bool {
    let bytes = reading.as_bytes();
    bytes.len() >= 5 && bytes[..5].eq_ignore_ascii_case(b"/auth") && matches!(bytes.get(5), None | Some(b'/'))
}

/// Whether a path can be read in several ways (contract section 6).
pub fn is_odd(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.iter().any(|b| matches!(b, b'%' | b'\\' | b';' | 0..=0x20 | 0x7f..))
        || bytes.windows(2).any(|pair| pair == b"//" || pair == b"/.")
}

/// What a backend may make of a path: escapes decoded once and twice, `\` as `/`, `;…` cut off, slashes
/// merged and dot segments resolved.
fn readings(path: &str) -> Vec<String> {
    let once = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let twice = percent_decode_str(&once).decode_utf8_lossy().into_owned();
    let mut all = Vec::with_capacity(12);
    for reading in [path, &once, &twice] {
        all.push(reading.to_owned());
        all.push(tidied(reading));
        all.push(tidied(&reading.replace('\\', "/")));
        all.push(tidied(&without_parameters(&reading.replace('\\', "/"))));
    }
    all
}

/// Cuts `;…` off each segment.
fn without_parameters(path: &str) -> String {
    let segments: Vec<_> =
        path.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect();
    segments.join("/")
}

/// Merges slashes and resolves dot segments (RFC 3986 section 5.2.4).
fn tidied(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
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
        (plain && !leads_off && owner(path) == Owner::Upstream)
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
        for good in ["/", "/a?b=c&d=%2F", "/a/b;c", "/a//b", "/%C3%BC"] {
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
            "/auth/login?next=/",
            "/%61uth/login",
            "javascript:alert(1)",
            "/\u{0}",
        ] {
            assert_eq!(LocalPath::parse(bad), None, "{bad:?}");
        }
    }
}
