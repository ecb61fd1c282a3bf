//! Cookies: found in a request (with an eye for doubles), cut out of it, written for an answer.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use memchr::memchr;

use super::Fields;
use crate::config::settings::{Cookies, SameSite, SecureCookies};

/// What a request's `Cookie` headers hold under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing.
    Absent,
    /// One value, perhaps repeated to the letter.
    One(&'a str),
    /// Two different values: nobody can say which one is meant.
    Ambiguous,
}

/// Looks a cookie up in all `Cookie` headers (HTTP/2 may send several, RFC 9113 section 8.2.3).
pub fn find<'a>(headers: &'a impl Fields, name: &str) -> Found<'a> {
    let mut found = Found::Absent;
    for header in headers.all(COOKIE) {
        for pair in pairs(header) {
            let Some(value) = value_of(pair, name) else { continue };
            // A value that is not visible ASCII is no token; it still makes a second one ambiguous.
            let value = std::str::from_utf8(value).unwrap_or("\u{fffd}");
            found = match found {
                Found::Absent => Found::One(value),
                Found::One(first) if first == value => found,
                Found::One(_) | Found::Ambiguous => return Found::Ambiguous,
            };
        }
    }
    found
}

/// The pairs of one `Cookie` header as they stand there. A token is long, so that the search by the word pays.
fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let end = memchr(b';', bytes);
        rest = end.map(|end| &bytes[end + 1..]);
        Some(&bytes[..end.unwrap_or(bytes.len())])
    })
}

/// The value in `pair` if it is `name`'s. White space around name and value is not theirs, and
/// quotes around the value are cut, as servers do (RFC 6265 section 4.1.1).
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let pair = pair.trim_ascii();
    let rest = pair.strip_prefix(name.as_bytes())?.trim_ascii_start();
    let value = rest.strip_prefix(b"=")?.trim_ascii_start();
    Some(value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(value))
}

/// Whether `pair` belongs to one of `names`, also where it has no value at all.
fn is_ours(pair: &[u8], names: &[Box<str>]) -> bool {
    let pair = pair.trim_ascii_start();
    names.iter().any(|ours| {
        let rest = pair.strip_prefix(ours.as_bytes()).map(<[u8]>::trim_ascii_start);
        rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'=')
    })
}

/// Cuts the gate's own cookies out of all `Cookie` headers; the others stay as they were. Headers in
/// which nothing is left go, and several become one (RFC 9113 section 8.2.3).
pub fn cut(headers: &mut HeaderMap, names: &[Box<str>]) {
    let kept = match kept(headers, names) {
        Some(Cow::Borrowed(_)) => return,
        Some(Cow::Owned(kept)) => HeaderValue::from_maybe_shared(Bytes::from(kept)).ok(),
        None => None,
    };
    headers.remove(COOKIE);
    if let Some(value) = kept {
        headers.insert(COOKIE, value);
    }
}

/// What [`cut`] leaves, without changing what is there; `None`: nothing is left.
pub fn kept<'a>(headers: &'a impl Fields, names: &[Box<str>]) -> Option<Cow<'a, [u8]>> {
    let mut values = headers.all(COOKIE);
    let first = values.next()?;
    let second = values.next();
    // The one header, if nothing in it is the gate's.
    if second.is_none() && !pairs(first).any(|pair| is_ours(pair, names)) {
        return Some(Cow::Borrowed(first));
    }
    joined_without([first].into_iter().chain(second).chain(values), names).map(Cow::Owned)
}

fn joined_without<'a>(values: impl Iterator<Item = &'a [u8]>, names: &[Box<str>]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for value in values {
        let mut between: &[u8] = b"; ";
        for pair in pairs(value) {
            if is_ours(pair, names) {
                continue;
            }
            if kept.is_empty() {
                kept.extend_from_slice(pair.trim_ascii_start());
            } else {
                // Within one header what stands between two cookies stays, whatever a quoted value makes of it.
                kept.extend_from_slice(between);
                kept.extend_from_slice(if between == b"; " { pair.trim_ascii_start() } else { pair });
            }
            between = b";";
        }
    }
    (!kept.is_empty()).then_some(kept)
}

/// Whether a `Set-Cookie` value sets a cookie under one of the gate's names.
pub fn sets_ours(set_cookie: &[u8], names: &[Box<str>]) -> bool {
    let mut pair = pairs(set_cookie).next().unwrap_or_default().trim_ascii();
    // A browser keeps `=name=value` without a name and sends it back as `name=value` (RFC 6265bis section 5.7).
    while let Some(rest) = pair.strip_prefix(b"=") {
        pair = rest.trim_ascii();
    }
    is_ours(pair, names)
}

/// Where the browser's own cookie is sent: to whoever counts attempts to sign in, and never to the upstream.
const DEVICE_PATH: &str = "/auth";

/// Writes the gate's cookies.
#[derive(Clone, Debug)]
pub struct CookieWriter {
    settings: Cookies,
    public_https: bool,
}

impl CookieWriter {
    /// With the `[cookies]` settings, and whether `public_url` is https.
    pub const fn new(settings: Cookies, public_https: bool) -> Self {
        Self { settings, public_https }
    }

    /// The access token's cookie. `secure`: the request came by TLS.
    pub fn access(&self, token: &str, lifetime: Duration, secure: bool) -> HeaderValue {
        self.write(&self.settings.access, "/", token, lifetime, secure)
    }

    /// The refresh token's cookie. `secure`: the request came by TLS.
    pub fn refresh(&self, token: &str, lifetime: Duration, secure: bool) -> HeaderValue {
        self.write(&self.settings.refresh, "/", token, lifetime, secure)
    }

    /// The device token's cookie, unless the settings turn it off. It never gets the prefix `__Host-`, also where the
    /// others do: browsers want that one at `Path=/` (RFC 6265bis section 4.1.3.2), and an upstream has no use for it.
    pub fn device(&self, token: &str, lifetime: Duration, secure: bool) -> Option<HeaderValue> {
        let name = self.settings.device.as_deref()?;
        Some(self.write(name, DEVICE_PATH, token, lifetime, secure))
    }

    /// Both tokens' cookies, cleared. The browser stays a known one.
    pub fn clear(&self, secure: bool) -> [HeaderValue; 2] {
        [&self.settings.access, &self.settings.refresh]
            .map(|name| self.write(name, "/", "", Duration::ZERO, secure))
    }

    fn write(&self, name: &str, path: &str, value: &str, lifetime: Duration, secure: bool) -> HeaderValue {
        let secure = match self.settings.secure {
            SecureCookies::Always => true,
            SecureCookies::Never => false,
            SecureCookies::Auto => secure || self.public_https,
        };
        let same_site = match self.settings.same_site {
            SameSite::Lax => cookie::SameSite::Lax,
            SameSite::Strict => cookie::SameSite::Strict,
            SameSite::None => cookie::SameSite::None,
        };
        // Rounded up: the token's own end is exact, and `Max-Age` knows whole seconds only.
        let seconds = lifetime.as_secs() + u64::from(lifetime.subsec_nanos() > 0);
        let lifetime = i64::try_from(seconds).unwrap_or(i64::MAX);
        let mut cookie = cookie::Cookie::build((name, value))
            .http_only(true)
            .same_site(same_site)
            .path(path)
            .max_age(cookie::time::Duration::seconds(lifetime));
        if secure {
            cookie = cookie.secure(true);
        }
        if let Some(domain) = &self.settings.domain {
            cookie = cookie.domain(domain.as_str());
        }
        let text = cookie.build().to_string();
        HeaderValue::try_from(text).expect("names are checked in config, tokens are base64url and dots")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> [Box<str>; 3] {
        ["access_token", "refresh_token", "device_token"].map(Into::into)
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_two_values_are_ambiguous() {
        for (values, found) in [
            (&["access_token=a"][..], Found::One("a")),
            (&["x=1; access_token=a; y=2"], Found::One("a")),
            (&["x=1;access_token=a"], Found::One("a")),
            (&["access_token = a"], Found::One("a")),
            (&["access_token=\"a\""], Found::One("a")),
            (&["access_token="], Found::One("")),
            (&["access_token=a=b"], Found::One("a=b")),
            (&["x=1", "access_token=a"], Found::One("a")),
            (&["access_token=a; access_token=a"], Found::One("a")),
            (&["access_token=a; access_token=b"], Found::Ambiguous),
            (&["access_token=a", "access_token=b"], Found::Ambiguous),
            (&["access_token=a; access_token="], Found::Ambiguous),
            (&["access_token=a; access_token=\u{fc}"], Found::Ambiguous),
            (&["xaccess_token=a"], Found::Absent),
            (&["access_token2=a"], Found::Absent),
            (&["Access_Token=a"], Found::Absent),
            (&["x=access_token=a"], Found::Absent),
            (&["access_token"], Found::Absent),
            (&[], Found::Absent),
        ] {
            assert_eq!(find(&headers(values), "access_token"), found, "{values:?}");
        }
    }

    #[test]
    fn the_gates_cookies_are_cut_and_the_others_stay_as_they_were() {
        for (values, left) in [
            (&["access_token=a"][..], None),
            (&["a=1; access_token=a; b=\"2; refresh_token=r"], Some("a=1; b=\"2")),
            (&["access_token=a; access_token=b; c=3"], Some("c=3")),
            (&["a=1; device_token=d; b=2"], Some("a=1; b=2")),
            (&["device_token=d"], None),
            (&["a=1;  b=2"], Some("a=1;  b=2")),
            (&["a=1;b=2; access_token=x;c=\"q;r\""], Some("a=1;b=2;c=\"q;r\"")),
            (&["access_token=x;a=1;b=2"], Some("a=1;b=2")),
            (&["a=1", "access_token=x", "b=2"], Some("a=1; b=2")),
            (&["access_token; a=1"], Some("a=1")),
            (&["access_token x=1; access_token"], Some("access_token x=1")),
            (&[" access_token =a; a=1"], Some("a=1")),
            (&["theme=dark; access_token2=keep"], Some("theme=dark; access_token2=keep")),
        ] {
            let mut headers = headers(values);
            cut(&mut headers, &names());
            let got: Vec<_> =
                headers.get_all(COOKIE).iter().map(|v| v.to_str().unwrap().to_owned()).collect();
            assert_eq!(got, left.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{values:?}");
        }
    }

    #[test]
    fn an_upstream_can_set_no_cookie_of_the_gates_by_any_spelling() {
        for (cookie, ours) in [
            ("access_token=evil; Path=/", true),
            (" refresh_token = evil", true),
            ("=access_token=evil", true),
            (" = = access_token=evil", true),
            ("access_token", true),
            ("device_token=evil; Path=/auth", true),
            ("access_tokens=fine", false),
            ("theme=access_token=fine", false),
            ("", false),
        ] {
            assert_eq!(sets_ours(cookie.as_bytes(), &names()), ours, "{cookie:?}");
        }
    }
}
