//! Which pairs are known to have been presented, so that the store is told of each pair once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;

use crate::store::Generation;
use crate::types::SessionId;

/// Pairs that are remembered: 40 bytes each. One that was forgotten costs a needless write, no more.
const CAPACITY: usize = 65_536;

/// The pairs that were told of lately.
pub(super) struct Presented(Mutex<Cache<(SessionId, Generation), ()>>);

impl Presented {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Cache::new(CAPACITY)))
    }

    /// Takes a pair in; whether it is news. Of several callers at once one is told that it is.
    pub(super) fn insert(&self, session: SessionId, generation: Generation) -> bool {
        let mut known = self.lock();
        let is_news = known.get(&(session, generation)).is_none();
        if is_news {
            known.insert((session, generation), ());
        }
        is_news
    }

    /// Forgets a pair that the store could not be told of.
    pub(super) fn remove(&self, session: SessionId, generation: Generation) {
        self.lock().remove(&(session, generation));
    }

    fn lock(&self) -> MutexGuard<'_, Cache<(SessionId, Generation), ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
