//! The cross-site rule (contract section 5): may a browser that was on that page send this request?
//!
//! 1. `Sec-Fetch-Site` or `Origin` twice: no.
//! 2. `Sec-Fetch-Site` is there: `same-origin` and `none` may, others only if `Origin` is in `cors.origins`.
//! 3. Only `Origin` is there: it must be Sidegate's own (`public_url`'s, or the request's `Host`: host and port
//!    compared), or in `cors.origins`. `null` is foreign.
//! 4. Neither is there (curl, git, gRPC): it may.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderName, HeaderValue};

use crate::config::settings::Settings;
use crate::web::{Fields, head};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose page a request comes from, as far as the browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// Sidegate's own, one that the settings name, or no browser's.
    Own,
    /// Another's, or it can't be told.
    Foreign,
}

/// The origins that may send what changes something.
#[derive(Clone, Debug)]
pub struct Origins {
    public: Authority,
    public_https: bool,
    allowed: Vec<HeaderValue>,
}

impl Origins {
    /// As the settings have it.
    pub fn new(settings: &Settings) -> Self {
        let allowed = settings.cors.origins.iter();
        Self {
            public: settings.server.public_url.authority.clone(),
            public_https: settings.server.public_url.https,
            allowed: allowed.filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
        }
    }

    /// Applies the rule. `host`: the authority that the client asked for.
    pub fn judge(&self, headers: &impl Fields, host: Option<&Authority>) -> Site {
        let (Ok(fetch_site), Ok(origin)) = (single(headers, SEC_FETCH_SITE), single(headers, ORIGIN)) else {
            return Site::Foreign;
        };
        let own = match (fetch_site, origin) {
            (None, None) => true,
            (Some(site), _) if site == b"same-origin" || site == b"none" => true,
            (Some(_), origin) => origin.is_some_and(|origin| self.allows(origin)),
            (None, Some(origin)) => self.allows(origin) || self.is_ours(origin, host),
        };
        if own { Site::Own } else { Site::Foreign }
    }

    /// Whether the settings name this origin.
    pub fn allows(&self, origin: &[u8]) -> bool {
        self.allowed.iter().any(|allowed| allowed == origin)
    }

    fn is_ours(&self, origin: &[u8], host: Option<&Authority>) -> bool {
        let Some((scheme, authority)) = head::text(origin).and_then(|text| text.split_once("://")) else {
            return false;
        };
        let (Ok(origin), Some(port)) = (authority.parse::<Authority>(), default_port(scheme)) else {
            return false;
        };
        let same = |ours: &Authority, our_default: u16| {
            origin.host().eq_ignore_ascii_case(ours.host())
                && origin.port_u16().unwrap_or(port) == ours.port_u16().unwrap_or(our_default)
        };
        // A `Host` without a port means the scheme's own, and the browser's page has the scheme it says.
        let public_default = if self.public_https { 443 } else { 80 };
        !authority.contains('@')
            && (same(&self.public, public_default) || host.is_some_and(|host| same(host, port)))
    }
}

/// The one value of a header; an error where there are several.
fn single(headers: &impl Fields, name: HeaderName) -> Result<Option<&[u8]>, ()> {
    let mut values = headers.all(name);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(()),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The authority in `Host`, for requests that have no trusted proxy's word.
pub fn host_header(headers: &impl Fields) -> Option<Authority> {
    headers.first(HOST).and_then(|value| Authority::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn site(pairs: &[(&'static str, &str)], host: &str) -> Site {
        let origins = Origins {
            public: Authority::from_static("app.example.com"),
            public_https: true,
            allowed: vec![HeaderValue::from_static("http://127.0.0.1:5500")],
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        origins.judge(&headers, host.parse().ok().as_ref())
    }

    #[test]
    fn a_request_is_foreign_unless_the_rule_says_otherwise() {
        const SITE: &str = "sec-fetch-site";
        let table: &[(&[(&'static str, &str)], Site)] = &[
            (&[], Site::Own),
            (&[(SITE, "same-origin")], Site::Own),
            (&[(SITE, "none")], Site::Own),
            (&[(SITE, "same-site")], Site::Foreign),
            (&[(SITE, "cross-site")], Site::Foreign),
            (&[(SITE, "cross-site"), ("origin", "http://127.0.0.1:5500")], Site::Own),
            (&[(SITE, "cross-site"), ("origin", "https://app.example.com")], Site::Foreign),
            (&[(SITE, "same-origin"), ("origin", "null")], Site::Own),
            (&[(SITE, "same-origin"), (SITE, "same-origin")], Site::Foreign),
            (&[("origin", "https://app.example.com")], Site::Own),
            (&[("origin", "https://APP.example.com:443")], Site::Own),
            (&[("origin", "http://127.0.0.1:8000")], Site::Own),
            (&[("origin", "http://127.0.0.1:5500")], Site::Own),
            (&[("origin", "http://127.0.0.1:5501")], Site::Foreign),
            (&[("origin", "http://app.example.com")], Site::Foreign),
            (&[("origin", "https://app.example.com.evil.com")], Site::Foreign),
            (&[("origin", "https://app.example.com:444")], Site::Foreign),
            (&[("origin", "https://evil@app.example.com")], Site::Foreign),
            (&[("origin", "ftp://127.0.0.1:8000")], Site::Foreign),
            (&[("origin", "null")], Site::Foreign),
            (&[("origin", "")], Site::Foreign),
            (&[("origin", "http://127.0.0.1:5500"), ("origin", "http://127.0.0.1:5500")], Site::Foreign),
        ];
        for (headers, expected) in table {
            assert_eq!(site(headers, "127.0.0.1:8000"), *expected, "{headers:?}");
        }
    }

    #[test]
    fn a_host_without_a_port_has_the_port_of_the_pages_scheme() {
        assert_eq!(site(&[("origin", "http://intra")], "intra"), Site::Own);
        assert_eq!(site(&[("origin", "https://intra")], "intra"), Site::Own);
        assert_eq!(site(&[("origin", "http://intra:8080")], "intra"), Site::Foreign);
    }
}
