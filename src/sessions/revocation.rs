//! What ends access tokens before their time, in memory: sessions that ended, and users whose roles changed.
//! Written by `sessions`, read by each worker on each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use papaya::HashMap;

use crate::store::{Order, Outdated, Revoked};
use crate::types::{Role, SessionId, Timestamp, UserId};

/// What is revoked and what is out of date. Cheap to clone; reading takes no lock.
#[derive(Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Until when each has to be remembered: then its last access token has expired.
    until: HashMap<SessionId, Timestamp, RandomState>,
    /// What access tokens have to say of users of whom older ones may say something else.
    present: HashMap<UserId, Present, RandomState>,
    epoch: AtomicU64,
}

/// A user as they are since their change of that order, and until when that has to be remembered.
#[derive(Clone)]
struct Present {
    /// Comma separated.
    roles: Box<str>,
    email: Box<str>,
    username: Box<str>,
    verified: bool,
    until: Timestamp,
    order: Order,
}

/// What an access token says of its user, as far as the gate goes by it.
#[derive(Clone, Copy, Debug)]
pub struct Says<'t> {
    /// Their roles, comma separated.
    pub roles: &'t str,
    /// Their address, where that is told.
    pub email: Option<&'t str>,
    /// Their name, where that is told.
    pub username: Option<&'t str>,
    /// Whether their address is proven, where that is told.
    pub verified: Option<bool>,
}

impl Revocations {
    /// A number that is another one after each revocation, each change of a user and each change of the signing keys: who remembers it and sees the
    /// same one again need not look anything up. What was published before it was read is seen by
    /// [`Self::is_revoked`] and [`Self::is_outdated`].
    pub fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Acquire)
    }

    /// Whether this session has ended before its time.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.0.until.pin().contains_key(&session)
    }

    /// Whether a token that says this was made before its user's roles, address or name changed, or before the address was
    /// proven: it is as good as expired. What it says is compared, so that whatever is minted after the change is good, be it a session's next
    /// pair or the current one once more.
    pub fn is_outdated(&self, user: UserId, says: Says<'_>) -> bool {
        let differs = |said: Option<&str>, present: &str| said.is_some_and(|said| said != present);
        self.0.present.pin().get(&user).is_some_and(|present| {
            *present.roles != *says.roles
                || differs(says.email, &present.email)
                || differs(says.username, &present.username)
                || says.verified.is_some_and(|said| said != present.verified)
        })
    }

    /// Whether a user may do something else by now than a token says that they may: they have other roles, or an address
    /// that is no longer proven.
    pub fn has_other_rights(&self, user: UserId, says: Says<'_>) -> bool {
        self.0.present.pin().get(&user).is_some_and(|present| {
            *present.roles != *says.roles || says.verified == Some(true) && !present.verified
        })
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

    /// Lets all workers know who is another one now, in the same order. Of a user's changes the last one holds, also
    /// where it is published before an earlier one.
    pub(super) fn publish_outdated(&self, outdated: impl IntoIterator<Item = Outdated>) {
        let present = self.0.present.pin();
        let mut news = false;
        for change in outdated {
            let user = change.user;
            let next = Present::from(change);
            present.update_or_insert(user, |known| known.clone().or_later(next.clone()), next.clone());
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

impl From<Outdated> for Present {
    fn from(
        Outdated { user: _, roles, email, username, email_verified: verified, until, order }: Outdated,
    ) -> Self {
        let (email, username) = (email.as_str().into(), username.as_str().into());
        Self { roles: Role::joined(&roles).into(), email, username, verified, until, order }
    }
}

impl Present {
    fn or_later(self, other: Self) -> Self {
        let until = self.until.max(other.until);
        Self { until, ..if other.order < self.order { self } else { other } }
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
    use crate::types::{Email, Username};

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
        let before = revocations.epoch();
        revocations.publish_outdated([jack_with(&["a", "b"], 100, 1)]);
        assert_ne!(revocations.epoch(), before);
        for (user, told, outdated) in
            [(jack, "", true), (jack, "a", true), (jack, "a,b", false), (jill, "", false), (jill, "a", false)]
        {
            assert_eq!(revocations.is_outdated(user, says(told)), outdated, "{user} {told:?}");
            assert_eq!(revocations.has_other_rights(user, says(told)), outdated, "{user} {told:?}");
        }
        revocations.publish_outdated([jack_with(&[], 150, 2)]);
        assert!(revocations.is_outdated(jack, says("a,b")) && !revocations.is_outdated(jack, says("")));
        revocations.reclaim(Timestamp::from_millis(149_999));
        assert!(revocations.is_outdated(jack, says("a")));
        revocations.reclaim(Timestamp::from_secs(150));
        assert!(!revocations.is_outdated(jack, says("a")) && revocations.is_empty());
    }

    #[test]
    fn an_address_and_a_name_count_where_a_token_says_them() {
        let revocations = Revocations::default();
        revocations.publish_outdated([jack_with(&[], 100, 1)]);
        let jack = UserId::new(1).unwrap();
        for (email, username, outdated) in [
            (None, None, false),
            (Some("jack@example.com"), Some("Jack"), false),
            (Some("Jack@example.com"), None, true),
            (None, Some("jack"), true),
        ] {
            let says = Says { email, username, ..says("") };
            assert_eq!(revocations.is_outdated(jack, says), outdated, "{says:?}");
            assert!(!revocations.has_other_rights(jack, says));
        }
    }

    #[test]
    fn a_proof_puts_tokens_out_of_date_that_deny_it_and_one_that_is_lost_takes_rights_away() {
        let jack = UserId::new(1).unwrap();
        let says = |verified| Says { verified, ..says("") };
        for proven in [true, false] {
            let revocations = Revocations::default();
            revocations.publish_outdated([Outdated { email_verified: proven, ..jack_with(&[], 100, 1) }]);
            assert!(revocations.is_outdated(jack, says(Some(!proven))));
            assert!(!revocations.is_outdated(jack, says(Some(proven))));
            assert!(!revocations.is_outdated(jack, says(None)), "nobody is asked for a proof");
            assert_eq!(revocations.has_other_rights(jack, says(Some(true))), !proven);
            assert!(!revocations.has_other_rights(jack, says(Some(false))));
        }
    }

    #[test]
    fn of_a_users_changes_the_last_one_holds_in_whichever_order_they_are_heard_of() {
        let jack = UserId::new(1).unwrap();
        for order in [[1, 2], [2, 1]] {
            let revocations = Revocations::default();
            for number in order {
                let (roles, until) = if number == 2 { (["b"], 100) } else { (["a"], 200) };
                revocations.publish_outdated([jack_with(&roles, until, number)]);
            }
            assert!(revocations.is_outdated(jack, says("a")) && !revocations.is_outdated(jack, says("b")));
            revocations.reclaim(Timestamp::from_secs(199));
            assert!(!revocations.is_empty(), "for as long as either needs");
        }
    }

    const fn says(roles: &str) -> Says<'_> {
        Says { roles, email: None, username: None, verified: None }
    }

    fn jack_with(roles: &[&str], until: u64, number: u64) -> Outdated {
        Outdated {
            user: UserId::new(1).unwrap(),
            roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
            email: Email::parse("jack@example.com").unwrap(),
            username: Username::parse("Jack").unwrap(),
            email_verified: false,
            until: Timestamp::from_secs(until),
            order: Order { write: number, place: 0 },
        }
    }
}
