//! What a connection is doing, and until when it may: shared by its socket, its requests and its task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::connection::Terms;
use crate::web::deadline::Remote;

/// How often it is looked after whose answer isn't read: its session may have ended (contract section 5: within a second).
const LOOK: Duration = Duration::from_millis(500);

/// How long a client has to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection's state. It is touched by one thread only, but the socket it is part of must be able to move.
pub(super) struct Vital {
    limit: Arc<Remote>,
    header_timeout: Duration,
    keep_alive: Duration,
    /// How long a client may read nothing of what it is sent.
    patience: Duration,
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Whether there was any.
    asked: AtomicBool,
    /// Whether a part of a next head has come in.
    in_head: AtomicBool,
    /// The same in HTTP/2, where nothing else can be said until that head ends.
    blocked: AtomicBool,
    /// Whether an answer of HTTP/2's is made and not sent to its end: its client opens no window, or is slow.
    owes: AtomicBool,
    /// Whether the client was told that no more will be answered.
    leaving: AtomicBool,
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
            asked: AtomicBool::new(false),
            in_head: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            owes: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            between: AtomicBool::new(true),
            stalled: AtomicBool::new(false),
            stalled_for: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        })
    }

    /// Whether it is between requests.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_busy() && !self.owes.load(Ordering::Relaxed)
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// One thread at a time touches it: there is nothing to add atomically, which would cost more.
    fn set_busy(&self, requests: usize) {
        self.busy.store(requests, Ordering::Relaxed);
    }

    /// Whether a part of a next head has come in, and nothing else is going on.
    pub(super) fn is_begun_only(&self) -> bool {
        self.is_idle() && self.in_head.load(Ordering::Relaxed)
    }

    /// Says whether a part of a next head has come in. A head that begins starts the clock.
    pub(super) fn set_in_head(&self, in_head: bool) {
        if self.in_head.swap(in_head, Ordering::Relaxed) != in_head
            && in_head
            && self.is_idle()
            && !self.is_stalled()
        {
            self.limit.set(self.header_timeout);
        }
    }

    /// The same of a connection of HTTP/2, after its client said something.
    pub(super) fn heard(&self, in_head: bool, owes: bool) {
        let before = self.owes.swap(owes, Ordering::Relaxed);
        // What begins to be owed is a request, which has a clock of its own.
        if self.blocked.swap(in_head, Ordering::Relaxed) != in_head || before && !owes {
            self.wind();
        }
    }

    /// Says whether answers of HTTP/2's are still to be sent to their ends, after a part of one was.
    pub(super) fn said(&self, owes: bool) {
        let before = self.owes.swap(owes, Ordering::Relaxed);
        if before && !self.is_busy() {
            self.wind();
        }
    }

    fn wind(&self) {
        self.wind_from(None);
    }

    /// Sets the clock by what goes on. `now`: where somebody has just looked.
    fn wind_from(&self, now: Option<Instant>) {
        let (asked, leaving) = (self.asked.load(Ordering::Relaxed), self.leaving.load(Ordering::Relaxed));
        // The first head's clock runs from the beginning, and that of a client which reads nothing since it does so.
        if !asked && !leaving || asked && self.is_stalled() {
            return;
        }
        let (busy, owes) = (self.is_busy(), self.owes.load(Ordering::Relaxed));
        let in_head = self.blocked.load(Ordering::Relaxed) || !busy && self.in_head.load(Ordering::Relaxed);
        let after = match (busy, owes) {
            (false, false) if leaving => GOODBYE,
            _ if in_head => self.header_timeout,
            (true, _) => return self.limit.clear(),
            (false, true) => self.patience,
            (false, false) => self.keep_alive,
        };
        match now {
            Some(now) => self.limit.set_from(now, after),
            None => self.limit.set(after),
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

    /// Says whether the client takes what it is sent. When it stops, the clock starts: nobody asks an answer's body for
    /// more meanwhile, so that its own time limits rest; and all of an answer may have been given away that is not yet
    /// sent. Who has asked nothing is not waited for.
    pub(super) fn set_stalled(&self, stalled: bool) {
        // Mostly it is as before.
        if self.is_stalled() == stalled {
            return;
        }
        self.stalled.store(stalled, Ordering::Relaxed);
        if self.asked.load(Ordering::Relaxed) {
            if stalled {
                self.stalled_for.store(0, Ordering::Relaxed);
                self.limit.set(LOOK.min(self.patience));
            } else {
                self.wind();
            }
        }
    }

    /// Whether something waits to be sent that the client doesn't take.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Whether its time is over when the clock runs out: between requests, in a head that blocks all others, and where
    /// an answer hasn't been read for too long. If not for so long yet, the clock starts again.
    pub(super) fn is_over(&self) -> bool {
        if self.is_stalled() && self.asked.load(Ordering::Relaxed) {
            return self.is_stalled_for_too_long();
        }
        !self.is_busy() || self.blocked.load(Ordering::Relaxed)
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
        self.set_busy(self.busy.load(Ordering::Relaxed) + 1);
        self.asked.store(true, Ordering::Relaxed);
        self.wind();
        InFlight { vital: Arc::clone(self), ended: None }
    }

    /// All has been said; what the client still sends is waited for as long as for a head.
    pub(super) fn last_words(&self) {
        self.limit.set(self.header_timeout);
    }

    /// The client was told that no more will be answered: once all that it asked is, it has a little longer to say
    /// goodbye.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.wind();
    }
}

/// A request that is being answered.
pub(super) struct InFlight {
    vital: Arc<Vital>,
    /// When it ended, where somebody has looked.
    ended: Option<Instant>,
}

impl InFlight {
    /// See [`Vital::break_off`].
    pub(super) fn break_off(&self) {
        self.vital.break_off();
    }

    /// It has just ended.
    pub(super) fn end(mut self, now: Instant) {
        self.ended = Some(now);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let others = self.vital.busy.load(Ordering::Relaxed) - 1;
        self.vital.set_busy(others);
        if others == 0 {
            self.vital.wind_from(self.ended);
        }
    }
}
