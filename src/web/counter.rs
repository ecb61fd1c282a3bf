//! Counts what is open on one thread, and says when nothing is any more.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// A count that goes up by [`Counter::count`] and down when what that gave is dropped. Clones share it.
#[derive(Clone, Default)]
pub struct Counter(Rc<Open>);

#[derive(Default)]
struct Open {
    count: Cell<usize>,
    emptied: Notify,
}

impl Counter {
    /// One more is open, for as long as the guard lives.
    #[must_use]
    pub fn count(&self) -> Counted {
        self.0.count.set(self.0.count.get() + 1);
        Counted(Rc::clone(&self.0))
    }

    /// Waits until none is open.
    pub async fn all_closed(&self) {
        while self.0.count.get() > 0 {
            self.0.emptied.notified().await;
        }
    }
}

/// One that is open.
pub struct Counted(Rc<Open>);

impl Drop for Counted {
    fn drop(&mut self) {
        let left = self.0.count.get() - 1;
        self.0.count.set(left);
        if left == 0 {
            self.0.emptied.notify_one();
        }
    }
}
