//! The schema's version and the ladder that an older database climbs; what a new database is given.

use std::path::Path;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redb::{Database, ReadableDatabase as _, ReadableTable, TableHandle as _, WriteTransaction};

use super::fault::Fault;
use super::layout::{self, Record};
use super::tables::Tables;
use crate::store::{OpenError, Origin, records};
use crate::types::{Secret, Timestamp};

/// From version n + 1 to n + 2 leads `LADDER[n]`. A released step never changes.
const LADDER: &[Step] = &[];

type Step = fn(&WriteTransaction) -> Result<(), Fault>;

/// The newest schema version that this program knows.
const KNOWN: u64 = 1 + LADDER.len() as u64;

/// Why a database is not fit for use.
#[derive(Debug)]
pub(super) enum Unfit {
    /// A newer Sidegate wrote it; its schema version.
    Newer(u64),
    /// Reading or writing it failed.
    Fault(Fault),
    /// The system has no random bytes.
    NoRandom,
}

impl<E: Into<Fault>> From<E> for Unfit {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Unfit {
    /// What the operator is told of the database at `path`.
    pub(super) fn told(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Newer(found) => OpenError::Newer { path, found, known: KNOWN },
            Self::Fault(fault) if fault.heals() => OpenError::Unusable {
                path,
                why: fault.answer().to_string(),
                hint: "make sure that its disk works and has room".to_owned(),
            },
            Self::Fault(Fault::Damaged(why)) => OpenError::Damaged { path, why },
            Self::Fault(Fault::Redb(error)) => OpenError::Damaged { path, why: error.to_string() },
            Self::NoRandom => OpenError::Unusable {
                path,
                why: "the system gives no random bytes for its keys".to_owned(),
                hint: "make `/dev/urandom` readable".to_owned(),
            },
        }
    }
}

/// Makes a database ready for use: a new one gets its tables and its origin, an older one the newest schema.
pub(super) fn prepare(database: &Database, now: Timestamp) -> Result<Origin, Unfit> {
    let snapshot = database.begin_read()?;
    let tables: Vec<_> = snapshot.list_tables()?.map(|table| table.name().to_owned()).collect();
    if tables.is_empty() {
        return create(database, now);
    }
    if !tables.iter().any(|name| name == layout::META.name()) {
        return Err(Fault::Damaged("it is a redb database, but not one of Sidegate's".to_owned()).into());
    }
    let meta = snapshot.open_table(layout::META)?;
    let found = number(&meta, layout::SCHEMA)?;
    let at = usize::try_from(found).unwrap_or(usize::MAX);
    match at.checked_sub(1).map(|at| LADDER.get(at..)) {
        None => Err(Fault::Damaged("its schema version is 0".to_owned()).into()),
        Some(None) => Err(Unfit::Newer(found)),
        Some(Some(steps)) => {
            if !steps.is_empty() {
                climb(database, steps)?;
            }
            complete(database, tables.len())?;
            Ok(known_origin(database)?)
        }
    }
}

/// The origin of a database that was prepared before.
pub(super) fn known_origin(database: &Database) -> Result<Origin, Fault> {
    origin(&database.begin_read()?.open_table(layout::META)?)
}

/// The origin in the table of settings.
pub(super) fn origin(meta: &impl ReadableTable<&'static str, Record>) -> Result<Origin, Fault> {
    let record = meta.get(layout::ORIGIN)?.ok_or_else(|| Fault::Damaged("it has no origin".to_owned()))?;
    records::origin::decode(record.value()).map_err(|why| Fault::record("its origin", why))
}

fn create(database: &Database, now: Timestamp) -> Result<Origin, Unfit> {
    let origin = invent().ok_or(Unfit::NoRandom)?;
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    {
        let mut meta = write.open_table(layout::META)?;
        meta.insert(layout::SCHEMA, KNOWN.to_be_bytes().as_slice())?;
        meta.insert(layout::CREATED, now.millis().to_be_bytes().as_slice())?;
        meta.insert(layout::ORIGIN, records::origin::encode(&origin).as_slice())?;
        Tables::open(&write)?;
    }
    write.commit()?;
    Ok(origin)
}

/// All steps in one transaction: after a crash the database is the old one or the new one.
fn climb(database: &Database, steps: &[Step]) -> Result<(), Unfit> {
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    for step in steps {
        step(&write)?;
    }
    write.open_table(layout::META)?.insert(layout::SCHEMA, KNOWN.to_be_bytes().as_slice())?;
    write.commit()?;
    Ok(())
}

/// Makes the tables that this program has in addition. That is no new version of the schema: an older program passes
/// them over.
fn complete(database: &Database, known: usize) -> Result<(), Unfit> {
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    Tables::open(&write)?;
    if write.list_tables()?.count() == known {
        write.abort()?;
    } else {
        write.commit()?;
    }
    Ok(())
}

fn invent() -> Option<Origin> {
    let mut name = [0; 16];
    let mut session_key = vec![0; Origin::KEY];
    let mut refresh_key = vec![0; Origin::KEY];
    for bytes in [name.as_mut_slice(), session_key.as_mut_slice(), refresh_key.as_mut_slice()] {
        rand::fill(bytes).ok()?;
    }
    Some(Origin {
        issuer: format!("sidegate:{}", URL_SAFE_NO_PAD.encode(name)),
        session_key: Secret::new(session_key),
        refresh_key: Secret::new(refresh_key),
    })
}

fn number(meta: &impl ReadableTable<&'static str, Record>, name: &str) -> Result<u64, Fault> {
    let stored = meta.get(name)?;
    let bytes = stored.and_then(|stored| stored.value().try_into().ok());
    bytes.map(u64::from_be_bytes).ok_or_else(|| Fault::Damaged(format!("its `{name}` is no number")))
}
