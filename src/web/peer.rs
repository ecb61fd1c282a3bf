//! Who calls, as far as it can be believed: the judgement itself is `server::peer`'s.

use std::net::IpAddr;

use http::uri::Authority;

/// The other end of a request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The client's address: the socket's, or what a trusted proxy vouches for; IPv4-mapped addresses are
    /// folded. `None` on a Unix socket whose peer is not trusted to tell.
    pub address: Option<IpAddr>,
    /// The address of the socket's other end, IPv4-mapped addresses folded; `None` on a Unix socket.
    pub socket: Option<IpAddr>,
    /// Whether the socket's other end is a trusted proxy, whose forwarded headers are believed.
    pub trusted: bool,
    /// Whether the client's connection is TLS: our own, or by a trusted proxy's word.
    pub secure: bool,
    /// The authority that the client asked for (`Host` or `:authority`, or by a trusted proxy's word).
    pub host: Option<Authority>,
}
