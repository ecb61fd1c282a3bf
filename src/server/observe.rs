//! The access log: one line a request, written when its answer has ended or was given up.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use bytes::BytesMut;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, Version};

use crate::log::{Entry, WorkerLog};
use crate::metrics::Outcome;
use crate::proxy::X_REQUEST_ID;
use crate::types::UserId;
use crate::web::{Fields, Head, Peer};

/// One request's line. It is written when this is dropped: whatever ends a request, it is logged once.
pub(super) struct Record {
    log: Rc<WorkerLog>,
    started: Instant,
    method: Method,
    /// Path and query; of these the path alone is written, since queries carry secrets.
    target: Option<PathAndQuery>,
    version: Version,
    peer: Option<std::net::IpAddr>,
    pub(super) id: HeaderValue,
    pub(super) user: Option<UserId>,
    pub(super) status: StatusCode,
    pub(super) outcome: Outcome,
    pub(super) sent: u64,
    /// Whether the answer was given to its end.
    pub(super) complete: bool,
    /// When it ended, where somebody has looked.
    pub(super) ended: Option<Instant>,
}

impl Record {
    pub(super) fn open(
        started: Instant,
        head: &impl Head,
        peer: Option<&Peer>,
        id: HeaderValue,
        log: &Rc<WorkerLog>,
    ) -> Self {
        Self {
            log: Rc::clone(log),
            started,
            method: head.method().clone(),
            target: head.uri().path_and_query().cloned(),
            version: head.version(),
            peer: peer.and_then(|peer| peer.address),
            id,
            user: None,
            // No answer yet. Should it stay like that, the client has left: nginx's number for that, which tools know.
            status: StatusCode::from_u16(499).unwrap_or_default(),
            outcome: Outcome::Abandoned,
            sent: 0,
            complete: false,
            ended: None,
        }
    }

    /// Whether the answer is a head alone.
    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let now = self.ended.unwrap_or_else(Instant::now);
        let entry = Entry {
            method: self.method.as_str(),
            path: self.target.as_ref().map_or("*", |target| without_token(target.path())),
            status: self.status,
            version: self.version,
            peer: self.peer,
            user: self.user,
            outcome: self.outcome.name(),
            bytes: self.sent,
            complete: self.complete,
            took: now.duration_since(self.started),
            id: self.id.to_str().unwrap_or_default(),
        };
        self.log.write(&entry, now);
    }
}

/// A path up to where a token begins, if a client put one there: `{"` in base64 is `eyJ`.
fn without_token(path: &str) -> &str {
    // Capitals are rare in paths, and so this is mostly one look.
    let mut capitals = memchr::memchr_iter(b'J', path.as_bytes());
    let token = capitals.find_map(|place| path[..place].ends_with("ey").then(|| place - 2));
    token.map_or(path, |token| &path[..token])
}

/// Length of an id that was made here.
const LENGTH: usize = 32;

/// How many ids are made in one piece of memory. A request that lasts keeps the piece: it is to be small.
const PIECE: usize = 16 * LENGTH;

/// Names requests: a random beginning that is this worker's own, and a count.
pub(super) struct RequestIds {
    prefix: [u8; LENGTH / 2],
    next: Cell<u64>,
    /// Room for the next ones.
    room: RefCell<BytesMut>,
}

impl RequestIds {
    pub(super) fn new(prefix: [u8; 8]) -> Self {
        let mut text = [0; LENGTH / 2];
        hexadecimal(u64::from_be_bytes(prefix), &mut text);
        Self { prefix: text, next: Cell::new(0), room: RefCell::default() }
    }

    /// The request's own id, if it has one that can't harm a log, else a new one.
    pub(super) fn of(&self, headers: &impl Fields) -> HeaderValue {
        let mut ids = headers.all(X_REQUEST_ID);
        let own = ids.next().filter(|id| is_harmless(id) && ids.next().is_none());
        own.and_then(|id| HeaderValue::from_bytes(id).ok()).unwrap_or_else(|| self.make())
    }

    fn make(&self) -> HeaderValue {
        let count = self.next.get() + 1;
        self.next.set(count);
        let mut text = [0; LENGTH];
        let (prefix, number) = text.split_at_mut(LENGTH / 2);
        prefix.copy_from_slice(&self.prefix);
        hexadecimal(count, number);
        let mut room = self.room.borrow_mut();
        if room.capacity() < LENGTH {
            // Not `reserve`: that would look for whoever still holds the last piece.
            *room = BytesMut::with_capacity(PIECE);
        }
        room.extend_from_slice(&text);
        HeaderValue::from_maybe_shared(room.split().freeze()).expect("hexadecimal digits are visible")
    }
}

/// Writes as many digits as there is room for.
fn hexadecimal(mut number: u64, text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:+/=~@".contains(b))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn a_path_is_logged_up_to_where_a_token_begins() {
        for (path, logged) in [
            ("/", "/"),
            ("/JJ/eJ/yJ/eyj/ey", "/JJ/eJ/yJ/eyj/ey"),
            ("eyJ", ""),
            ("J/eyJhbGci.eyJzdWIi.x", "J/"),
            ("/\u{e9}Jey\u{e9}J/eyeyJ", "/\u{e9}Jey\u{e9}J/ey"),
        ] {
            assert_eq!(without_token(path), logged, "{path}");
        }
    }

    #[test]
    fn ids_are_the_workers_beginning_and_a_count() {
        let ids = RequestIds::new([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]);
        let made = [ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new())];
        assert_eq!(made, ["00010203fcfdfeff0000000000000001", "00010203fcfdfeff0000000000000002"]);
        let more: Vec<_> = (0..100).map(|_| ids.of(&HeaderMap::new())).collect();
        assert_eq!(more[99], "00010203fcfdfeff0000000000000066");
        assert_eq!(made[0], "00010203fcfdfeff0000000000000001", "what is made later is not written over it");
    }
}
