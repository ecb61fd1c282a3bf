//! The tables: their names, and how keys are composed so that redb's byte order is the order we ask in.

use redb::TableDefinition;

use crate::types::{SessionId, Timestamp, UserId};

/// A record, see `store::records`.
pub(super) type Record = &'static [u8];
/// A session's id.
pub(super) type Id = &'static [u8; SessionId::LEN];
/// A number (of a user, or of milliseconds), then a session's id.
pub(super) type NumberedId = &'static [u8; NUMBERED];

/// `schema` and `created` → a number; `origin` → its record.
pub(super) const META: TableDefinition<'_, &str, Record> = TableDefinition::new("meta");
/// `next_uid` → the number that the next user gets. It outlives users, so that none is used twice.
/// `commits` → how many writes there were, by which one is known again whose commit ended in an error.
pub(super) const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");
/// uid → the user's record.
pub(super) const USERS: TableDefinition<'_, u64, Record> = TableDefinition::new("users");
/// An address's key → uid.
pub(super) const EMAILS: TableDefinition<'_, &str, u64> = TableDefinition::new("user_by_email");
/// Session id → the session's record.
pub(super) const SESSIONS: TableDefinition<'_, Id, Record> = TableDefinition::new("sessions");
/// uid and session id.
pub(super) const SESSIONS_BY_USER: TableDefinition<'_, NumberedId, ()> =
    TableDefinition::new("sessions_by_user");
/// When the session expires, and its id.
pub(super) const SESSIONS_BY_EXPIRY: TableDefinition<'_, NumberedId, ()> =
    TableDefinition::new("sessions_by_expiry");
/// The id of a session that ended early → until when that has to be remembered.
pub(super) const REVOKED: TableDefinition<'_, Id, u64> = TableDefinition::new("revoked");
/// Until when it has to be remembered, and the session's id.
pub(super) const REVOKED_BY_TIME: TableDefinition<'_, NumberedId, ()> =
    TableDefinition::new("revoked_by_time");
/// The number of a user who was removed → their address's key: nobody else gets the number.
pub(super) const REMOVED: TableDefinition<'_, u64, &str> = TableDefinition::new("removed");
/// The uid of a user whose roles changed → until when their access tokens from before may be about.
pub(super) const OUTDATED: TableDefinition<'_, u64, u64> = TableDefinition::new("outdated");
/// Until when that is, and the uid.
pub(super) const OUTDATED_BY_TIME: TableDefinition<'_, (u64, u64), ()> =
    TableDefinition::new("outdated_by_time");
/// kid → the signing key's record.
pub(super) const SIGNING_KEYS: TableDefinition<'_, &str, Record> = TableDefinition::new("signing_keys");

/// In [`META`]: the schema version.
pub(super) const SCHEMA: &str = "schema";
/// In [`META`]: when the database was made.
pub(super) const CREATED: &str = "created";
/// In [`META`]: what it was given then.
pub(super) const ORIGIN: &str = "origin";
/// In [`COUNTERS`].
pub(super) const NEXT_UID: &str = "next_uid";
/// In [`COUNTERS`].
pub(super) const COMMITS: &str = "commits";

const NUMBERED: usize = 8 + SessionId::LEN;

/// A user's key in [`SESSIONS_BY_USER`].
pub(super) fn of_user(user: UserId, id: SessionId) -> [u8; NUMBERED] {
    numbered(user.number(), *id.as_bytes())
}

/// All keys of a user in [`SESSIONS_BY_USER`]: the first and the last that there can be.
pub(super) fn all_of_user(user: UserId) -> ([u8; NUMBERED], [u8; NUMBERED]) {
    (numbered(user.number(), [0; SessionId::LEN]), numbered(user.number(), [u8::MAX; SessionId::LEN]))
}

/// A session's key in [`SESSIONS_BY_EXPIRY`] and [`REVOKED_BY_TIME`].
pub(super) fn at_time(time: Timestamp, id: SessionId) -> [u8; NUMBERED] {
    numbered(time.millis(), *id.as_bytes())
}

/// Where the keys of this moment begin.
pub(super) fn from_time(time: Timestamp) -> [u8; NUMBERED] {
    numbered(time.millis(), [0; SessionId::LEN])
}

/// The parts of a composed key.
pub(super) fn split(key: &[u8; NUMBERED]) -> (u64, SessionId) {
    let (mut number, mut id) = ([0; 8], [0; SessionId::LEN]);
    number.copy_from_slice(&key[..8]);
    id.copy_from_slice(&key[8..]);
    (u64::from_be_bytes(number), SessionId::from_bytes(id))
}

fn numbered(number: u64, id: [u8; SessionId::LEN]) -> [u8; NUMBERED] {
    let mut key = [0; NUMBERED];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(&id);
    key
}
