//! Things that only a few of one worker may have at a time. Each who has one holds a permit, and gives it back by ending.

use std::cell::Cell;
use std::rc::Rc;

/// `N` permits. Clones share them.
#[derive(Clone)]
pub struct Permits<const N: usize>(Rc<Cell<usize>>);

impl<const N: usize> Default for Permits<N> {
    fn default() -> Self {
        Self(Rc::new(Cell::new(N)))
    }
}

impl<const N: usize> Permits<N> {
    /// A permit, unless all are taken.
    pub fn take(&self) -> Option<Permit> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(Permit(Rc::clone(&self.0)))
    }
}

/// One of them. Dropping it gives it back.
pub struct Permit(Rc<Cell<usize>>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_few_and_come_back() {
        let permits = Permits::<64>::default();
        let taken: Vec<_> = std::iter::from_fn(|| permits.take()).collect();
        assert_eq!(taken.len(), 64);
        drop(taken);
        assert!(permits.clone().take().is_some());
    }
}
