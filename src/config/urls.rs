//! How URLs are written: the gate's own, the upstream's, the database's, origins; and the names of hosts in them.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use http::uri::Authority;

use super::addresses::socket_path;
use super::fastapi::import_command;
use super::raw::{Fault, Value, quote};
use super::settings::{DatabaseUrl, Protocol, PublicUrl, UpstreamTarget};
use crate::types::host::host_name;

/// A URL's authority: a host and perhaps a port, without user information.
pub(super) struct Site {
    /// Lower case, in IDNA's ASCII form; IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

impl Site {
    /// Reads `host[:port]`. A refusal never repeats the text: there may be a password in it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains('@') {
            return Err("user information has no place in this URL");
        }
        if text.contains(['/', '?', '#', '\\']) {
            return Err("this URL takes no path, query or fragment");
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
                let port = port.parse().ok().filter(|port| digits && *port != 0);
                (host, Some(port.ok_or("the port is not a number from 1 to 65535")?))
            }
            _ => (text, None),
        };
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => v6.parse::<Ipv6Addr>().map_err(|_| "the host is not an IPv6 address")?.to_string(),
            None => host_name(host).ok_or("the host is not a name or an address")?,
        };
        Ok(Self { host, port })
    }

    /// As it is written, without the port that the scheme has anyway.
    pub(super) fn authority(&self, scheme: &str) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (scheme, self.port) {
            (_, None) | ("http", Some(80)) | ("https", Some(443)) => host,
            (_, Some(port)) => format!("{host}:{port}"),
        }
    }
}

/// Whether a URL's host is this machine, so that plain http is seen by nobody else.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
}

/// What to say of a URL without `://`: mostly its scheme was forgotten.
fn no_scheme(text: &str, scheme: &str, otherwise: &str) -> Fault {
    let fault = Fault::new("this is not a URL");
    let site = text.trim_end_matches('/');
    match Site::parse(site) {
        Ok(parsed) => {
            let scheme = if is_loopback(&parsed.host) { "http" } else { scheme };
            fault.hint(format!("write `\"{scheme}://{site}\"`"))
        }
        Err(_) => fault.hint(otherwise),
    }
}

impl Value for PublicUrl {
    const LOOKS: &'static str = "a URL such as `\"https://example.com\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let hint = "write it like `\"https://example.com\"`";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| no_scheme(text, "https", hint))?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(Fault::new("the scheme is neither `http` nor `https`").hint(hint)),
        };
        let site =
            Site::parse(rest.strip_suffix('/').unwrap_or(rest)).map_err(|why| Fault::new(why).hint(hint))?;
        let authority = site.authority(if https { "https" } else { "http" });
        let authority =
            Authority::try_from(authority).map_err(|_| Fault::new("this is not a URL").hint(hint))?;
        Ok(Self { https, authority })
    }

    fn show(&self) -> String {
        quote(&self.origin())
    }
}

impl Value for UpstreamTarget {
    const LOOKS: &'static str = "a URL such as `\"http://127.0.0.1:9000\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let hint = "write it like `\"http://127.0.0.1:9000\"`, `\"https://backend\"`, `\"h2c://127.0.0.1:9000\"` or `\"unix:/run/backend.sock\"`";
        if let Some(path) = text.strip_prefix("unix:") {
            return socket_path(path).map(Self::Unix);
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| no_scheme(text, "http", hint))?;
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => Protocol::Http1,
            "h2c" => Protocol::Http2,
            "https" => Protocol::Https,
            _ => return Err(Fault::new("the scheme is none of `http`, `https`, `h2c` and `unix`").hint(hint)),
        };
        let site =
            Site::parse(rest.strip_suffix('/').unwrap_or(rest)).map_err(|why| Fault::new(why).hint(hint))?;
        Ok(Self::Http { protocol, port: site.port.unwrap_or(protocol.port()), host: site.host })
    }

    fn show(&self) -> String {
        quote(&self.to_string())
    }
}

/// It may hold a password, so no refusal repeats it.
impl Value for DatabaseUrl {
    const SECRET: bool = true;
    const LOOKS: &'static str = "a URL such as `\"redb:sidegate.redb\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let hint = "write it like `\"redb:sidegate.redb\"`";
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        // `SQLAlchemy` names its driver too: `postgresql+asyncpg`.
        match scheme.split('+').next().unwrap_or_default() {
            "redb" => {
                let path = &text["redb:".len()..];
                let path = path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path);
                if path.is_empty() || path.chars().any(char::is_control) {
                    return Err(Fault::new("the database's file is missing").hint(hint));
                }
                Ok(Self::Redb(PathBuf::from(path)))
            }
            "postgres" | "postgresql" => {
                Err(Fault::new("`postgres:` databases are not in this version").hint(hint))
            }
            "sqlite" => Err(Fault::new("`sqlite:` databases are not opened")
                .hint(format!("{hint}, and import its users with `{}`", import_command(text)))),
            _ => Err(Fault::new("this is not a database's URL").hint(hint)),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Redb(path) => quote(&format!("redb:{}", path.display())),
        }
    }
}

/// An origin as browsers write it in `Origin`: lower case, the scheme's own port left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(pub(super) String);

impl Value for Origin {
    const LOOKS: &'static str = "an origin such as `\"https://example.com\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let hint = "write it like `\"https://app.example.com\"`";
        if matches!(text, "*" | "null") {
            let fault = Fault::new(format!("`{text}` would let any site act as the signed-in user"));
            return Err(fault.hint("name each origin, like `\"https://app.example.com\"`"));
        }
        let not_one = || Fault::new("this is not an origin").hint(hint);
        let (scheme, rest) = text.split_once("://").ok_or_else(|| no_scheme(text, "https", hint))?;
        let scheme = scheme.to_ascii_lowercase();
        let known = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !known {
            return Err(not_one());
        }
        let site =
            Site::parse(rest.strip_suffix('/').unwrap_or(rest)).map_err(|why| Fault::new(why).hint(hint))?;
        Ok(Self(format!("{scheme}://{}", site.authority(&scheme))))
    }

    fn show(&self) -> String {
        quote(&self.0)
    }
}

/// A domain in IDNA's ASCII form and lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain(pub(super) String);

impl Value for Domain {
    const LOOKS: &'static str = "a domain such as `\"example.com\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let ascii = host_name(text).filter(|name| {
            !name.contains('_')
                && !name.split('.').any(|label| label.starts_with('-') || label.ends_with('-'))
        });
        match ascii.filter(|name| name.parse::<IpAddr>().is_err()) {
            Some(name) => Ok(Self(name)),
            None => Err(Fault::new(format!("`{text}` is not a domain"))
                .hint("write the bare name, like `\"example.com\"`")),
        }
    }

    fn show(&self) -> String {
        quote(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_an_authority() {
        for (text, origin) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("https://Example.COM:443/", "https://example.com"),
            ("http://example.com:80", "http://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ] {
            assert_eq!(PublicUrl::parse(text).map(|url| url.origin()), Ok(origin.to_owned()), "{text:?}");
        }
        for bad in [
            "example.com",
            "//example.com",
            "ftp://example.com",
            "https://",
            "https://a@b",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://a//",
            "https://a:0",
            "https://a:65536",
            "https://a:",
            "https://a b",
            "https://a:+80",
            "https://[::1",
            "https://a..b",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_upstream_is_a_host_and_a_port_or_a_socket() {
        let at =
            |protocol, host: &str, port| Ok(UpstreamTarget::Http { protocol, host: host.to_owned(), port });
        let http = |host, port| at(Protocol::Http1, host, port);
        assert_eq!(UpstreamTarget::parse("http://Backend:9000/"), http("backend", 9000));
        assert_eq!(UpstreamTarget::parse("http://my_service"), http("my_service", 80));
        assert_eq!(UpstreamTarget::parse("http://[::1]:9000"), http("::1", 9000));
        assert_eq!(UpstreamTarget::parse("H2C://Backend:9000/"), at(Protocol::Http2, "backend", 9000));
        assert_eq!(UpstreamTarget::parse("https://Backend"), at(Protocol::Https, "backend", 443));
        assert_eq!(UpstreamTarget::parse("h2c://[::1]"), at(Protocol::Http2, "::1", 80));
        let shown = UpstreamTarget::parse("h2c://[::1]:9000").map(|target| target.show());
        assert_eq!(shown.as_deref(), Ok("\"h2c://[::1]:9000\""));
        assert_eq!(UpstreamTarget::parse("unix:/run/x.sock"), Ok(UpstreamTarget::Unix("/run/x.sock".into())));
        assert_eq!(
            UpstreamTarget::parse("unix:///run/x.sock"),
            Ok(UpstreamTarget::Unix("/run/x.sock".into()))
        );
        for bad in [
            "",
            "backend:9000",
            "https://a/b",
            "h2c://a/b",
            "h2c:a",
            "http://a/b",
            "http://a@b",
            "unix:",
            "ws://a",
        ] {
            assert!(UpstreamTarget::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        let origin = |text: &str| Origin::parse(text).map(|origin| origin.0).ok();
        assert_eq!(origin("HTTP://LocalHost:80"), Some("http://localhost".to_owned()));
        assert_eq!(origin("http://127.0.0.1:5500/"), Some("http://127.0.0.1:5500".to_owned()));
        for bad in
            ["*", "null", "", "example.com", "http://*.example.com", "http://a/b", "http://a@b", "://a"]
        {
            assert_eq!(origin(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_refusal_never_repeats_user_information() {
        for text in
            ["http://u:hunter2@host", "http://u:hunter2@host:99999", "http://u:hunter2", "http:u:hunter2@h"]
        {
            for fault in [
                UpstreamTarget::parse(text).err(),
                PublicUrl::parse(text).err(),
                Origin::parse(text).err(),
                DatabaseUrl::parse(text).err(),
                DatabaseUrl::parse(&text.replace("http", "postgres")).err(),
            ] {
                let fault = fault.expect("refused");
                assert!(!format!("{fault:?}").contains("hunter2"), "{text:?}: {fault:?}");
            }
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        for host in
            ["127.0.0.1", "127.9.9.9", "[::1]", "::1", "localhost", "app.localhost", "::ffff:127.0.0.1"]
        {
            assert!(is_loopback(host), "{host:?}");
        }
        for host in ["192.168.0.1", "example.com", "localhost.example.com", "[::]", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host:?}");
        }
    }
}
