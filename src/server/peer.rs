//! Who really calls: the socket's other end, or what a trusted proxy vouches for.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderName;
use http::uri::Authority;
use ipnet::IpNet;

use super::complaints::Complaints;
use super::forwarded;
use super::host::{AmbiguousHost, Hosts};
use crate::config::settings;
use crate::gate::subrequest;
use crate::types::is_plain;
use crate::web::forwarded::{FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO};
use crate::web::{Fields, Head, Peer};

/// The headers by which a proxy tells of its client.
const TELLING: [HeaderName; 4] = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, FORWARDED];

/// The other end of a connection's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketPeer {
    /// Its address, IPv4-mapped ones folded; `None`: a Unix socket's.
    pub(super) address: Option<IpAddr>,
    /// Whether it speaks TLS to the gate itself.
    pub(super) secure: bool,
    /// Whether the address is that of a proxy which can't say for whom it speaks: nobody, then, is believed.
    pub(super) unknown: bool,
}

impl SocketPeer {
    /// A Unix socket's.
    pub(super) const UNIX: Self = Self { address: None, secure: false, unknown: false };

    /// Another machine's, or this one's. Folds an IPv4 address that came by an IPv6 socket.
    pub(super) fn at(address: IpAddr) -> Self {
        Self { address: Some(address.to_canonical()), secure: false, unknown: false }
    }

    /// Somebody whom this proxy passes on and can't name.
    pub(super) const fn unknown(self) -> Self {
        Self { unknown: true, ..self }
    }

    /// The same, by TLS.
    pub(super) const fn by_tls(self) -> Self {
        Self { secure: true, ..self }
    }
}

/// Knows whom to believe.
pub(super) struct Peers {
    trusted: Vec<IpNet>,
    trust_unix: bool,
    warned: AtomicBool,
    warned_of_unannounced: AtomicBool,
    /// What was said of sub-requests.
    pub(super) complaints: Complaints,
}

impl Peers {
    pub(super) fn new(settings: &settings::Server) -> Self {
        Self {
            trusted: settings.trusted_proxies.clone(),
            trust_unix: settings.trust_unix,
            warned: AtomicBool::new(false),
            warned_of_unannounced: AtomicBool::new(false),
            complaints: Complaints::default(),
        }
    }

    /// Judges by the socket first: what headers say counts only from a trusted peer.
    pub(super) fn judge(
        &self,
        head: &impl Head,
        socket: SocketPeer,
        hosts: &Hosts,
    ) -> Result<Peer, AmbiguousHost> {
        let host = hosts.asked_for(head)?;
        let (address, trusted) = (socket.address, self.is_trusted(socket));
        if !trusted {
            // Of a sub-request more is said where it is refused.
            if head.uri().path() != subrequest::PATH {
                self.warn_of_untrusted(head.fields(), address);
            }
            return Ok(Peer { address, socket: address, trusted, secure: socket.secure, host });
        }
        let headers = head.fields();
        // A proxy that says nothing of it leaves its client to be thought of like itself.
        let secure =
            forwarded::proto(headers).map_or(socket.secure, |proto| proto.eq_ignore_ascii_case("https"));
        let told = forwarded::host(headers).and_then(|host| host.parse::<Authority>().ok()).filter(is_plain);
        let client = self.client_of(headers).or(address);
        Ok(Peer { address: client, socket: address, trusted, secure, host: told.or(host) })
    }

    /// Whether a connection's other end is a proxy that is believed.
    pub(super) fn is_trusted(&self, socket: SocketPeer) -> bool {
        !socket.unknown && socket.address.map_or(self.trust_unix, |address| self.trusts(address))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// The last address in the chain that no trusted proxy has. What stands before it, or before something that is
    /// no address, is the claim of whoever sent it.
    fn client_of(&self, headers: &impl Fields) -> Option<IpAddr> {
        let mut nearest = None;
        for address in forwarded::chain(headers).into_iter().rev().map_while(|address| address) {
            nearest = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        nearest
    }

    /// A proxy that was not told to send what the gate was told to expect: said once.
    pub(super) fn warn_of_unannounced(&self, proxy: SocketPeer) {
        if !self.warned_of_unannounced.swap(true, Ordering::Relaxed) {
            let whose =
                proxy.address.map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string());
            tracing::warn!(
                "a connection from {whose} was closed: it did not begin with a PROXY header; have the proxy send one to this \
                 port, or turn `server.proxy_protocol` off"
            );
        }
    }

    /// A proxy in front that nobody told us of is the usual mistake: say once what to set.
    fn warn_of_untrusted(&self, headers: &impl Fields, address: Option<IpAddr>) {
        let told = TELLING.into_iter().find(|name| headers.has(name.clone()));
        let (Some(told), Some(address)) = (told, address) else { return };
        if is_private(address) && !self.warned.swap(true, Ordering::Relaxed) {
            let net = IpNet::from(address);
            tracing::warn!(
                "a peer at {address} sends {told} and is not trusted; if it is your proxy, add \"{net}\" to \
                 `server.trusted_proxies`"
            );
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(trusted: &[&str], headers: &[(&'static str, &str)]) -> Peer {
        let peers = Peers {
            trusted: trusted.iter().map(|net| net.parse().unwrap()).collect(),
            trust_unix: false,
            warned: AtomicBool::new(false),
            warned_of_unannounced: AtomicBool::new(false),
            complaints: Complaints::default(),
        };
        let mut request = http::Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        peers.judge(&head, SocketPeer::at("10.0.0.9".parse().unwrap()), &Hosts::default()).unwrap()
    }

    #[test]
    fn forwarded_addresses_count_from_trusted_peers_alone_and_from_the_right() {
        let forwarded = [("x-forwarded-for", "203.0.113.7, 198.51.100.2, 10.0.0.8")];
        assert_eq!(judge(&[], &forwarded).address, "10.0.0.9".parse().ok());
        assert_eq!(judge(&["10.0.0.0/8"], &forwarded).address, "198.51.100.2".parse().ok());
        assert_eq!(judge(&["10.0.0.0/8"], &[]).address, "10.0.0.9".parse().ok());
        let mapped = [("x-forwarded-for", "[::ffff:203.0.113.7]:80")];
        assert_eq!(judge(&["10.0.0.9/32"], &mapped).address, "203.0.113.7".parse().ok());
    }

    #[test]
    fn what_a_client_put_before_its_proxys_word_is_not_believed() {
        for (claimed, address) in [
            ("1.2.3.4, garbage, 203.0.113.7", "203.0.113.7"),
            ("garbage, 203.0.113.7", "203.0.113.7"),
            (", 203.0.113.7", "203.0.113.7"),
            ("1.2.3.4, unknown, 10.0.0.8", "10.0.0.8"),
            ("1.2.3.4, garbage", "10.0.0.9"),
        ] {
            let claimed = [("x-forwarded-for", claimed)];
            assert_eq!(judge(&["10.0.0.0/8"], &claimed).address, address.parse().ok(), "{claimed:?}");
        }
    }

    #[test]
    fn host_and_scheme_are_believed_from_trusted_peers_alone() {
        let told = [("host", "inner"), ("x-forwarded-proto", "HTTPS"), ("x-forwarded-host", "outer")];
        let (stranger, proxy) = (judge(&[], &told), judge(&["10.0.0.9/32"], &told));
        assert_eq!((stranger.secure, stranger.host.unwrap().as_str()), (false, "inner"));
        assert_eq!((proxy.secure, proxy.host.unwrap().as_str()), (true, "outer"));
    }
}
