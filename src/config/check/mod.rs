//! As written → as meant: every rule between keys, and the settings that come out when all are kept.

pub(super) mod bounds;
mod hsts;
mod mail;
mod meaning;
mod network;
mod signing;
pub(super) mod tls;

pub(super) use meaning::here;

use super::env::Localhost;
use super::file::{self, Written};
use super::finding::Finding;
use super::measures::Size;
use super::names::{Auto, IdentityHeader};
use super::settings::{
    Admin, Cookies, Cors, Database, Identity, Limits, Log, NamedUpstream, Pages, Particulars, Passwords,
    Rule, Server, Settings, Signup, Tokens, Upstream, Verify,
};
use super::table::Given;
use crate::tls::Outward;

/// Keeps every rule; what breaks one is a finding. Keys that nobody gave follow those that were given.
pub(super) fn rules(written: &mut Written, localhost: Localhost, findings: &mut Vec<Finding>) {
    network::rules(written, localhost, findings);
    hsts::rules(written, findings);
    signing::yield_to_algorithm(written, findings);
    signing::follow(written);
    signing::rules(written, findings);
    bounds::rules(written, findings);
    identity(written, findings);
    mail::rules(written, findings);
}

/// Keeps the rules of `[upstream]` alone, for each further one in its place.
pub(super) fn upstream_rules(written: &Written, localhost: Localhost, findings: &mut Vec<Finding>) {
    network::upstream(written, localhost, findings);
    bounds::upstream(written, findings);
}

/// Headers that a backend could mix up: CGI and its kin see `-` and `_` as one.
fn identity(written: &Written, findings: &mut Vec<Finding>) {
    let identity = &written.identity;
    if identity.user_id.value.is_none() && !identity.user_id.bad {
        findings.push(identity.user_id.error("can't be turned off").hint("write it like `\"X-User-Id\"`"));
    }
    let named = [&identity.user_id, &identity.email, &identity.username, &identity.roles, &identity.token];
    let spelling = |given: &Given<Option<IdentityHeader>>| {
        given.value.as_ref().map(|header| header.name.as_str().replace(['_', '.'], "-"))
    };
    for (index, given) in named.iter().enumerate() {
        let same = named[..index]
            .iter()
            .find(|other| spelling(other).is_some_and(|name| spelling(given) == Some(name)));
        if let Some(other) = same {
            findings.push(
                given
                    .error(&format!("names the same header as `{}`", other.key.path()))
                    .hint("give each a name of its own; `-`, `_` and `.` count as one sign"),
            );
        }
    }
}

/// The settings; `None` only where [`rules`] has found an error.
pub(super) fn settings(
    written: Written,
    rules: Vec<Rule>,
    upstreams: Vec<NamedUpstream>,
    secured: tls::Secured,
) -> Option<Settings> {
    let Written { server, upstream, database, tokens, cookies, identity, verify, cors, .. } = written;
    let Written { signup, passwords, limits, email, pages, admin, log, .. } = written;
    let https = server.public_url.value.https;
    let identity = told(identity)?;
    let (access, refresh) = signing::cookie_names(&cookies);
    Some(Settings {
        admin: Admin {
            is_chosen: admin.listen.is_written(),
            listen: admin.listen.value,
            socket: network::admin_socket(admin.socket.value, &database.url.value),
        },
        server: Server {
            listen: server.listen.value,
            public_url: server.public_url.value,
            trusted_proxies: network::trusted_nets(&server.trusted_proxies.value),
            trust_unix: network::trusts_unix(&server.trusted_proxies.value),
            proxy_protocol: server.proxy_protocol.value,
            hsts: server.hsts.value.and_then(|time| hsts::value(time, server.hsts_subdomains.value)),
            workers: server.workers.value,
            keep_alive: server.keep_alive.value,
            shutdown_grace: server.shutdown_grace.value,
            tls: secured.server,
        },
        upstream: self::upstream(upstream, secured.upstream)?,
        upstreams,
        database: Database { url: database.url.value },
        tokens: Tokens {
            algorithm: tokens.algorithm.value,
            secret: tokens.secret.value,
            access_ttl: tokens.access_ttl.value,
            refresh_ttl: tokens.refresh_ttl.value,
            session_ttl: tokens.session_ttl.value,
            delivery: tokens.delivery.value,
            rotate_keys: tokens.rotate_keys.value,
            silent_refresh: tokens.silent_refresh.value,
            issuer: tokens.issuer.value,
            audience: tokens.audience.value,
            particulars: Particulars { verified: signup.email_verification.value, ..identity.particulars() },
        },
        cookies: Cookies {
            access,
            refresh,
            device: cookies.device.value.map(|name| name.0),
            secure: cookies.secure.value.into(),
            same_site: cookies.same_site.value,
            domain: cookies.domain.value.map(|domain| domain.0),
        },
        identity,
        rules,
        verify: Verify { source: verify.source.value },
        cors: Cors {
            origins: cors.origins.value.into_iter().map(|origin| origin.0).collect(),
            proxied: cors.proxied.value,
        },
        signup: Signup {
            open: signup.open.value,
            email_verification: signup.email_verification.value,
            allowed_domains: signup.allowed_domains.value.into_iter().map(|domain| domain.0).collect(),
        },
        passwords: Passwords {
            min_length: passwords.min_length.value,
            block_common: match passwords.block_common.value {
                Auto::Auto => https,
                Auto::Fixed(on) => on,
            },
            memory_kib: u32::try_from(passwords.memory.value.0 / 1024).ok()?,
            iterations: u32::try_from(passwords.iterations.value).ok()?,
            parallelism: u32::try_from(passwords.parallelism.value).ok()?,
            workers: passwords.workers.value,
            queue: passwords.queue.value,
        },
        limits: self::limits(&limits)?,
        email: mail::settings(email, secured.mail_ca),
        pages: Pages { enabled: pages.enabled.value, title: pages.title.value },
        log: Log {
            format: log.format.value,
            level: log.level.value,
            access: log.access.value,
            audit: log.audit.value,
        },
    })
}

fn limits(limits: &file::Limits) -> Option<Limits> {
    Some(Limits {
        signin_failures: limits.signin_failures.value,
        signup: limits.signup.value,
        body: bytes(limits.body.value)?,
        header_bytes: bytes(limits.header_bytes.value)?,
        header_timeout: limits.header_timeout.value,
        connections: limits.connections.value,
        streams: u32::try_from(limits.streams.value).ok()?,
    })
}

pub(super) fn upstream(written: file::Upstream, tls: Option<Outward>) -> Option<Upstream> {
    Some(Upstream {
        target: written.url.value?,
        tls,
        http2: written.http2.value,
        host_header: written.host_header.value,
        connect_timeout: written.connect_timeout.value,
        response_timeout: written.response_timeout.value,
        idle_timeout: written.idle_timeout.value,
    })
}

fn told(written: file::Identity) -> Option<Identity> {
    let header = |given: Given<Option<IdentityHeader>>| given.value.map(|header| header.name);
    Some(Identity {
        user_id: header(written.user_id)?,
        email: header(written.email),
        username: header(written.username),
        roles: header(written.roles),
        token: header(written.token),
    })
}

fn bytes(size: Size) -> Option<usize> {
    usize::try_from(size.0).ok()
}
