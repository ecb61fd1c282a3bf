//! Forgets what has run out: ended sessions in the store, and revocations that no token can meet any more.

use std::time::Duration;

use super::Sessions;
use crate::store::{Revoked, StoreError};

/// Records that are removed in one transaction: few enough that a sign-in behind it doesn't notice.
const BATCH: usize = 500;

/// How long it is known of a session that it has run out: open tunnels look twice a second.
const TOLD: Duration = Duration::from_mins(1);

impl Sessions {
    /// Sweeps once, in small transactions; gives how many records it removed.
    pub async fn sweep_once(&self) -> Result<usize, StoreError> {
        let now = self.0.clock.now();
        self.0.revocations.reclaim(now);
        let mut removed = 0;
        loop {
            let batch = self.0.store.sweep(now, BATCH).await?;
            let count = batch.count();
            removed += count;
            // A tunnel outlives its access token, but not its session: whoever still holds on to one is told.
            let until = now.plus(TOLD);
            self.0.revocations.publish(batch.sessions.into_iter().map(|session| Revoked { session, until }));
            if count < BATCH {
                return Ok(removed);
            }
        }
    }
}
