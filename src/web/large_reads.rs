//! How much is read at once of bodies that are large. A call to the system costs as much as some ten KiB that it copies, so
//! large reads pay; but what was read and is not taken is memory. So a few bodies at a time have the room, and the others,
//! be they ten thousand that nobody takes, do with little.

use std::cell::Cell;
use std::rc::Rc;

/// What one read of a large body may give at most, in bytes.
pub const LARGE: usize = 384 * 1024;

/// How many bodies of one worker and one direction have that much room: together 32 MiB.
const PERMITS: usize = 64;

/// One worker's permits. Clones share them.
#[derive(Clone)]
pub struct LargeReads(Rc<Cell<usize>>);

impl Default for LargeReads {
    fn default() -> Self {
        Self(Rc::new(Cell::new(PERMITS)))
    }
}

impl LargeReads {
    /// A permit, unless all are taken.
    pub fn take(&self) -> Option<LargeRead> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(LargeRead(Rc::clone(&self.0)))
    }
}

/// A permit to read [`LARGE`] amounts. Dropping it gives it back.
pub struct LargeRead(Rc<Cell<usize>>);

impl Drop for LargeRead {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_few_and_come_back() {
        let reads = LargeReads::default();
        let taken: Vec<_> = std::iter::from_fn(|| reads.take()).collect();
        assert_eq!(taken.len(), PERMITS);
        drop(taken);
        assert!(reads.clone().take().is_some());
    }
}
