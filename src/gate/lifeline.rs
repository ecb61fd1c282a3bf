//! Whether a session still lives, for what outlives the moment in which its request was let through.

use std::cell::Cell;
use std::rc::Rc;

use crate::sessions::Revocations;
use crate::types::SessionId;

/// A session as a long answer, an upload or a tunnel holds on to it.
pub struct Lifeline {
    session: SessionId,
    revocations: Rc<Revocations>,
    epoch: Cell<u64>,
    cut: Cell<bool>,
}

impl Lifeline {
    pub(super) fn new(session: SessionId, revocations: Rc<Revocations>) -> Self {
        // Compared with nothing yet, so that the first look is a real one.
        let epoch = Cell::new(revocations.epoch().wrapping_sub(1));
        Self { session, revocations, epoch, cut: Cell::new(false) }
    }

    /// Whether the session has ended. Costs one read of shared memory while nothing is revoked.
    pub fn is_cut(&self) -> bool {
        let epoch = self.revocations.epoch();
        if self.epoch.replace(epoch) != epoch && self.revocations.is_revoked(self.session) {
            self.cut.set(true);
        }
        self.cut.get()
    }
}
