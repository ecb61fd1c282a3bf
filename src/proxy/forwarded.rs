//! `X-Forwarded-For/-Proto/-Host` and `Forwarded` (RFC 7239): set, or extended when the peer is trusted.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use foldhash::fast::RandomState;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};
use quick_cache::UnitWeighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};

use super::fields;
use crate::web::forwarded::{FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, speaks_x};
use crate::web::spelling::Spellings;
use crate::web::{Fields, Peer, head};

/// How many peers a worker remembers the words for.
const PEERS: usize = 1024;

/// Longer ones than any name in the DNS are not remembered: they would only fill memory.
const LONGEST_HOST: usize = 260;

/// Writes the forwarded headers.
pub(super) struct ForwardedHeaders {
    spellings: Spellings,
    public_https: bool,
    /// Most peers ask many times, and for one host.
    words: RefCell<Cache<Option<IpAddr>, Rc<Words>, UnitWeighter, RandomState>>,
}

/// What a trusted peer says of where a request came from.
pub(super) struct Told {
    chain: Option<String>,
    forwarded: Option<String>,
}

impl Told {
    const NOTHING: Self = Self { chain: None, forwarded: None };

    const fn is_nothing(&self) -> bool {
        matches!(self, Self { chain: None, forwarded: None })
    }
}

/// What is said of a peer's requests for one host.
struct Words {
    proto: &'static str,
    host: Option<Authority>,
    x_for: Option<HeaderValue>,
    x_host: Option<HeaderValue>,
    forwarded: Option<HeaderValue>,
    /// All of it, as it is written where nobody has told more.
    lines: Vec<u8>,
}

impl ForwardedHeaders {
    pub(super) fn new(public_https: bool) -> Self {
        let names = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, FORWARDED];
        Self {
            spellings: Spellings::of(names.iter().map(HeaderName::as_str)),
            public_https,
            words: RefCell::new(Cache::with(
                PEERS,
                PEERS as u64,
                UnitWeighter,
                RandomState::default(),
                DefaultLifecycle::default(),
            )),
        }
    }

    /// Whether a field is such a claim, however it is spelled.
    pub(super) fn owns(&self, name: &[u8]) -> bool {
        self.spellings.has(name)
    }

    /// Removes every such claim, in every spelling.
    pub(super) fn strip(&self, fields: &mut HeaderMap) {
        self.spellings.remove_from(fields);
    }

    /// Says where the request came from. What the client claims counts only if the peer is trusted, and then it
    /// is extended by the peer's own address; other spellings go in any case.
    pub(super) fn say(&self, told: Told, peer: &Peer, set: impl FnMut(&HeaderName, &HeaderValue)) {
        self.words_for(peer).say(told, set);
    }

    /// Writes the same. Where nobody has told more of a peer, it is the same lines each time.
    pub(super) fn write(&self, told: Told, peer: &Peer, wire: &mut Vec<u8>) {
        let words = self.words_for(peer);
        if told.is_nothing() { wire.extend_from_slice(&words.lines) } else { words.write(told, wire) }
    }

    /// What a trusted peer says, in both tongues. One that speaks `X-Forwarded-*` passes on its client's `Forwarded`:
    /// that is then made anew from the other.
    pub(super) fn told(headers: &impl Fields, peer: &Peer) -> Told {
        if !peer.trusted {
            return Told::NOTHING;
        }
        let chain = joined(headers, X_FORWARDED_FOR);
        if speaks_x(headers) {
            let nodes = chain.iter().flat_map(|chain| chain.split(','));
            let elements: Vec<_> =
                nodes.map(|address| format!("for={}", node(address.trim().parse().ok()))).collect();
            let forwarded = (!elements.is_empty()).then(|| elements.join(", "));
            return Told { chain, forwarded };
        }
        let client = peer.address.filter(|address| Some(*address) != peer.socket);
        Told { chain: client.map(|address| address.to_string()), forwarded: joined(headers, FORWARDED) }
    }

    fn words_for(&self, peer: &Peer) -> Rc<Words> {
        let proto = if peer.secure || self.public_https { "https" } else { "http" };
        // Compared to the letter: authorities are equal whatever their case.
        let host = peer.host.as_ref().map(Authority::as_str);
        let mut cache = self.words.borrow_mut();
        if let Some(words) = cache.get(&peer.socket)
            && words.proto == proto
            && words.host.as_ref().map(Authority::as_str) == host
        {
            return Rc::clone(words);
        }
        let words = Rc::new(Words::of(peer, proto));
        if host.is_none_or(|host| host.len() <= LONGEST_HOST) {
            cache.insert(peer.socket, Rc::clone(&words));
        }
        words
    }
}

impl Words {
    fn of(peer: &Peer, proto: &'static str) -> Self {
        let host = peer.host.as_ref().map(Authority::as_str);
        let mut words = Self {
            proto,
            host: peer.host.clone(),
            x_for: peer.socket.and_then(|address| HeaderValue::try_from(address.to_string()).ok()),
            x_host: host.and_then(|host| HeaderValue::from_str(host).ok()),
            forwarded: HeaderValue::try_from(element(peer.socket, proto, host)).ok(),
            lines: Vec::new(),
        };
        let mut lines = Vec::new();
        words.write(Told::NOTHING, &mut lines);
        words.lines = lines;
        words
    }

    fn say(&self, told: Told, mut set: impl FnMut(&HeaderName, &HeaderValue)) {
        if let Some(chain) = join(told.chain, self.x_for.as_ref()) {
            set(&X_FORWARDED_FOR, &chain);
        }
        set(&X_FORWARDED_PROTO, &HeaderValue::from_static(self.proto));
        if let Some(host) = &self.x_host {
            set(&X_FORWARDED_HOST, host);
        }
        if let Some(forwarded) = join(told.forwarded, self.forwarded.as_ref()) {
            set(&FORWARDED, &forwarded);
        }
    }

    fn write(&self, told: Told, wire: &mut Vec<u8>) {
        self.say(told, |name, value| fields::write(name.as_str().as_bytes(), value.as_bytes(), wire));
    }
}

/// All values of a header as one list.
fn joined(headers: &impl Fields, name: HeaderName) -> Option<String> {
    let values: Vec<_> = headers.all(name).filter_map(head::text).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// A list and one more item.
fn join(list: Option<String>, item: Option<&HeaderValue>) -> Option<HeaderValue> {
    let Some(mut list) = list else { return item.cloned() };
    if let Some(item) = item.and_then(|item| item.to_str().ok()) {
        list.push_str(", ");
        list.push_str(item);
    }
    HeaderValue::try_from(list).ok()
}

/// One element of `Forwarded` (RFC 7239 section 4): IPv6 addresses and hosts are quoted.
fn element(address: Option<IpAddr>, proto: &str, host: Option<&str>) -> String {
    let node = node(address);
    match host {
        Some(host) => format!("for={node};host=\"{host}\";proto={proto}"),
        None => format!("for={node};proto={proto}"),
    }
}

/// A node's name (RFC 7239 section 6).
fn node(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        None => "unknown".to_owned(),
    }
}
