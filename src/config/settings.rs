//! The checked configuration: every value parsed and every rule between keys kept. Past `config/` nothing sees a raw string.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::uri::Authority;
use ipnet::IpNet;

use crate::tls::Certificates;
use crate::types::Secret;

mod mail;
mod rule;
mod upstream;

pub use mail::{Mail, MailSecurity};
pub use rule::{Allow, Rule};
pub use upstream::{HostHeader, NamedUpstream, Protocol, Upstream, UpstreamTarget};

/// All settings of a gate.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[server]`
    pub server: Server,
    /// `[upstream]`
    pub upstream: Upstream,
    /// `[upstreams.NAME]`; the number n of a rule is the one at n - 1, and 0 is `upstream`.
    pub upstreams: Vec<NamedUpstream>,
    /// `[database]`
    pub database: Database,
    /// `[tokens]`
    pub tokens: Tokens,
    /// `[cookies]`
    pub cookies: Cookies,
    /// `[identity]`
    pub identity: Identity,
    /// `[[rules]]`, in the order in which they are asked.
    pub rules: Vec<Rule>,
    /// `[verify]`
    pub verify: Verify,
    /// `[cors]`
    pub cors: Cors,
    /// `[signup]`
    pub signup: Signup,
    /// `[passwords]`
    pub passwords: Passwords,
    /// `[limits]`
    pub limits: Limits,
    /// `[email]`, absent: no mail is sent.
    pub email: Option<Mail>,
    /// `[pages]`
    pub pages: Pages,
    /// `[admin]`
    pub admin: Admin,
    /// `[log]`
    pub log: Log,
}

impl Settings {
    /// Every upstream, as rules number them.
    pub fn all_upstreams(&self) -> impl Iterator<Item = &Upstream> {
        std::iter::once(&self.upstream).chain(self.upstreams.iter().map(|named| &named.upstream))
    }
}

/// `[server]`
#[derive(Clone, Debug)]
pub struct Server {
    /// Where clients connect; at least one.
    pub listen: Vec<Listen>,
    /// What the browser sees.
    pub public_url: PublicUrl,
    /// Peers whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether peers on a Unix socket are believed (`"unix"` in `trusted_proxies`).
    pub trust_unix: bool,
    /// Whether those peers' connections begin with the PROXY protocol's header.
    pub proxy_protocol: bool,
    /// `Strict-Transport-Security` for answers over https.
    pub hsts: Option<HeaderValue>,
    /// Worker threads; 0: one per core of the CPU quota.
    pub workers: usize,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long requests may go on after the signal to stop.
    pub shutdown_grace: Duration,
    /// `[server.tls]`; absent: plain HTTP.
    pub tls: Option<Certificates>,
}

/// One listening address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The scheme and authority under which browsers know the gate; no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Whether it is https.
    pub https: bool,
    /// Host and port; lower case, the scheme's own port left out.
    pub authority: Authority,
}

impl PublicUrl {
    /// As an origin: `https://example.com`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }
}

/// `[database]`
#[derive(Clone, Debug)]
pub struct Database {
    /// Where users and sessions are kept.
    pub url: DatabaseUrl,
}

/// A database's place.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// `redb:FILE`
    Redb(PathBuf),
}

/// The algorithm that access tokens are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 (RFC 7518 section 3.4).
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256 (RFC 7518 section 3.3).
    Rs256,
    /// HMAC with SHA-256 (RFC 7518 section 3.2); the secret is in [`Tokens::secret`].
    Hs256,
}

impl Algorithm {
    /// Its name in settings, in tokens' `alg` and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

/// How tokens reach a client and come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Both in cookies.
    Cookie,
    /// The access token in the body and then in `Authorization: Bearer`, the refresh token in its cookie.
    Body,
}

/// `[tokens]`
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The one algorithm that is used and accepted.
    pub algorithm: Algorithm,
    /// HS256's secret, 32 bytes or more; present exactly with HS256.
    pub secret: Option<Secret<String>>,
    /// An access token's lifetime.
    pub access_ttl: Duration,
    /// A session's lifetime since it was last renewed; not shorter than `access_ttl`.
    pub refresh_ttl: Duration,
    /// A session's lifetime since sign-in, whatever its use; not shorter than `refresh_ttl`'s unit of use.
    pub session_ttl: Duration,
    /// How old a signing key becomes before a new one takes its place; `None`: as old as the operator lets it. Never with HS256.
    pub rotate_keys: Option<Duration>,
    /// How tokens are delivered.
    pub delivery: Delivery,
    /// Whether an expired access token with a good refresh cookie is renewed in passing.
    pub silent_refresh: bool,
    /// `iss`; `None`: the database's own.
    pub issuer: Option<String>,
    /// `aud`; `None`: no such claim.
    pub audience: Option<String>,
    /// What access tokens say of their users besides the roles, because the upstream is told.
    pub particulars: Particulars,
}

/// Which of a user's particulars access tokens say: those that `[identity]` names a header for, and what the gate has
/// to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Particulars {
    /// The address, as the claim `email`.
    pub email: bool,
    /// The name, as the claim `preferred_username`.
    pub username: bool,
    /// Whether the address is proven, as the claim `email_verified`: where that is asked for.
    pub verified: bool,
}

/// `[cookies]`
#[derive(Clone, Debug)]
pub struct Cookies {
    /// The access token's cookie, `__Host-` included where configured.
    pub access: String,
    /// The refresh token's cookie, `__Host-` included where configured.
    pub refresh: String,
    /// The known browser's cookie; `None`: there is none. Its path is `/auth`, and so it is never `__Host-`.
    pub device: Option<String>,
    /// When cookies carry `Secure`.
    pub secure: SecureCookies,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Domain`; `None`: the host alone.
    pub domain: Option<String>,
}

/// When cookies carry `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecureCookies {
    /// When `public_url` is https, or the request came by TLS.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A cookie's `SameSite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent with top-level navigations from elsewhere.
    Lax,
    /// Never sent from elsewhere.
    Strict,
    /// Always sent; needs `Secure`.
    None,
}

/// `[identity]`: names of the headers that tell the upstream who is asking; `None`: not told.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The uid's header; always set.
    pub user_id: http::HeaderName,
    /// The address's header.
    pub email: Option<http::HeaderName>,
    /// The name's header.
    pub username: Option<http::HeaderName>,
    /// The roles' header.
    pub roles: Option<http::HeaderName>,
    /// The access token's header.
    pub token: Option<http::HeaderName>,
}

impl Identity {
    /// What access tokens have to say, so that no request has to ask the store for it.
    pub const fn particulars(&self) -> Particulars {
        Particulars { email: self.email.is_some(), username: self.username.is_some(), verified: false }
    }
}

/// `[verify]`
#[derive(Clone, Debug)]
pub struct Verify {
    /// Which headers tell the original request.
    pub source: VerifySource,
}

/// Which headers of a front proxy tell the original request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifySource {
    /// `X-Forwarded-Method`, `-Host`, `-Uri`.
    Forwarded,
    /// `X-Original-Method`, `-URL`.
    Original,
}

/// `[cors]`
#[derive(Clone, Debug)]
pub struct Cors {
    /// Origins that may call with credentials, as browsers write them (`http://127.0.0.1:5500`).
    pub origins: Vec<String>,
    /// Whether the gate answers CORS for the upstream's paths too.
    pub proxied: bool,
}

/// `[signup]`
#[derive(Clone, Debug)]
pub struct Signup {
    /// Whether anybody may sign up.
    pub open: bool,
    /// Whether an address has to be proven.
    pub email_verification: bool,
    /// Domains whose addresses may sign up, in IDNA's ASCII form and lower case; empty: all.
    pub allowed_domains: Vec<String>,
}

/// `[passwords]`
#[derive(Clone, Debug)]
pub struct Passwords {
    /// The shortest password, in characters.
    pub min_length: usize,
    /// Whether the most used passwords are refused (`auto` is decided).
    pub block_common: bool,
    /// Argon2id's memory, in KiB.
    pub memory_kib: u32,
    /// Argon2id's passes.
    pub iterations: u32,
    /// Argon2id's lanes.
    pub parallelism: u32,
    /// Threads for hashing; 0: half the cores, at least 1.
    pub workers: usize,
    /// Sign-ins that may wait for a thread.
    pub queue: usize,
}

impl Passwords {
    /// The most memory that a hash may take, in KiB: those that are made here and those that come from elsewhere. RFC
    /// 9106 section 3.1 would allow 4 TiB, and one imported record must not be able to stop the gate.
    pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
    /// The most passes.
    pub const MAX_ITERATIONS: u32 = 10;
    /// The most lanes.
    pub const MAX_PARALLELISM: u32 = 16;
}

/// So many in so long: `"10/15m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long; more than zero.
    pub per: Duration,
}

/// `[limits]`
#[derive(Clone, Debug)]
pub struct Limits {
    /// Failed sign-ins for one account from one address; ten times that for one address; five times that for one
    /// account before attempts have to wait.
    pub signin_failures: Rate,
    /// Sign-ups from one address.
    pub signup: Rate,
    /// An `/auth/*` request's body, in bytes.
    pub body: usize,
    /// A request's head, in bytes.
    pub header_bytes: usize,
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// Clients' connections at once.
    pub connections: usize,
    /// HTTP/2 streams at once on a connection.
    pub streams: u32,
}

/// `[pages]`
#[derive(Clone, Debug)]
pub struct Pages {
    /// Whether there are pages; without them a navigation gets a 401.
    pub enabled: bool,
    /// The sign-in page's title.
    pub title: String,
}

/// `[admin]`
#[derive(Clone, Debug)]
pub struct Admin {
    /// `/healthz`, `/readyz`, `/metrics`; `None`: off.
    pub listen: Option<SocketAddr>,
    /// Whether the operator chose that address: a default that is taken is done without.
    pub is_chosen: bool,
    /// The administration socket's path.
    pub socket: PathBuf,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// Lines for people or for programs.
    pub format: LogFormat,
    /// The least severe level that is written.
    pub level: tracing::Level,
    /// Whether each request is logged.
    pub access: bool,
    /// The audit log's file; `None`: none.
    pub audit: Option<PathBuf>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
