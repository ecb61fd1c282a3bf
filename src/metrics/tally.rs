//! What one worker counts with.

use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Outcome, UpstreamError, Worker};

/// One worker's numbers. It goes to the worker's thread and stays there: it can be neither copied nor shared with
/// another thread, so that adding needs no locked instruction.
pub struct Tally {
    worker: Arc<Worker>,
    /// Makes it `!Sync`.
    _alone: PhantomData<Cell<()>>,
}

impl Tally {
    pub(super) const fn new(worker: Arc<Worker>) -> Self {
        Self { worker, _alone: PhantomData }
    }

    /// A request has come: it is counted when what this gives is dropped.
    pub fn request(self: &Rc<Self>) -> Counted {
        Counted { tally: Rc::clone(self), outcome: None }
    }

    /// A connection was one too many.
    pub fn turned_away(&self) {
        self.worker.requests[Outcome::TurnedAway as usize].add(1);
    }

    /// The gate took so long over a request, a renewal included.
    pub fn gate(&self, took: Duration) {
        self.worker.gate.add(took);
    }

    /// The upstream took so long until an answer's head was there.
    pub fn upstream(&self, took: Duration) {
        self.worker.upstream.add(took);
    }

    /// The upstream failed.
    pub fn upstream_error(&self, error: UpstreamError) {
        self.worker.upstream_errors[error as usize].add(1);
    }
}

/// One request on its way. Whatever ends it, it is counted once, under the outcome that it has by then.
pub struct Counted {
    tally: Rc<Tally>,
    /// `None`: there is no answer yet.
    outcome: Option<Outcome>,
}

impl Counted {
    /// What has become of it.
    pub const fn outcome(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    /// It has been answered: by Sidegate itself, unless something else is known.
    pub fn answered(&mut self) -> Outcome {
        *self.outcome.get_or_insert(Outcome::Own)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or(Outcome::Abandoned);
        self.tally.worker.requests[outcome as usize].add(1);
    }
}
