//! Kept counters: their tables, and what is written and asked about them.

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use super::fault::Fault;
use super::layout::Record;
use super::tables::Tables;
use super::view::View;
use crate::store::KeptLimit;
use crate::store::records::kept_limit;
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

    fn get(&self, kind: u8, key: [u8; KeptLimit::KEY]) -> Result<Option<KeptLimit>, Fault> {
        let Some(record) = self.limits.get(&joined(kind, key))? else { return Ok(None) };
        decoded(kind, key, record.value()).map(Some)
    }

    fn count(&self, kind: u8) -> Result<u64, Fault> {
        Ok(self.counts.get(kind)?.map_or(0, |count| count.value()))
    }

    /// The counter of this kind that is over first.
    fn first(&self, kind: u8) -> Result<Option<KeptLimit>, Fault> {
        let mut range = self.by_time.range((kind, 0, &[0; KeptLimit::KEY])..)?;
        let Some(row) = range.next() else { return Ok(None) };
        let (found, _, key) = {
            let row = row?.0;
            let (kind, until, key) = row.value();
            (kind, until, *key)
        };
        if found == kind { self.get(kind, key) } else { Ok(None) }
    }

    fn put(&mut self, limit: &KeptLimit) -> Result<(), Fault> {
        let known = self.get(limit.kind, limit.key)?;
        let limit = &known.map_or(*limit, |known| limit.or_later(known));
        if let Some(known) = known {
            self.remove(&known)?;
        }
        let count = self.count(limit.kind)?;
        if count >= KeptLimit::MOST
            && let Some(first) = self.first(limit.kind)?
        {
            self.remove(&first)?;
        }
        self.counts.insert(limit.kind, self.count(limit.kind)? + 1)?;
        self.limits.insert(&joined(limit.kind, limit.key), kept_limit::encode(limit).as_slice())?;
        self.by_time.insert((limit.kind, limit.until.millis(), &limit.key), ())?;
        Ok(())
    }

    fn remove(&mut self, limit: &KeptLimit) -> Result<(), Fault> {
        self.counts.insert(limit.kind, self.count(limit.kind)?.saturating_sub(1))?;
        self.limits.remove(&joined(limit.kind, limit.key))?;
        self.by_time.remove((limit.kind, limit.until.millis(), &limit.key))?;
        Ok(())
    }
}

impl Tables<'_> {
    pub(super) fn keep_limits(&mut self, limits: &[KeptLimit]) -> Result<(), Fault> {
        for limit in limits {
            self.kept_limits_mut().put(limit)?;
        }
        Ok(())
    }

    /// Removes at most `limit` counters that were over before `now`; gives how many.
    pub(super) fn forget_limits(&mut self, now: Timestamp, limit: usize) -> Result<usize, Fault> {
        let over = over(&self.kept_limits().by_time, now, limit)?;
        for (kind, until, key) in &over {
            let gone = KeptLimit { kind: *kind, key: *key, counter: [0; 2], until: *until };
            self.kept_limits_mut().remove(&gone)?;
        }
        Ok(over.len())
    }
}

impl View {
    /// All counters that matter after `now`.
    pub(super) fn kept_limits(&self, now: Timestamp) -> Result<Vec<KeptLimit>, Fault> {
        let Some(limits) = table(self.snapshot(), LIMITS)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for row in limits.iter()? {
            let (joined, record) = row?;
            let (kind, key) = split(joined.value());
            found.push(decoded(kind, key, record.value())?);
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

fn decoded(kind: u8, key: [u8; KeptLimit::KEY], record: &[u8]) -> Result<KeptLimit, Fault> {
    kept_limit::decode(kind, key, record).map_err(|why| Fault::record("a kept counter", why))
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
