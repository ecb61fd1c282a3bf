//! The sessions that ended before their access tokens did, in memory: written by `sessions`, read by each
//! worker on each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use papaya::HashMap;

use crate::store::Revoked;
use crate::types::{SessionId, Timestamp};

/// What is revoked. Cheap to clone; reading takes no lock.
#[derive(Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Until when each has to be remembered: then its last access token has expired.
    until: HashMap<SessionId, Timestamp, RandomState>,
    epoch: AtomicU64,
}

impl Revocations {
    /// A number that is another one after each revocation: who remembers it and sees the same one again
    /// need not look anything up. What was revoked before it was read is seen by [`Self::is_revoked`].
    pub fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Acquire)
    }

    /// Whether this session has ended before its time.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.0.until.pin().contains_key(&session)
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.0.until.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets all workers know. First the entry, then the epoch: who sees the new epoch finds the entry.
    pub(super) fn publish(&self, revoked: impl IntoIterator<Item = Revoked>) {
        let until = self.0.until.pin();
        let mut news = false;
        for Revoked { session, until: at } in revoked {
            until.update_or_insert(session, |known| (*known).max(at), at);
            news = true;
        }
        if news {
            self.0.epoch.fetch_add(1, Ordering::Release);
        }
    }

    /// Forgets those whose last access token has expired.
    pub(super) fn reclaim(&self, now: Timestamp) {
        self.0.until.pin().retain(|_, until| *until > now);
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations").field("epoch", &self.epoch()).field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revoked(byte: u8, until: u64) -> Revoked {
        Revoked { session: SessionId::from_bytes([byte; 24]), until: Timestamp::from_secs(until) }
    }

    #[test]
    fn a_revocation_is_seen_by_every_clone_and_changes_the_epoch() {
        let revocations = Revocations::default();
        let reader = revocations.clone();
        let before = reader.epoch();
        revocations.publish([revoked(1, 100)]);
        assert_ne!(reader.epoch(), before);
        assert!(reader.is_revoked(SessionId::from_bytes([1; 24])));
        assert!(!reader.is_revoked(SessionId::from_bytes([2; 24])));
    }

    #[test]
    fn publishing_nothing_disturbs_no_cache() {
        let revocations = Revocations::default();
        revocations.publish([]);
        assert_eq!(revocations.epoch(), 0);
    }

    #[test]
    fn a_revocation_is_forgotten_when_its_last_access_token_has_expired_and_not_before() {
        let revocations = Revocations::default();
        revocations.publish([revoked(1, 100), revoked(2, 200)]);
        revocations.publish([revoked(2, 150)]);
        revocations.reclaim(Timestamp::from_millis(99_999));
        assert_eq!(revocations.len(), 2);
        revocations.reclaim(Timestamp::from_secs(150));
        assert!(!revocations.is_revoked(SessionId::from_bytes([1; 24])));
        assert!(revocations.is_revoked(SessionId::from_bytes([2; 24])));
        revocations.reclaim(Timestamp::from_secs(200));
        assert!(revocations.is_empty());
    }
}
