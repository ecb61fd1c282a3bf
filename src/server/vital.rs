//! What a connection is doing, and until when it may: shared by its socket, its requests and its task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::web::deadline::Remote;

/// A connection's state. It is touched by one thread only, but the socket it is part of must be able to move.
pub(super) struct Vital {
    limit: Arc<Remote>,
    header_timeout: Duration,
    keep_alive: Duration,
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Whether a part of a next head has come in.
    in_head: AtomicBool,
}

impl Vital {
    /// A connection from which the first head is awaited.
    pub(super) fn new(limit: Arc<Remote>, header_timeout: Duration, keep_alive: Duration) -> Arc<Self> {
        limit.set(header_timeout);
        let (busy, in_head) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { limit, header_timeout, keep_alive, busy, in_head })
    }

    /// Whether it is between requests.
    pub(super) fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
    }

    /// Whether a part of a next head has come in, and nothing else is going on.
    pub(super) fn is_begun_only(&self) -> bool {
        self.is_idle() && self.in_head.load(Ordering::Relaxed)
    }

    /// Says whether a part of a next head has come in. A head that begins starts the clock.
    pub(super) fn set_in_head(&self, in_head: bool) {
        if self.in_head.swap(in_head, Ordering::Relaxed) != in_head && in_head && self.is_idle() {
            self.limit.set(self.header_timeout);
        }
    }

    /// A request has begun; it has ended when the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.limit.clear();
        InFlight(Arc::clone(self))
    }

    /// Gives the connection a little longer to say goodbye.
    pub(super) fn linger(&self) {
        self.limit.set(Duration::from_secs(1));
    }
}

/// A request that is being answered.
pub(super) struct InFlight(Arc<Vital>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            let begun = self.0.in_head.load(Ordering::Relaxed);
            self.0.limit.set(if begun { self.0.header_timeout } else { self.0.keep_alive });
        }
    }
}
