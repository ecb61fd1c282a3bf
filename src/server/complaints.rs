//! What is logged of sub-requests that can't be judged: each kind once, since whoever reaches a port may send them.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use ipnet::IpNet;

use crate::gate::subrequest::Misfit;
use crate::limits::Network;
use crate::web::Peer;

/// So many networks are named; whoever has more to send from is no front proxy that somebody forgot.
const MOST: usize = 64;

/// What was said already.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    networks: Mutex<HashSet<Network>>,
    kinds: AtomicU32,
}

impl Complaints {
    /// Says what is wrong with a sub-request, unless it was said before.
    pub(super) fn note(&self, misfit: Misfit, peer: &Peer) {
        tracing::debug!(%misfit, "a sub-request was refused");
        match misfit {
            Misfit::Untrusted => self.note_stranger(peer),
            Misfit::NoPath(_) => self.note_once(0, misfit),
            Misfit::Disagree(_) => self.note_once(1, misfit),
            Misfit::Unreadable(_) => self.note_once(2, misfit),
            Misfit::Own => self.note_once(3, misfit),
        }
    }

    fn note_once(&self, kind: u32, misfit: Misfit) {
        if self.kinds.fetch_or(1 << kind, Ordering::Relaxed) & (1 << kind) == 0 {
            tracing::warn!("a sub-request for /auth/verify was refused: {misfit}");
        }
    }

    fn note_stranger(&self, peer: &Peer) {
        // The set holds whatever a panic left of it.
        let mut networks = self.networks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if networks.len() >= MOST || !networks.insert(Network::of(peer.socket)) {
            return;
        }
        drop(networks);
        let (from, trusted) = match peer.socket {
            Some(address) => (address.to_string(), IpNet::from(address).to_string()),
            None => ("a Unix socket".to_owned(), "unix".to_owned()),
        };
        tracing::warn!(
            "a sub-request for /auth/verify from {from} was refused, for it is not trusted; if it is your front proxy, add \
             \"{trusted}\" to `server.trusted_proxies`"
        );
    }
}
