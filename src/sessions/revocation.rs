//! What ends access tokens before their time, in memory: sessions that ended, and users whose roles changed.
//! Written by `sessions`, read by each worker on each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use papaya::HashMap;

use crate::store::{Outdated, Revoked};
use crate::types::{Role, SessionId, Timestamp, UserId};

/// What is revoked and what is out of date. Cheap to clone; reading takes no lock.
#[derive(Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Until when each has to be remembered: then its last access token has expired.
    until: HashMap<SessionId, Timestamp, RandomState>,
    /// The present roles of users whose older access tokens may say others.
    present: HashMap<UserId, Present, RandomState>,
    epoch: AtomicU64,
}

/// A user's roles, comma separated, and until when they have to be remembered.
struct Present {
    roles: Box<str>,
    until: Timestamp,
}

impl Revocations {
    /// A number that is another one after each revocation, each change of roles and each change of the signing keys: who remembers it and sees the
    /// same one again need not look anything up. What was published before it was read is seen by
    /// [`Self::is_revoked`] and [`Self::is_outdated`].
    pub fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Acquire)
    }

    /// Whether this session has ended before its time.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.0.until.pin().contains_key(&session)
    }

    /// Whether a token that says these roles (comma separated) was made before its user's roles changed: it is as
    /// good as expired. The roles themselves are compared, so that whatever is minted after the change is good,
    /// be it a session's next pair or the current one once more.
    pub fn is_outdated(&self, user: UserId, roles: &str) -> bool {
        self.0.present.pin().get(&user).is_some_and(|present| *present.roles != *roles)
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.0.until.len() + self.0.present.len()
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

    /// Lets all workers know whose roles are others now, in the same order. The changes of one user have to be
    /// published in the order in which they were made.
    pub(super) fn publish_outdated(&self, outdated: impl IntoIterator<Item = Outdated>) {
        let present = self.0.present.pin();
        let mut news = false;
        for Outdated { user, roles, until } in outdated {
            present.insert(user, Present { roles: Role::joined(&roles).into(), until });
            news = true;
        }
        if news {
            self.0.epoch.fetch_add(1, Ordering::Release);
        }
    }

    /// Lets all workers look again at what they have verified; the keys themselves are changed before that.
    pub(super) fn keys_changed(&self) {
        self.0.epoch.fetch_add(1, Ordering::Release);
    }

    /// Forgets those whose last access token has expired.
    pub(super) fn reclaim(&self, now: Timestamp) {
        self.0.until.pin().retain(|_, until| *until > now);
        self.0.present.pin().retain(|_, present| present.until > now);
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

    #[test]
    fn a_token_that_says_other_roles_than_its_users_present_ones_is_out_of_date_until_it_has_expired() {
        let revocations = Revocations::default();
        let (jack, jill) = (UserId::new(1).unwrap(), UserId::new(2).unwrap());
        let roles = |names: &[&str]| names.iter().map(|name| Role::parse(name).unwrap()).collect();
        let before = revocations.epoch();
        let until = Timestamp::from_secs(100);
        revocations.publish_outdated([Outdated { user: jack, roles: roles(&["a", "b"]), until }]);
        assert_ne!(revocations.epoch(), before);
        for (user, told, outdated) in
            [(jack, "", true), (jack, "a", true), (jack, "a,b", false), (jill, "", false), (jill, "a", false)]
        {
            assert_eq!(revocations.is_outdated(user, told), outdated, "{user} {told:?}");
        }
        let later = Timestamp::from_secs(150);
        revocations.publish_outdated([Outdated { user: jack, roles: Vec::new(), until: later }]);
        assert!(revocations.is_outdated(jack, "a,b") && !revocations.is_outdated(jack, ""));
        revocations.reclaim(Timestamp::from_millis(149_999));
        assert!(revocations.is_outdated(jack, "a"));
        revocations.reclaim(later);
        assert!(!revocations.is_outdated(jack, "a") && revocations.is_empty());
    }
}
