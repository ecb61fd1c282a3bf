//! A copy of the whole database as it is at one moment, in a file of its own.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;

use redb::backends::FileBackend;
use redb::{
    Builder, Key, ReadTransaction, ReadableTable as _, TableDefinition, TableHandle as _, Value,
    WriteTransaction,
};
use tempfile::NamedTempFile;
use tokio::sync::oneshot;

use super::fault::{Fault, guarded};
use super::{file, kept_limits, layout, one_time};
use crate::store::{BackupError, StoreError};

/// Pages of the copy that are kept in memory: they are written once, one after the other.
const CACHE: usize = 8 << 20;

/// Copies what the snapshot shows to `to`, on a thread of its own: it may take long.
pub(super) async fn run(snapshot: ReadTransaction, to: PathBuf) -> Result<(), BackupError> {
    let (reply, done) = oneshot::channel();
    let place = to.clone();
    let work = move || {
        // Nobody may be waiting for it any more.
        let _ = reply.send(write(&snapshot, &to));
    };
    thread::Builder::new()
        .name("backup".to_owned())
        .spawn(work)
        .map_err(|error| unwritable(&place, &error))?;
    done.await.unwrap_or(Err(BackupError::Store(StoreError::Closed)))
}

/// The file has its name when it is complete and on disk: half a backup would open as an empty database.
fn write(snapshot: &ReadTransaction, to: &Path) -> Result<(), BackupError> {
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let unwritable = |error| unwritable(to, &error);
    // Its mode is 0600.
    let begun = NamedTempFile::with_prefix_in(".sidegate-backup-", file::folder(to)).map_err(unwritable)?;
    let file = begun.reopen().map_err(unwritable)?;
    match guarded(|| Ok(fill(snapshot, file))) {
        Ok(Ok(())) => {}
        Ok(Err(Trouble::There(why))) => return Err(BackupError::Unwritable { path: to.to_owned(), why }),
        Ok(Err(Trouble::Here(fault))) | Err(fault) => return Err(BackupError::Store(fault.answer())),
    }
    begun.as_file().sync_all().map_err(unwritable)?;
    begun.persist_noclobber(to).map_err(|failed| match failed.error.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => unwritable(failed.error),
    })?;
    file::sync_folder(to).map_err(unwritable)
}

/// On which side a copy failed.
enum Trouble {
    /// In the database.
    Here(Fault),
    /// In the copy.
    There(String),
}

fn here(error: impl Into<Fault>) -> Trouble {
    Trouble::Here(error.into())
}

fn there(error: impl Into<redb::Error>) -> Trouble {
    Trouble::There(error.into().to_string())
}

fn fill(snapshot: &ReadTransaction, file: File) -> Result<(), Trouble> {
    let backend = FileBackend::new(file).map_err(there)?;
    let copy = Builder::new().set_cache_size(CACHE).create_with_backend(backend).map_err(there)?;
    let mut write = copy.begin_write().map_err(there)?;
    write.set_quick_repair(true);
    copy_all(snapshot, &write)?;
    write.commit().map_err(there)
}

fn copy_all(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Trouble> {
    copy(from, to, layout::META)?;
    copy(from, to, layout::COUNTERS)?;
    copy(from, to, layout::USERS)?;
    copy(from, to, layout::EMAILS)?;
    copy(from, to, layout::REMOVED)?;
    copy(from, to, layout::SESSIONS)?;
    copy(from, to, layout::SESSIONS_BY_USER)?;
    copy(from, to, layout::SESSIONS_BY_EXPIRY)?;
    copy(from, to, layout::REVOKED)?;
    copy(from, to, layout::REVOKED_BY_TIME)?;
    copy(from, to, layout::OUTDATED)?;
    copy(from, to, layout::OUTDATED_BY_TIME)?;
    copy(from, to, layout::SIGNING_KEYS)?;
    // One-time links stay behind: a copy that is put back would let one that was used meanwhile be used again.
    // Counters of attempts do, too: they are of the hour in which the copy was made.
    let left = |name: &str| one_time::TABLES.contains(&name) || kept_limits::TABLES.contains(&name);
    // A table that was forgotten above would be missed on the day that the backup is needed.
    let copied: Vec<_> = to.list_tables().map_err(there)?.map(|table| table.name().to_owned()).collect();
    for table in from.list_tables().map_err(here)? {
        let name = table.name();
        if !left(name) && !copied.iter().any(|copied| copied == name) {
            let why = format!("a backup does not know its table `{name}`");
            return Err(Trouble::Here(Fault::Damaged(why)));
        }
    }
    Ok(())
}

fn copy<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), Trouble> {
    let source = from.open_table(table).map_err(here)?;
    let mut target = to.open_table(table).map_err(there)?;
    for row in source.iter().map_err(here)? {
        let (key, value) = row.map_err(here)?;
        target.insert(key.value(), value.value()).map_err(there)?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> BackupError {
    BackupError::Unwritable { path: path.to_owned(), why: error.to_string() }
}
