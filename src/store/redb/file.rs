//! The database's file: made with mode 0600, opened by one process, never overwritten when it is something else.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _};
use std::ops::RangeInclusive;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, StorageError};

use super::fault::guarded;
use crate::store::OpenError;

/// Pages kept in memory; redb's own default is 1 GiB.
const CACHE: usize = 64 << 20;

/// Up to this size every page is verified at the start, so that damage is a message then and no surprise
/// later. It is a matter of 0.3 s for a million users; beyond, a start would take too long.
const VERIFIED: u64 = 256 << 20;

/// Only its owner reads what hashes and keys are in.
const MODE: u32 = 0o600;

/// Opens the database in this file, which is made where there is none.
pub(super) fn open_or_create(path: &Path) -> Result<Database, OpenError> {
    let unusable = |error: io::Error| unusable(path, &error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)
        .map_err(unusable)?;
    let found = file.metadata().map_err(unusable)?;
    if !found.is_file() {
        return Err(unusable(ErrorKind::IsADirectory.into()));
    }
    forget_unfinished(&file, found.len()).map_err(unusable)?;
    let mut builder = builder();
    builder.set_check_integrity_on_open(found.len() <= VERIFIED);
    let database = open_handle(&builder, file).map_err(|error| refused(path, error))?;
    if found.permissions().mode() & 0o7777 & !MODE != 0
        && let Err(error) = fs::set_permissions(path, Permissions::from_mode(MODE))
    {
        tracing::warn!(%error, path = %path.display(), "others may read the database: its mode can't be changed");
    }
    if found.len() == 0 {
        sync_folder(path).map_err(unusable)?;
    }
    Ok(database)
}

/// Opens the database in this file again. There has to be one: were it made anew, numbers would be used twice.
pub(super) fn reopen(path: &Path) -> Result<Database, OpenError> {
    let unusable = |error: io::Error| unusable(path, &error);
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(unusable)?;
    if file.metadata().map_err(unusable)?.len() == 0 {
        return Err(OpenError::Damaged { path: path.to_owned(), why: "it has become empty".to_owned() });
    }
    open_handle(&builder(), file).map_err(|error| refused(path, error))
}

/// redb with our sizes.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder
}

enum Refused {
    Redb(DatabaseError),
    Panicked(String),
}

fn open_handle(builder: &Builder, file: File) -> Result<Database, Refused> {
    let opened = guarded(|| Ok(FileBackend::new(file).and_then(|file| builder.create_with_backend(file))));
    match opened {
        Ok(opened) => opened.map_err(Refused::Redb),
        Err(fault) => Err(Refused::Panicked(fault.answer().to_string())),
    }
}

/// Empties a file in which a first start was killed before redb's last step, which is to write the
/// magic number: up to there all but its header is zero. A file with anything else in it stays.
fn forget_unfinished(file: &File, length: u64) -> io::Result<()> {
    if !UNFINISHED.contains(&length) {
        return Ok(());
    }
    // Whoever is making it at this moment holds the lock, and is left alone.
    if file.try_lock().is_err() {
        return Ok(());
    }
    let unfinished = is_unfinished(file);
    if matches!(unfinished, Ok(true)) {
        file.set_len(0)?;
    }
    file.unlock()?;
    unfinished.map(|_| ())
}

/// What redb gives a new file is 70 KiB; only files of about that size are looked through.
const UNFINISHED: RangeInclusive<u64> = 8 << 10..=16 << 20;

fn is_unfinished(mut file: &File) -> io::Result<bool> {
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    if header[..MAGIC].iter().any(|byte| *byte != 0) {
        return Ok(false);
    }
    let mut rest = [0; 4096];
    loop {
        match file.read(&mut rest)? {
            0 => return Ok(true),
            length if rest[..length].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// The lengths of redb's header and of the magic number that it begins with.
const HEADER: usize = 320;
const MAGIC: usize = 9;

fn refused(path: &Path, error: Refused) -> OpenError {
    let owned = path.to_owned();
    match error {
        Refused::Redb(DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch) => {
            OpenError::Locked(owned)
        }
        Refused::Redb(DatabaseError::Storage(StorageError::Io(error))) => match error.kind() {
            ErrorKind::InvalidData => {
                OpenError::Damaged { path: owned, why: "it is no redb database".to_owned() }
            }
            ErrorKind::UnexpectedEof => OpenError::Damaged { path: owned, why: "it is cut short".to_owned() },
            _ => unusable(path, &error),
        },
        Refused::Redb(error) => OpenError::Damaged { path: owned, why: error.to_string() },
        Refused::Panicked(why) => OpenError::Damaged { path: owned, why },
    }
}

fn unusable(path: &Path, error: &io::Error) -> OpenError {
    let folder = folder(path).display();
    let hint = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("create the folder `{folder}`, or name another place in `database.url`")
        }
        ErrorKind::PermissionDenied => {
            format!("let this user write in `{folder}`, or name another place in `database.url`")
        }
        ErrorKind::ReadOnlyFilesystem => {
            format!("`{folder}` is mounted read-only: name another place in `database.url`")
        }
        ErrorKind::IsADirectory => {
            "`database.url` has to name a file, such as `redb:sidegate.redb`".to_owned()
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("make room for `{folder}`"),
        _ => "name another place in `database.url`, or repair this one".to_owned(),
    };
    OpenError::Unusable { path: path.to_owned(), why: error.to_string(), hint }
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Without this the new file's name may be lost in a power failure, though its content was synced.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}
