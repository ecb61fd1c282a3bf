//! Rules about places: where the gate listens, what it is called, what is behind it, whom it believes.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use super::tls;
use crate::config::addresses::{Trusted, fits_socket};
use crate::config::env::Localhost;
use crate::config::file::Written;
use crate::config::finding::Finding;
use crate::config::settings::{DatabaseUrl, Listen, UpstreamTarget};
use crate::config::urls::is_loopback;

/// Keeps the rules of `[server]`, `[upstream]` and `[admin]`.
pub(super) fn rules(written: &Written, localhost: Localhost, findings: &mut Vec<Finding>) {
    listen(written, findings);
    upstream(written, localhost, findings);
    admin(written, findings);
    let url = &written.server.public_url;
    let plain = !url.bad && !url.value.https && !tls::is_asked_for(written);
    if plain && !is_loopback(url.value.authority.host()) {
        findings.push(
            url.warning("is plain http: passwords and tokens can be read on the way")
                .hint("put TLS in front of the gate and write the URL with `https://`"),
        );
    }
    let open = |listen: &Listen| matches!(listen, Listen::Tcp(address) if !address.ip().is_loopback());
    let at = &written.server.listen;
    if plain && is_loopback(url.value.authority.host()) && at.value.iter().any(open) {
        findings.push(
            at.warning("is open to other machines, and `server.public_url` is plain http: passwords and tokens can be read on the way")
                .hint("put TLS in front of the gate and set `server.public_url` to its `https://` URL"),
        );
    }
    let trusted = &written.server.trusted_proxies;
    let told = &written.server.proxy_protocol;
    if told.value && trusted.value.is_empty() && !trusted.bad {
        findings.push(
            told.warning("does nothing: nobody is trusted to send a header")
                .hint("name the load balancers in `server.trusted_proxies`"),
        );
    }
    let source = &written.verify.source;
    if source.is_written() && !source.bad && trusted.value.is_empty() && !trusted.bad {
        findings.push(
            source
                .warning("does nothing: nobody is trusted to ask about a request at `/auth/verify`")
                .hint("name the front proxies in `server.trusted_proxies`"),
        );
    }
    if trusted_nets(&trusted.value).iter().any(|net| net.prefix_len() == 0) {
        findings.push(
            trusted
                .warning("believes everybody: any client can pretend to come from any address")
                .hint("name the proxies' own networks"),
        );
    }
}

fn listen(written: &Written, findings: &mut Vec<Finding>) {
    let listen = &written.server.listen;
    if listen.value.is_empty() && !listen.bad {
        findings.push(listen.error("names no address").hint("write it like `\"127.0.0.1:8000\"`"));
    }
    for (index, address) in listen.value.iter().enumerate() {
        // Port 0 is a free port each time.
        let free = matches!(address, Listen::Tcp(address) if address.port() == 0);
        if !free && listen.value[..index].contains(address) {
            findings.push(listen.error("names an address twice").hint("name it once"));
        }
    }
}

pub(super) fn upstream(written: &Written, localhost: Localhost, findings: &mut Vec<Finding>) {
    let url = &written.upstream.url;
    let Some(target) = &url.value else {
        if !url.bad {
            findings.push(url.error("is missing: where is the backend?").hint(
                "set `SIDEGATE_UPSTREAM_URL=http://127.0.0.1:9000`, or `url` in the file's `[upstream]`",
            ));
        }
        return;
    };
    let listen = &written.server.listen;
    if !listen.bad && listen.value.iter().any(|address| reaches(target, address)) {
        findings.push(
            url.error("is the gate's own address, it would call itself")
                .hint("write the backend's address here, or another one in `server.listen`"),
        );
    } else if let (UpstreamTarget::Http { protocol, host, port }, Localhost::Container) = (target, localhost)
        && is_here(host)
    {
        let scheme = protocol.scheme();
        findings.push(
            url.warning(&format!("is `{host}`, which in a container is the container itself")).hint(format!(
                "name the backend's container or service, like `{scheme}://backend:{port}`; for the machine itself write \
                 `{scheme}://host.docker.internal:{port}` and start the container with \
                 `--add-host host.docker.internal:host-gateway`"
            )),
        );
    }
}

/// Whether a host is the machine that asks, by whatever name.
fn is_here(host: &str) -> bool {
    is_loopback(host) || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

/// Whether a connection to the target arrives at the listening address.
fn reaches(target: &UpstreamTarget, address: &Listen) -> bool {
    match (target, address) {
        (UpstreamTarget::Unix(target), Listen::Unix(address)) => target == address,
        (UpstreamTarget::Http { host, port, .. }, Listen::Tcp(address)) => {
            let same_host = match host.parse::<IpAddr>() {
                Ok(ip) if address.ip().is_unspecified() => ip.is_loopback() || ip.is_unspecified(),
                Ok(ip) => ip == address.ip(),
                Err(_) => is_loopback(host) && (address.ip().is_unspecified() || address.ip().is_loopback()),
            };
            address.port() == *port && same_host
        }
        (UpstreamTarget::Unix(_), Listen::Tcp(_)) | (UpstreamTarget::Http { .. }, Listen::Unix(_)) => false,
    }
}

fn admin(written: &Written, findings: &mut Vec<Finding>) {
    let admin = &written.admin;
    let taken = |address: SocketAddr| {
        // Every interface has this one's port, too.
        let same_ip = |other: &SocketAddr| {
            other.ip() == address.ip() || other.ip().is_unspecified() || address.ip().is_unspecified()
        };
        let same = |other: &Listen| matches!(other, Listen::Tcp(other) if other.port() == address.port() && same_ip(other));
        address.port() != 0 && written.server.listen.value.iter().any(same)
    };
    if admin.listen.value.is_some_and(taken) {
        findings.push(admin.listen.error("is also in `server.listen`").hint("give it another port"));
    }
    if !admin.socket.bad && !written.database.url.bad {
        let path = admin_socket(admin.socket.value.clone(), &written.database.url.value);
        if let Err(why) = fits_socket(&path) {
            // Mostly nobody named the socket, and the database's folder is what is long.
            let place = admin.socket.place().or_else(|| written.database.url.place());
            findings.push(
                Finding::error(place, format!("`admin.socket` is too long: {why}"))
                    .hint("set `admin.socket` to a shorter path"),
            );
        }
    }
}

/// The administration socket: the one that was named, else beside the database.
pub(super) fn admin_socket(named: Option<PathBuf>, database: &DatabaseUrl) -> PathBuf {
    named.unwrap_or_else(|| {
        let DatabaseUrl::Redb(file) = database;
        let mut path = OsString::from(file);
        path.push(".sock");
        path.into()
    })
}

/// The networks among those who are believed.
pub(super) fn trusted_nets(trusted: &[Trusted]) -> Vec<IpNet> {
    let net = |trusted: &Trusted| match trusted {
        Trusted::Net(net) => Some(*net),
        Trusted::Unix => None,
    };
    trusted.iter().filter_map(net).collect()
}

/// Whether peers on a Unix socket are believed.
pub(super) fn trusts_unix(trusted: &[Trusted]) -> bool {
    trusted.contains(&Trusted::Unix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::raw::Value as _;

    #[test]
    fn a_loop_is_seen_whatever_the_spelling() {
        for (target, listen, loops) in [
            ("http://127.0.0.1:8000", "127.0.0.1:8000", true),
            ("http://localhost:8000", "127.0.0.1:8000", true),
            ("http://localhost:8000", "[::1]:8000", true),
            ("http://127.0.0.1:8000", "0.0.0.0:8000", true),
            ("http://127.0.0.1:8000", "[::]:8000", true),
            ("h2c://localhost:8000", "127.0.0.1:8000", true),
            ("unix:/run/x.sock", "unix:/run/x.sock", true),
            ("http://127.0.0.1:9000", "127.0.0.1:8000", false),
            ("http://backend:8000", "0.0.0.0:8000", false),
            ("http://10.0.0.2:8000", "0.0.0.0:8000", false),
            ("unix:/run/y.sock", "unix:/run/x.sock", false),
        ] {
            let (target, listen) = (UpstreamTarget::parse(target).unwrap(), Listen::parse(listen).unwrap());
            assert_eq!(reaches(&target, &listen), loops, "{target:?} {listen:?}");
        }
    }
}
