//! Forgets what has run out: ended sessions in the store, and revocations that no token can meet any more.

use super::Sessions;
use crate::store::StoreError;

/// Records that are removed in one transaction: few enough that a sign-in behind it doesn't notice.
const BATCH: usize = 500;

impl Sessions {
    /// Sweeps once, in small transactions; gives how many records it removed.
    pub async fn sweep_once(&self) -> Result<usize, StoreError> {
        let now = self.0.clock.now();
        self.0.revocations.reclaim(now);
        let mut removed = 0;
        loop {
            let batch = self.0.store.sweep(now, BATCH).await?;
            removed += batch;
            if batch < BATCH {
                return Ok(removed);
            }
        }
    }
}
