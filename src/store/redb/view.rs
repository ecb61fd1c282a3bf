//! What is asked of a snapshot: the last commit, whatever is being written meanwhile.

use redb::{ReadTransaction, ReadableTableMetadata as _};

use super::fault::Fault;
use super::{layout, rows, schema};
use crate::store::{Generation, Order, Origin, Outdated, Revoked, Session, SigningKey, User};
use crate::types::{EmailKey, SessionId, Timestamp, UserId};

pub(super) struct View(ReadTransaction);

impl View {
    pub(super) const fn new(snapshot: ReadTransaction) -> Self {
        Self(snapshot)
    }

    pub(super) const fn snapshot(&self) -> &ReadTransaction {
        &self.0
    }

    pub(super) fn origin(&self) -> Result<Origin, Fault> {
        schema::origin(&self.0.open_table(layout::META)?)
    }

    /// The number of the last write.
    pub(super) fn commits(&self) -> Result<u64, Fault> {
        rows::commits(&self.0.open_table(layout::COUNTERS)?)
    }

    pub(super) fn signing_keys(&self) -> Result<Vec<SigningKey>, Fault> {
        rows::signing_keys(&self.0.open_table(layout::SIGNING_KEYS)?)
    }

    pub(super) fn user(&self, id: UserId) -> Result<Option<User>, Fault> {
        rows::user(&self.0.open_table(layout::USERS)?, id)
    }

    pub(super) fn user_by_email(&self, email: &EmailKey) -> Result<Option<User>, Fault> {
        match rows::uid(&self.0.open_table(layout::EMAILS)?, email)? {
            Some(id) => self.user(id),
            None => Ok(None),
        }
    }

    /// A session with its user. One whose user is missing has ended.
    pub(super) fn session(&self, id: SessionId) -> Result<Option<(Session, User)>, Fault> {
        let Some(session) = rows::session(&self.0.open_table(layout::SESSIONS)?, id)? else {
            return Ok(None);
        };
        Ok(self.user(session.user)?.map(|user| (session, user)))
    }

    pub(super) fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, Fault> {
        let by_user = self.0.open_table(layout::SESSIONS_BY_USER)?;
        rows::sessions_of(&by_user, &self.0.open_table(layout::SESSIONS)?, user)
    }

    pub(super) fn users(&self, after: Option<UserId>, limit: usize) -> Result<Vec<User>, Fault> {
        rows::users(&self.0.open_table(layout::USERS)?, after, limit)
    }

    /// The highest number that a user has or had.
    pub(super) fn highest_uid(&self) -> Result<Option<UserId>, Fault> {
        let next = self.0.open_table(layout::COUNTERS)?.get(layout::NEXT_UID)?.map_or(1, |next| next.value());
        Ok(UserId::new(next.saturating_sub(1)))
    }

    pub(super) fn user_count(&self) -> Result<u64, Fault> {
        Ok(self.0.open_table(layout::USERS)?.len()?)
    }

    pub(super) fn sessions(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, Fault> {
        rows::sessions(&self.0.open_table(layout::SESSIONS)?, after, limit)
    }

    pub(super) fn session_count(&self) -> Result<u64, Fault> {
        Ok(self.0.open_table(layout::SESSIONS)?.len()?)
    }

    /// Whose roles, address or name changed and has to be remembered after `now`. Of users who were removed meanwhile nothing is
    /// left to be said: their sessions are revoked.
    pub(super) fn outdated(&self, now: Timestamp) -> Result<Vec<Outdated>, Fault> {
        let users = self.0.open_table(layout::USERS)?;
        let mut found = Vec::new();
        for row in
            self.0.open_table(layout::OUTDATED_BY_TIME)?.range((now.millis().saturating_add(1), 0)..)?
        {
            let (until, uid) = row?.0.value();
            let user = UserId::new(uid).map(|id| rows::user(&users, id)).transpose()?.flatten();
            let until = Timestamp::from_millis(until);
            found.extend(user.map(|user| Outdated::of(&user, until, Order::default())));
        }
        Ok(found)
    }

    /// Whether there is something to note (see `Store::note_presented`).
    pub(super) fn is_unnoted(&self, id: SessionId, generation: Generation) -> Result<bool, Fault> {
        let session = rows::session(&self.0.open_table(layout::SESSIONS)?, id)?;
        Ok(session.is_some_and(|session| super::sessions::is_unnoted(&session, generation)))
    }

    pub(super) fn revoked(&self, now: Timestamp) -> Result<Vec<Revoked>, Fault> {
        rows::revoked(&self.0.open_table(layout::REVOKED_BY_TIME)?, now)
    }

    /// Whether a sweep at `now` would find anything.
    pub(super) fn is_sweepable(&self, now: Timestamp) -> Result<bool, Fault> {
        let ended = rows::before(&self.0.open_table(layout::SESSIONS_BY_EXPIRY)?, now, 1)?;
        Ok(!ended.is_empty()
            || !rows::outdated_before(&self.0.open_table(layout::OUTDATED_BY_TIME)?, now, 1)?.is_empty()
            || !rows::before(&self.0.open_table(layout::REVOKED_BY_TIME)?, now, 1)?.is_empty()
            || self.has_limits_before(now)?)
    }
}
