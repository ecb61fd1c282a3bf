//! Watches over one exchange: is there progress in time, and does its session still live?

use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::gate::Lifeline;
use crate::web::deadline::{Deadlines, Timer};

/// How often a waiting exchange looks after its session: revocation closes it within a second (contract section 5).
const LOOK: Duration = Duration::from_millis(500);

/// Why an exchange must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing happened for too long.
    TooLong,
    /// Its session was ended.
    SessionEnded,
}

/// The watch over one exchange, shared by its upload, its wait for the head and its answer.
pub(super) struct Vigil {
    timer: Timer,
    patience: Cell<Duration>,
    since: Cell<Duration>,
    answered: Cell<bool>,
    lifeline: Option<Lifeline>,
}

impl Vigil {
    pub(super) fn new(deadlines: &Deadlines, lifeline: Option<Lifeline>) -> Self {
        // What is expected, and since when, is said before anything is awaited.
        let (patience, since) = (Cell::new(Duration::MAX), Cell::new(Duration::ZERO));
        Self { timer: deadlines.timer(), patience, since, answered: Cell::new(false), lifeline }
    }

    /// From now on, something has to happen within `patience`.
    pub(super) fn expect_within(&self, patience: Duration) {
        self.expect(self.timer.deadlines().elapsed(), patience);
    }

    /// The same for those who have looked at the time already.
    pub(super) fn expect_from(&self, now: Instant, patience: Duration) {
        self.expect(self.timer.deadlines().age_at(now), patience);
    }

    fn expect(&self, now: Duration, patience: Duration) {
        self.patience.set(patience);
        self.since.set(now);
        self.timer.set_at(now.saturating_add(patience.min(LOOK)));
    }

    /// The answer's head has come; from now on, something has to happen within `patience`.
    pub(super) fn answered(&self, patience: Duration) {
        self.answered.set(true);
        self.expect_within(patience);
    }

    /// The same for those who have looked at the time already.
    pub(super) fn answered_at(&self, now: Instant, patience: Duration) {
        self.answered.set(true);
        self.expect_from(now, patience);
    }

    /// The request has been sent to its end: its answer's head has to come within `patience`, if it hasn't yet.
    pub(super) fn sent(&self, patience: Duration) {
        if self.answered.get() { self.progress() } else { self.expect_within(patience) }
    }

    /// Something happened. The timer stays as it is: an exchange that never falls silent is looked after, too.
    pub(super) fn progress(&self) {
        self.since.set(self.timer.deadlines().elapsed());
    }

    /// Whether the exchange's session has ended, for what goes on without ever waiting.
    pub(super) fn is_cut(&self) -> bool {
        self.lifeline.as_ref().is_some_and(Lifeline::is_cut)
    }

    /// Ready when the exchange must not go on.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Why> {
        while self.timer.poll_fired(cx).is_ready() {
            if self.is_cut() {
                return Poll::Ready(Why::SessionEnded);
            }
            let waited = self.timer.deadlines().elapsed().saturating_sub(self.since.get());
            let left = self.patience.get().saturating_sub(waited);
            if left.is_zero() {
                return Poll::Ready(Why::TooLong);
            }
            self.timer.set(left.min(LOOK));
        }
        Poll::Pending
    }
}
