//! Reading rows as what they are, from a snapshot or from within a write.

use std::ops::Bound;

use redb::ReadableTable;

use super::fault::Fault;
use super::layout::{self, Id, NumberedId, Record};
use crate::store::records::{key, session, user};
use crate::store::{Revoked, Session, SigningKey, User};
use crate::types::{EmailKey, SessionId, Timestamp, UserId};

pub(super) fn user(users: &impl ReadableTable<u64, Record>, id: UserId) -> Result<Option<User>, Fault> {
    let Some(record) = users.get(id.number())? else { return Ok(None) };
    user::decode(id, record.value()).map(Some).map_err(|why| Fault::record(&format!("user {id}"), why))
}

pub(super) fn uid(
    emails: &impl ReadableTable<&'static str, u64>,
    email: &EmailKey,
) -> Result<Option<UserId>, Fault> {
    let Some(uid) = emails.get(email.as_str())? else { return Ok(None) };
    UserId::new(uid.value())
        .map(Some)
        .ok_or_else(|| Fault::Damaged("an address belongs to user 0".to_owned()))
}

pub(super) fn session(
    sessions: &impl ReadableTable<Id, Record>,
    id: SessionId,
) -> Result<Option<Session>, Fault> {
    let Some(record) = sessions.get(id.as_bytes())? else { return Ok(None) };
    session::decode(id, record.value()).map(Some).map_err(|why| Fault::record(&format!("session {id}"), why))
}

/// The number of the last write.
pub(super) fn commits(counters: &impl ReadableTable<&'static str, u64>) -> Result<u64, Fault> {
    Ok(counters.get(layout::COMMITS)?.map_or(0, |number| number.value()))
}

/// A user's sessions, oldest first.
pub(super) fn sessions_of(
    by_user: &impl ReadableTable<NumberedId, ()>,
    sessions: &impl ReadableTable<Id, Record>,
    user: UserId,
) -> Result<Vec<Session>, Fault> {
    let mut found = some_sessions_of(by_user, sessions, user, usize::MAX)?;
    found.sort_by_key(|session| (session.started, session.id));
    Ok(found)
}

/// At most `limit` of a user's sessions, in the order of their ids, which are random.
pub(super) fn some_sessions_of(
    by_user: &impl ReadableTable<NumberedId, ()>,
    sessions: &impl ReadableTable<Id, Record>,
    user: UserId,
    limit: usize,
) -> Result<Vec<Session>, Fault> {
    let (first, last) = layout::all_of_user(user);
    let mut found = Vec::new();
    for row in by_user.range::<&[u8; 32]>(&first..=&last)?.take(limit) {
        let (_, id) = layout::split(row?.0.value());
        found.push(session(sessions, id)?.ok_or_else(|| missing(id))?);
    }
    Ok(found)
}

/// At most `limit` users with a number above `after`.
pub(super) fn users(
    users: &impl ReadableTable<u64, Record>,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<User>, Fault> {
    let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.number()));
    let mut found = Vec::new();
    for row in users.range::<u64>((from, Bound::Unbounded))?.take(limit) {
        let (id, record) = row?;
        let id = UserId::new(id.value()).ok_or_else(|| Fault::Damaged("there is a user 0".to_owned()))?;
        found
            .push(user::decode(id, record.value()).map_err(|why| Fault::record(&format!("user {id}"), why))?);
    }
    Ok(found)
}

/// At most `limit` sessions with an id above `after`.
pub(super) fn sessions(
    sessions: &impl ReadableTable<Id, Record>,
    after: Option<SessionId>,
    limit: usize,
) -> Result<Vec<Session>, Fault> {
    let from = after.as_ref().map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_bytes()));
    let mut found = Vec::new();
    for row in sessions.range::<&[u8; SessionId::LEN]>((from, Bound::Unbounded))?.take(limit) {
        let (id, record) = row?;
        let id = SessionId::from_bytes(*id.value());
        let decoded = session::decode(id, record.value());
        found.push(decoded.map_err(|why| Fault::record(&format!("session {id}"), why))?);
    }
    Ok(found)
}

/// Whether a user has a session.
pub(super) fn has_session(by_user: &impl ReadableTable<NumberedId, ()>, user: UserId) -> Result<bool, Fault> {
    let (first, last) = layout::all_of_user(user);
    Ok(by_user.range::<&[u8; 32]>(&first..=&last)?.next().transpose()?.is_some())
}

/// At most `limit` users whose change of roles need not be remembered any more, with until when it had to be.
pub(super) fn outdated_before(
    by_time: &impl ReadableTable<(u64, u64), ()>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(u64, u64)>, Fault> {
    by_time.range(..(now.millis(), 0))?.take(limit).map(|row| Ok(row?.0.value())).collect()
}

/// At most `limit` sessions whose moment in this index lies before `now`, with that moment.
pub(super) fn before(
    by_time: &impl ReadableTable<NumberedId, ()>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(Timestamp, SessionId)>, Fault> {
    let end = layout::from_time(now);
    let mut found = Vec::new();
    for row in by_time.range::<&[u8; 32]>(..&end)?.take(limit) {
        let (millis, id) = layout::split(row?.0.value());
        found.push((Timestamp::from_millis(millis), id));
    }
    Ok(found)
}

/// What has to be remembered after `now`.
pub(super) fn revoked(
    by_time: &impl ReadableTable<NumberedId, ()>,
    now: Timestamp,
) -> Result<Vec<Revoked>, Fault> {
    let start = layout::from_time(Timestamp::from_millis(now.millis().saturating_add(1)));
    let mut found = Vec::new();
    for row in by_time.range::<&[u8; 32]>(&start..)? {
        let (millis, session) = layout::split(row?.0.value());
        found.push(Revoked { session, until: Timestamp::from_millis(millis) });
    }
    Ok(found)
}

/// All signing keys, oldest first.
pub(super) fn signing_keys(
    keys: &impl ReadableTable<&'static str, Record>,
) -> Result<Vec<SigningKey>, Fault> {
    let mut found = Vec::new();
    for row in keys.iter()? {
        let (kid, record) = row?;
        let decoded = key::decode(kid.value(), record.value());
        found.push(decoded.map_err(|why| Fault::record(&format!("the signing key `{}`", kid.value()), why))?);
    }
    // Of two that were made in one millisecond the one that signs is the younger.
    let age = |key: &SigningKey| (key.created, key.retired.is_none());
    found.sort_by(|a, b| (age(a), &a.kid).cmp(&(age(b), &b.kid)));
    Ok(found)
}

fn missing(id: SessionId) -> Fault {
    Fault::Damaged(format!("session {id} is in an index and nowhere else"))
}
