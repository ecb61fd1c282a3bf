//! `[upstream]` and `[upstreams.NAME]`: the backends.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::finding::Place;
use crate::config::table::Effective;
use crate::tls::Outward;

/// `[upstream]`
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where requests go.
    pub target: UpstreamTarget,
    /// How connections are secured, where it is `https:`.
    pub tls: Option<Outward>,
    /// Whether it is offered HTTP/2, where it is `https:`.
    pub http2: bool,
    /// Whether the upstream sees the client's `Host` or its own.
    pub host_header: HostHeader,
    /// How long connecting may take, all addresses of a name together.
    pub connect_timeout: Duration,
    /// How long the response head may take.
    pub response_timeout: Duration,
    /// How long a body or a tunnel may be silent.
    pub idle_timeout: Duration,
}

/// `[upstreams.NAME]`
#[derive(Clone, Debug)]
pub struct NamedUpstream {
    /// What rules call it.
    pub name: String,
    /// The backend.
    pub upstream: Upstream,
    /// Where it stands in the file.
    pub place: Place,
    /// Its keys, for `sidegate check`.
    pub effective: Vec<Effective>,
}

/// An upstream's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamTarget {
    /// `http://host:port`, `https://host:port` or `h2c://host:port`
    Http {
        /// What is spoken there.
        protocol: Protocol,
        /// A name or an address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `unix:/path`
    Unix(PathBuf),
}

/// What is spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: `http:` and `unix:`.
    Http1,
    /// HTTP/2 or HTTP/1.1 by TLS, as it says itself (ALPN): `https:`.
    Https,
    /// HTTP/2 in plain text, which both sides know beforehand (RFC 9113 section 3.3): `h2c:`.
    Http2,
}

impl Protocol {
    /// How URLs begin.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http1 => "http",
            Self::Https => "https",
            Self::Http2 => "h2c",
        }
    }

    /// The port of a URL that names none.
    pub const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http1 | Self::Http2 => 80,
        }
    }
}

impl UpstreamTarget {
    /// What is spoken there.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Http { protocol, .. } => *protocol,
            Self::Unix(_) => Protocol::Http1,
        }
    }
}

impl fmt::Display for UpstreamTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { protocol, host, port } if host.contains(':') => {
                write!(f, "{}://[{host}]:{port}", protocol.scheme())
            }
            Self::Http { protocol, host, port } => write!(f, "{}://{host}:{port}", protocol.scheme()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What the upstream is told in `Host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// What the client sent.
    Preserve,
    /// The upstream's own authority.
    Upstream,
}
