//! What is wrong with upstreams' addresses, as all workers know it together: each of them meets it, and it is told of once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The troubles that last. Touched when one begins or ends, never by a request that meets none.
#[derive(Clone, Debug, Default)]
pub struct Troubles(Arc<Mutex<HashMap<String, usize>>>);

impl Troubles {
    /// A worker has met it. Whether it is the first one.
    pub(super) fn begins(&self, what: String) -> bool {
        // The map holds whatever a panic left of it.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let workers = all.entry(what).or_default();
        *workers += 1;
        *workers == 1
    }

    /// It is over for a worker that has met it. Whether that was the last one.
    pub(super) fn ends(&self, what: &str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(workers) = all.get_mut(what) else { return false };
        *workers -= 1;
        let last = *workers == 0;
        if last {
            all.remove(what);
        }
        last
    }
}
