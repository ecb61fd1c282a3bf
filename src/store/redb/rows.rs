//! Reading rows as what they are, from a snapshot or from within a write.

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

/// A user's sessions, oldest first.
pub(super) fn sessions_of(
    by_user: &impl ReadableTable<NumberedId, ()>,
    sessions: &impl ReadableTable<Id, Record>,
    user: UserId,
) -> Result<Vec<Session>, Fault> {
    let (first, last) = layout::all_of_user(user);
    let mut found = Vec::new();
    for row in by_user.range::<&[u8; 32]>(&first..=&last)? {
        let (_, id) = layout::split(row?.0.value());
        found.push(session(sessions, id)?.ok_or_else(|| missing(id))?);
    }
    found.sort_by_key(|session| (session.started, session.id));
    Ok(found)
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
    found.sort_by(|a: &SigningKey, b| (a.created, &a.kid).cmp(&(b.created, &b.kid)));
    Ok(found)
}

fn missing(id: SessionId) -> Fault {
    Fault::Damaged(format!("session {id} is in an index and nowhere else"))
}
