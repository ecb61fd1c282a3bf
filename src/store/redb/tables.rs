//! The tables of one write. Rows and their indexes change together here and nowhere else, and a change
//! marks the write as touched, so that none is forgotten at the commit.

use redb::{ReadableTable as _, Table, WriteTransaction};

use super::fault::Fault;
use super::kept_limits::KeptLimits;
use super::layout::{self, Id, NumberedId, Record};
use super::one_time::OneTimes;
use super::rows;
use crate::store::records::{key, session, user};
use crate::store::{Order, Session, SigningKey, User};
use crate::types::{EmailKey, SessionId, Timestamp, UserId};

pub(super) struct Tables<'t> {
    counters: Table<'t, &'static str, u64>,
    users: Table<'t, u64, Record>,
    emails: Table<'t, &'static str, u64>,
    sessions: Table<'t, Id, Record>,
    sessions_by_user: Table<'t, NumberedId, ()>,
    sessions_by_expiry: Table<'t, NumberedId, ()>,
    revoked: Table<'t, Id, u64>,
    revoked_by_time: Table<'t, NumberedId, ()>,
    removed: Table<'t, u64, &'static str>,
    outdated: Table<'t, u64, u64>,
    outdated_by_time: Table<'t, (u64, u64), ()>,
    signing_keys: Table<'t, &'static str, Record>,
    one_time: OneTimes<'t>,
    kept_limits: KeptLimits<'t>,
    touched: usize,
}

impl<'t> Tables<'t> {
    pub(super) fn open(write: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            counters: write.open_table(layout::COUNTERS)?,
            users: write.open_table(layout::USERS)?,
            emails: write.open_table(layout::EMAILS)?,
            sessions: write.open_table(layout::SESSIONS)?,
            sessions_by_user: write.open_table(layout::SESSIONS_BY_USER)?,
            sessions_by_expiry: write.open_table(layout::SESSIONS_BY_EXPIRY)?,
            revoked: write.open_table(layout::REVOKED)?,
            revoked_by_time: write.open_table(layout::REVOKED_BY_TIME)?,
            removed: write.open_table(layout::REMOVED)?,
            outdated: write.open_table(layout::OUTDATED)?,
            outdated_by_time: write.open_table(layout::OUTDATED_BY_TIME)?,
            signing_keys: write.open_table(layout::SIGNING_KEYS)?,
            one_time: OneTimes::open(write)?,
            kept_limits: KeptLimits::open(write)?,
            touched: 0,
        })
    }

    /// How many changes were made so far.
    pub(super) const fn touched(&self) -> usize {
        self.touched
    }

    /// The one-time links.
    pub(super) const fn one_time(&self) -> &OneTimes<'t> {
        &self.one_time
    }

    /// The one-time links, to change them.
    pub(super) const fn one_time_mut(&mut self) -> &mut OneTimes<'t> {
        self.touched += 1;
        &mut self.one_time
    }

    /// The kept counters.
    pub(super) const fn kept_limits(&self) -> &KeptLimits<'t> {
        &self.kept_limits
    }

    /// The kept counters, to change them.
    pub(super) const fn kept_limits_mut(&mut self) -> &mut KeptLimits<'t> {
        self.touched += 1;
        &mut self.kept_limits
    }

    pub(super) fn user(&self, id: UserId) -> Result<Option<User>, Fault> {
        rows::user(&self.users, id)
    }

    pub(super) fn uid(&self, email: &EmailKey) -> Result<Option<UserId>, Fault> {
        rows::uid(&self.emails, email)
    }

    pub(super) fn session(&self, id: SessionId) -> Result<Option<Session>, Fault> {
        rows::session(&self.sessions, id)
    }

    pub(super) fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, Fault> {
        rows::sessions_of(&self.sessions_by_user, &self.sessions, user)
    }

    /// At most `limit` of a user's sessions, in no order that means anything.
    pub(super) fn some_sessions_of(&self, user: UserId, limit: usize) -> Result<Vec<Session>, Fault> {
        rows::some_sessions_of(&self.sessions_by_user, &self.sessions, user, limit)
    }

    pub(super) fn signing_keys(&self) -> Result<Vec<SigningKey>, Fault> {
        rows::signing_keys(&self.signing_keys)
    }

    /// At most `limit` sessions that expired before `now`.
    pub(super) fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<(Timestamp, SessionId)>, Fault> {
        rows::before(&self.sessions_by_expiry, now, limit)
    }

    /// At most `limit` revocations that had to be remembered until before `now`.
    pub(super) fn forgettable(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, SessionId)>, Fault> {
        rows::before(&self.revoked_by_time, now, limit)
    }

    /// At most `limit` changes of roles that had to be remembered until before `now`.
    pub(super) fn forgettable_outdated(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, Fault> {
        rows::outdated_before(&self.outdated_by_time, now, limit)
    }

    /// At most `limit` sessions, whosever they are.
    pub(super) fn some_sessions(&self, limit: usize) -> Result<Vec<Session>, Fault> {
        rows::sessions(&self.sessions, None, limit)
    }

    pub(super) fn has_session(&self, user: UserId) -> Result<bool, Fault> {
        rows::has_session(&self.sessions_by_user, user)
    }

    /// The address's key of the removed user whose number this is.
    pub(super) fn former_address(&self, id: UserId) -> Result<Option<String>, Fault> {
        Ok(self.removed.get(id.number())?.map(|key| key.value().to_owned()))
    }

    /// The number that the next user would get.
    pub(super) fn following_uid(&self) -> Result<u64, Fault> {
        Ok(self.counters.get(layout::NEXT_UID)?.map_or(1, |next| next.value()))
    }

    /// Lets the counter of users go on from `next`.
    pub(super) fn set_following_uid(&mut self, next: u64) -> Result<(), Fault> {
        self.touched += 1;
        self.counters.insert(layout::NEXT_UID, next)?;
        Ok(())
    }

    /// Takes the next user's number.
    pub(super) fn next_uid(&mut self) -> Result<UserId, Fault> {
        let next = self.following_uid()?;
        let spent = || Fault::Damaged(format!("the counter of users stands at {next}"));
        let id = UserId::new(next).ok_or_else(spent)?;
        let following = next.checked_add(1).ok_or_else(spent)?;
        self.set_following_uid(following)?;
        Ok(id)
    }

    /// Numbers this write, so that it can be known again.
    pub(super) fn stamp(&mut self) -> Result<u64, Fault> {
        let number = rows::commits(&self.counters)?.wrapping_add(1);
        self.counters.insert(layout::COMMITS, number)?;
        Ok(number)
    }

    /// The place of the change that was just made among all changes of this database.
    pub(super) fn order(&self) -> Result<Order, Fault> {
        let write = rows::commits(&self.counters)?.wrapping_add(1);
        Ok(Order { write, place: self.touched as u64 })
    }

    /// Adds a user.
    pub(super) fn add_user(&mut self, user: &User) -> Result<(), Fault> {
        self.touched += 1;
        self.users.insert(user.id.number(), user::encode(user).as_slice())?;
        self.emails.insert(user.email.key().as_str(), user.id.number())?;
        self.removed.remove(user.id.number())?;
        Ok(())
    }

    /// Puts `next` in the place of `user`, whose number it has.
    pub(super) fn replace_user(&mut self, user: &User, next: &User) -> Result<(), Fault> {
        self.touched += 1;
        self.users.insert(next.id.number(), user::encode(next).as_slice())?;
        if user.email.key() != next.email.key() {
            self.emails.remove(user.email.key().as_str())?;
            self.emails.insert(next.email.key().as_str(), next.id.number())?;
        }
        Ok(())
    }

    /// Removes a user; their number stays theirs.
    pub(super) fn remove_user_row(&mut self, user: &User) -> Result<(), Fault> {
        self.touched += 1;
        self.users.remove(user.id.number())?;
        self.emails.remove(user.email.key().as_str())?;
        self.removed.insert(user.id.number(), user.email.key().as_str())?;
        Ok(())
    }

    /// Remembers that a user's access tokens may say what is no longer so; what is remembered for longer
    /// already stays so.
    pub(super) fn remember_outdated(&mut self, user: UserId, until: Timestamp) -> Result<(), Fault> {
        let known = self.outdated.get(user.number())?.map(|until| until.value());
        if known.is_some_and(|known| known >= until.millis()) {
            return Ok(());
        }
        self.touched += 1;
        if let Some(known) = known {
            self.outdated_by_time.remove((known, user.number()))?;
        }
        self.outdated.insert(user.number(), until.millis())?;
        self.outdated_by_time.insert((until.millis(), user.number()), ())?;
        Ok(())
    }

    /// Forgets that again.
    pub(super) fn forget_outdated(&mut self, (until, user): (u64, u64)) -> Result<(), Fault> {
        self.touched += 1;
        self.outdated.remove(user)?;
        self.outdated_by_time.remove((until, user))?;
        Ok(())
    }

    /// Adds a session.
    pub(super) fn add_session(&mut self, session: &Session) -> Result<(), Fault> {
        self.touched += 1;
        self.sessions.insert(session.id.as_bytes(), session::encode(session).as_slice())?;
        self.sessions_by_user.insert(&layout::of_user(session.user, session.id), ())?;
        self.sessions_by_expiry.insert(&layout::at_time(session.expires, session.id), ())?;
        Ok(())
    }

    /// Puts `next` in the place of `session`, whose id and user it has.
    pub(super) fn replace_session(&mut self, session: &Session, next: &Session) -> Result<(), Fault> {
        self.touched += 1;
        self.sessions.insert(next.id.as_bytes(), session::encode(next).as_slice())?;
        if session.expires != next.expires {
            self.sessions_by_expiry.remove(&layout::at_time(session.expires, session.id))?;
            self.sessions_by_expiry.insert(&layout::at_time(next.expires, next.id), ())?;
        }
        Ok(())
    }

    pub(super) fn remove_session(&mut self, session: &Session) -> Result<(), Fault> {
        self.touched += 1;
        self.sessions.remove(session.id.as_bytes())?;
        self.sessions_by_user.remove(&layout::of_user(session.user, session.id))?;
        self.sessions_by_expiry.remove(&layout::at_time(session.expires, session.id))?;
        Ok(())
    }

    /// Remembers a session as revoked; what is remembered for longer already stays so.
    pub(super) fn remember(&mut self, id: SessionId, until: Timestamp) -> Result<(), Fault> {
        let known = self.revoked.get(id.as_bytes())?.map(|until| Timestamp::from_millis(until.value()));
        if known.is_some_and(|known| known >= until) {
            return Ok(());
        }
        self.touched += 1;
        if let Some(known) = known {
            self.revoked_by_time.remove(&layout::at_time(known, id))?;
        }
        self.revoked.insert(id.as_bytes(), until.millis())?;
        self.revoked_by_time.insert(&layout::at_time(until, id), ())?;
        Ok(())
    }

    /// Forgets a revocation.
    pub(super) fn forget(&mut self, id: SessionId, until: Timestamp) -> Result<(), Fault> {
        self.touched += 1;
        self.revoked.remove(id.as_bytes())?;
        self.revoked_by_time.remove(&layout::at_time(until, id))?;
        Ok(())
    }

    pub(super) fn put_signing_key(&mut self, key: &SigningKey) -> Result<(), Fault> {
        self.touched += 1;
        self.signing_keys.insert(key.kid.as_str(), key::encode(key).as_slice())?;
        Ok(())
    }

    pub(super) fn remove_signing_key(&mut self, key: &SigningKey) -> Result<(), Fault> {
        self.touched += 1;
        self.signing_keys.remove(key.kid.as_str())?;
        Ok(())
    }
}
