//! Whether a session still lives under the roles that a request was let through with, for what outlives that moment.

use std::cell::Cell;
use std::rc::Rc;

use super::cache::Known;
use crate::sessions::Revocations;

/// A session as a long answer, an upload or a tunnel holds on to it.
pub struct Lifeline {
    known: Rc<Known>,
    revocations: Rc<Revocations>,
    epoch: Cell<u64>,
    cut: Cell<bool>,
}

impl Lifeline {
    pub(super) fn new(known: Rc<Known>, revocations: Rc<Revocations>) -> Self {
        // Compared with nothing yet, so that the first look is a real one.
        let epoch = Cell::new(revocations.epoch().wrapping_sub(1));
        Self { known, revocations, epoch, cut: Cell::new(false) }
    }

    /// Whether the session has ended or its user's roles have changed (contract section 5), or their address is not
    /// proven any more where it has to be; another name or address is told with the next request. Costs one read of shared
    /// memory while nothing is published.
    pub fn is_cut(&self) -> bool {
        let epoch = self.revocations.epoch();
        if self.epoch.replace(epoch) != epoch {
            let over = self.revocations.is_revoked(self.known.session)
                || self.known.has_other_rights(&self.revocations);
            self.cut.set(self.cut.get() || over);
        }
        self.cut.get()
    }
}
