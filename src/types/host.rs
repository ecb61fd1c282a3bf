//! Hosts: of a rule, as an operator writes them, and of a request, as they are compared (contract section 6: lower case,
//! without port and trailing dot).

use std::fmt;
use std::net::Ipv6Addr;

use http::uri::Authority;

/// Whether it is a host and perhaps a port (RFC 9110 section 7.2). In anything else, another reader may find another host.
pub fn is_plain(authority: &Authority) -> bool {
    match authority.as_str().strip_prefix(authority.host()) {
        // A list of them may be read from either end.
        _ if authority.as_str().contains(',') => false,
        Some("" | ":") => true,
        Some(port) => port.len() <= 6 && authority.port_u16().is_some(),
        None => false,
    }
}

/// A host's name as browsers send it: IDNA's ASCII form, lower case. Underscores are left to those who use them.
pub fn host_name(text: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(text).ok()?;
    let fits = (1..=253).contains(&ascii.len()) && is_ordinary(&ascii);
    fits.then_some(ascii)
}

fn is_ordinary(name: &str) -> bool {
    name.split('.').all(|label| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(fits)
    })
}

/// A host that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleHost {
    /// A name or an IPv4 address, in lower case and IDNA's ASCII form.
    Name(Box<str>),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

/// Why a text is no rule's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleHostError {
    /// It is a URL, or has a path.
    Url,
    /// It has a port: rules are about hosts, whatever the port.
    Port,
    /// It has a `*`: hosts are named one by one.
    Star,
    /// It is no host.
    NoHost,
}

impl RuleHost {
    /// Reads a host as an operator writes it: `app.example.com`, `bücher.example`, `192.0.2.1`, `[2001:db8::1]`.
    pub fn parse(text: &str) -> Result<Self, RuleHostError> {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = inner.unwrap_or(text).parse() {
            return Ok(Self::V6(address));
        }
        if text.contains('/') {
            return Err(RuleHostError::Url);
        }
        if text.contains('*') {
            return Err(RuleHostError::Star);
        }
        if text.contains(':') && !text.contains('@') {
            return Err(RuleHostError::Port);
        }
        let name = host_name(text.strip_suffix('.').unwrap_or(text)).ok_or(RuleHostError::NoHost)?;
        Ok(Self::Name(name.into()))
    }

    /// Whether a request is for this host.
    pub fn is(&self, asked: AskedHost<'_>) -> bool {
        match (self, asked) {
            (Self::Name(name), AskedHost::Name(asked)) => name.eq_ignore_ascii_case(asked),
            (Self::V6(address), AskedHost::V6(asked)) => *address == asked,
            (Self::Name(_) | Self::V6(_), _) => false,
        }
    }
}

impl fmt::Display for RuleHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// The host that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedHost<'a> {
    /// It names none, as HTTP/1.0 allows.
    None,
    /// A name or an IPv4 address, in any case.
    Name(&'a str),
    /// An IPv6 address.
    V6(Ipv6Addr),
    /// What no honest client sends: an empty label, a second dot at the end, a sign that no host's name has. A backend
    /// may take it for any host.
    Odd,
}

impl<'a> AskedHost<'a> {
    /// Reads what comes with a request. Allocates nothing.
    pub fn of(authority: Option<&'a Authority>) -> Self {
        let Some(authority) = authority else { return Self::None };
        let host = authority.host();
        if let Some(inner) = host.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|inner| inner.parse().ok());
            return address.map_or(Self::Odd, Self::V6);
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        if is_ordinary(name) { Self::Name(name) } else { Self::Odd }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rules_host_is_a_name_or_an_address() {
        use RuleHostError::{NoHost, Port, Star, Url};
        for (text, host) in [
            ("app.example.com", "app.example.com"),
            ("App.EXAMPLE.com", "app.example.com"),
            ("app.example.com.", "app.example.com"),
            ("localhost", "localhost"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("under_score.example", "under_score.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("::1", "[::1]"),
        ] {
            assert_eq!(RuleHost::parse(text).map(|host| host.to_string()), Ok(host.to_owned()), "{text:?}");
        }
        for (text, error) in [
            ("", NoHost),
            (".", NoHost),
            ("a..b", NoHost),
            ("a..", NoHost),
            (".a", NoHost),
            ("a b", NoHost),
            ("a@b", NoHost),
            ("u:p@b", NoHost),
            ("[::1", Port),
            ("a%2eb", NoHost),
            ("http://a", Url),
            ("a/b", Url),
            ("a:80", Port),
            ("[::1]:80", Port),
            ("*", Star),
            ("*.example.com", Star),
        ] {
            assert_eq!(RuleHost::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(RuleHost::parse(&"a".repeat(64)), Err(NoHost));
    }

    #[test]
    fn hosts_compare_without_case_port_and_trailing_dot() {
        let asked = |text: &str, rule: &str| {
            let authority = text.parse().unwrap();
            RuleHost::parse(rule).unwrap().is(AskedHost::of(Some(&authority)))
        };
        for text in ["a.example", "A.Example", "a.example.", "a.example:80", "A.EXAMPLE.:8000"] {
            assert!(asked(text, "a.example"), "{text}");
        }
        for text in ["b.example", "a.example.com", "x.a.example", "a.exampl", "aexample", "[::1]"] {
            assert!(!asked(text, "a.example"), "{text}");
        }
        assert!(asked("[0:0::1]:8000", "[::1]") && !asked("[::2]", "[::1]"));
        assert!(!RuleHost::parse("a").unwrap().is(AskedHost::of(None)));
    }

    #[test]
    fn what_no_honest_client_sends_is_odd() {
        for text in ["a..", "a..b", ".a", ".", "a~b", "a!b", "[v1.x]"] {
            let Ok(authority) = text.parse() else { continue };
            assert_eq!(AskedHost::of(Some(&authority)), AskedHost::Odd, "{text}");
        }
        let long = format!("{}.example", "a".repeat(64)).parse().unwrap();
        assert_eq!(AskedHost::of(Some(&long)), AskedHost::Odd);
    }
}
