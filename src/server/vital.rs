//! What a connection is doing, and until when it may: shared by its socket, its requests and its task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::connection::Terms;
use crate::web::deadline::Remote;

/// How often it is looked after whose answer isn't read: its session may have ended (contract section 5: within a second).
const LOOK: Duration = Duration::from_millis(500);

/// A connection's state. It is touched by one thread only, but the socket it is part of must be able to move.
pub(super) struct Vital {
    limit: Arc<Remote>,
    header_timeout: Duration,
    keep_alive: Duration,
    /// How long a client may read nothing of what it is sent.
    patience: Duration,
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Whether a part of a next head has come in.
    in_head: AtomicBool,
    /// Whether what came in so far are whole requests.
    between: AtomicBool,
    /// Whether something waits to be sent that the client doesn't take.
    stalled: AtomicBool,
    /// For how many milliseconds that was so when it was last looked at.
    stalled_for: AtomicU64,
    /// Whether an answer broke off that only the end of the connection would have ended.
    broken: AtomicBool,
}

impl Vital {
    /// A connection from which the first head is awaited.
    pub(super) fn new(limit: Arc<Remote>, terms: &Terms) -> Arc<Self> {
        limit.set(terms.limits.header_timeout);
        Arc::new(Self {
            limit,
            header_timeout: terms.limits.header_timeout,
            keep_alive: terms.keep_alive,
            patience: terms.idle_timeout,
            busy: AtomicUsize::new(0),
            in_head: AtomicBool::new(false),
            between: AtomicBool::new(true),
            stalled: AtomicBool::new(false),
            stalled_for: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        })
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

    /// Says whether what came in so far are whole requests.
    pub(super) fn set_between(&self, between: bool) {
        self.between.store(between, Ordering::Relaxed);
    }

    /// Whether all that was asked has come in and is answered, and what can be written of the answers has been.
    pub(super) fn is_between(&self) -> bool {
        self.is_idle() && !self.is_stalled() && self.between.load(Ordering::Relaxed)
    }

    /// Says whether the client takes what it is sent. When it stops during an answer, the clock starts: nobody asks
    /// that answer's body for more meanwhile, so that its own time limits rest.
    pub(super) fn set_stalled(&self, stalled: bool) {
        if self.stalled.swap(stalled, Ordering::Relaxed) != stalled && !self.is_idle() {
            if stalled {
                self.stalled_for.store(0, Ordering::Relaxed);
                self.limit.set(LOOK.min(self.patience));
            } else {
                self.limit.clear();
            }
        }
    }

    /// Whether something waits to be sent that the client doesn't take.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Whether its time is over when the clock runs out: between requests, and where an answer hasn't been read for too
    /// long. If not for so long yet, the clock starts again.
    pub(super) fn is_over(&self) -> bool {
        self.is_idle() || self.is_stalled() && self.is_stalled_for_too_long()
    }

    fn is_stalled_for_too_long(&self) -> bool {
        let before = Duration::from_millis(self.stalled_for.load(Ordering::Relaxed));
        let now = before + LOOK.min(self.patience.saturating_sub(before));
        if now >= self.patience {
            return true;
        }
        self.stalled_for.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.limit.set(LOOK.min(self.patience.saturating_sub(now)));
        false
    }

    /// Breaks it off where an answer isn't read, and says whether that is so.
    pub(super) fn break_off_if_stalled(&self) -> bool {
        let stalled = self.is_stalled();
        if stalled {
            self.break_off();
        }
        stalled
    }

    /// From now on, the connection ends so that the client can't take what it got for whole.
    pub(super) fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Whether it has to end like that.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// A request has begun; it has ended when the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.busy.fetch_add(1, Ordering::Relaxed);
        if !self.is_stalled() {
            self.limit.clear();
        }
        InFlight(Arc::clone(self))
    }

    /// All has been said; what the client still sends is waited for as long as for a head.
    pub(super) fn last_words(&self) {
        self.limit.set(self.header_timeout);
    }

    /// Gives the connection a little longer to say goodbye.
    pub(super) fn linger(&self) {
        self.limit.set(Duration::from_secs(1));
    }
}

/// A request that is being answered.
pub(super) struct InFlight(Arc<Vital>);

impl InFlight {
    /// See [`Vital::break_off`].
    pub(super) fn break_off(&self) {
        self.0.break_off();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            let begun = self.0.in_head.load(Ordering::Relaxed);
            self.0.limit.set(if begun { self.0.header_timeout } else { self.0.keep_alive });
        }
    }
}
