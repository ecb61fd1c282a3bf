//! Kept counters: their tables, and what is written and asked about them.

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use super::fault::Fault;
use super::layout::Record;
use super::tables::Tables;
use super::view::View;
use crate::store::records::kept_limit;
use crate::store::{KeepLimit, KeptLimit};
use crate::types::Timestamp;

/// A kind, then a counter's key.
type Key = &'static [u8; KEY];
/// A kind, a moment, a counter's key.
type TimedKey = (u8, u64, &'static [u8; KeptLimit::KEY]);

/// Kind and key → the counter's record.
const LIMITS: TableDefinition<'_, Key, Record> = TableDefinition::new("kept_limits");
/// The kind, when the counter is over, and its key.
const BY_TIME: TableDefinition<'_, TimedKey, ()> = TableDefinition::new("kept_limits_by_time");
/// How many there are of a kind.
const COUNTS: TableDefinition<'_, u8, u64> = TableDefinition::new("kept_limits_count");
/// The names of all of them.
pub(super) const TABLES: [&str; 3] = ["kept_limits", "kept_limits_by_time", "kept_limits_count"];

const KEY: usize = 1 + KeptLimit::KEY;

/// The tables, within a write. Get at them by [`Tables::kept_limits`] and [`Tables::kept_limits_mut`].
pub(super) struct KeptLimits<'t> {
    limits: Table<'t, Key, Record>,
    by_time: Table<'t, TimedKey, ()>,
    counts: Table<'t, u8, u64>,
}

impl<'t> KeptLimits<'t> {
    pub(super) fn open(write: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            limits: write.open_table(LIMITS)?,
            by_time: write.open_table(BY_TIME)?,
            counts: write.open_table(COUNTS)?,
        })
    }

    /// What is kept of this key. One that can't be read is none: it is not worth anybody's sign-in.
    fn get(&self, kind: u8, key: [u8; KeptLimit::KEY]) -> Result<Option<KeptLimit>, Fault> {
        let record = self.limits.get(&joined(kind, key))?;
        Ok(record.and_then(|record| decoded(kind, key, record.value())))
    }

    fn count(&self, kind: u8) -> Result<u64, Fault> {
        Ok(self.counts.get(kind)?.map_or(0, |count| count.value()))
    }

    /// The counter of this kind that is over first: when, and its key.
    fn first(&self, kind: u8) -> Result<Option<(Timestamp, [u8; KeptLimit::KEY])>, Fault> {
        let mut range = self.by_time.range((kind, 0, &[0; KeptLimit::KEY])..)?;
        let Some(row) = range.next() else { return Ok(None) };
        let row = row?.0;
        let (found, until, key) = row.value();
        Ok((found == kind).then_some((Timestamp::from_millis(until), *key)))
    }

    /// `known`: what is kept of the same key so far.
    fn put(&mut self, limit: &KeptLimit, known: Option<KeptLimit>) -> Result<(), Fault> {
        let KeptLimit { kind, key, until, .. } = *limit;
        if let Some(known) = known {
            self.by_time.remove((kind, known.until.millis(), &key))?;
        }
        if self.limits.get(&joined(kind, key))?.is_none() {
            // Before it comes: among those that are over later it would be the first to go.
            if self.count(kind)? >= KeptLimit::MOST
                && let Some((until, key)) = self.first(kind)?
            {
                self.remove(kind, until, key)?;
            }
            self.counts.insert(kind, self.count(kind)? + 1)?;
        }
        self.limits.insert(&joined(kind, key), kept_limit::encode(limit).as_slice())?;
        self.by_time.insert((kind, until.millis(), &key), ())?;
        Ok(())
    }

    /// Removes a row of the index, and the counter if it is the one of which that is the row: the row of one that could
    /// not be read when another took its place is still there.
    fn remove(&mut self, kind: u8, until: Timestamp, key: [u8; KeptLimit::KEY]) -> Result<(), Fault> {
        self.by_time.remove((kind, until.millis(), &key))?;
        if self.get(kind, key)?.is_some_and(|known| known.until != until) {
            return Ok(());
        }
        if self.limits.remove(&joined(kind, key))?.is_some() {
            self.counts.insert(kind, self.count(kind)?.saturating_sub(1))?;
        }
        Ok(())
    }
}

impl Tables<'_> {
    pub(super) fn keep_limits(&mut self, limits: &[KeepLimit]) -> Result<(), Fault> {
        for keep in limits {
            let known = self.kept_limits().get(keep.limit.kind, keep.limit.key)?;
            let limit = known.map_or(keep.limit, |known| keep.or_later(known));
            self.kept_limits_mut().put(&limit, known)?;
        }
        Ok(())
    }

    /// Removes at most `limit` counters that were over before `now`; gives how many.
    pub(super) fn forget_limits(&mut self, now: Timestamp, limit: usize) -> Result<usize, Fault> {
        let over = over(&self.kept_limits().by_time, now, limit)?;
        for (kind, until, key) in &over {
            self.kept_limits_mut().remove(*kind, *until, *key)?;
        }
        Ok(over.len())
    }
}

impl View {
    /// All counters that matter after `now`. One that can't be read keeps no gate from starting.
    pub(super) fn kept_limits(&self, now: Timestamp) -> Result<Vec<KeptLimit>, Fault> {
        let Some(limits) = table(self.snapshot(), LIMITS)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for row in limits.iter()? {
            let (joined, record) = row?;
            let (kind, key) = split(joined.value());
            found.extend(decoded(kind, key, record.value()));
        }
        found.retain(|limit| limit.until > now);
        Ok(found)
    }

    /// Whether a sweep would find any.
    pub(super) fn has_limits_before(&self, now: Timestamp) -> Result<bool, Fault> {
        let Some(by_time) = table(self.snapshot(), BY_TIME)? else { return Ok(false) };
        Ok(!over(&by_time, now, 1)?.is_empty())
    }
}

/// The tables are made by the first program that knows them; before it, a reader finds none.
fn table<K: redb::Key + 'static, V: redb::Value + 'static>(
    snapshot: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<Option<redb::ReadOnlyTable<K, V>>, Fault> {
    match snapshot.open_table(table) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// At most `limit` counters that were over before `now`. The index is sorted by kind first, and there are few.
fn over(
    by_time: &impl ReadableTable<TimedKey, ()>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(u8, Timestamp, [u8; KeptLimit::KEY])>, Fault> {
    const START: [u8; KeptLimit::KEY] = [0; KeptLimit::KEY];
    let mut found = Vec::new();
    let mut kind = 0;
    while found.len() < limit {
        let Some(row) = by_time.range((kind, 0, &START)..)?.next() else { break };
        let present = {
            let row = row?.0;
            row.value().0
        };
        let due = by_time.range((present, 0, &START)..(present, now.millis(), &START))?;
        for row in due.take(limit - found.len()) {
            let row = row?.0;
            let (kind, until, key) = row.value();
            found.push((kind, Timestamp::from_millis(until), *key));
        }
        let Some(next) = present.checked_add(1) else { break };
        kind = next;
    }
    Ok(found)
}

/// `None`, and a line in the log: it is damaged, or a newer Sidegate's.
fn decoded(kind: u8, key: [u8; KeptLimit::KEY], record: &[u8]) -> Option<KeptLimit> {
    kept_limit::decode(kind, key, record)
        .inspect_err(|why| tracing::warn!(%why, kind, "a kept counter can't be read and is taken as none"))
        .ok()
}

fn joined(kind: u8, key: [u8; KeptLimit::KEY]) -> [u8; KEY] {
    let mut joined = [kind; KEY];
    joined[1..].copy_from_slice(&key);
    joined
}

fn split(joined: &[u8; KEY]) -> (u8, [u8; KeptLimit::KEY]) {
    let mut key = [0; KeptLimit::KEY];
    key.copy_from_slice(&joined[1..]);
    (joined[0], key)
}
