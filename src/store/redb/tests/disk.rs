//! A disk whose faults can be switched, beneath a real file.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use tempfile::TempDir;

use super::super::{RedbStore, file};
use crate::store::StoreError;
use crate::types::Timestamp;

/// What is wrong with a disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) full: AtomicBool,
    pub(super) unreadable: AtomicBool,
    /// Nobody opens the file, as on a file system that went read-only.
    pub(super) closed: AtomicBool,
    slow: Mutex<bool>,
    moved: Condvar,
    /// So many accesses that write are let through before the next one, alone, meets `then`; none at a negative number.
    countdown: AtomicI64,
    then: Mutex<Then>,
}

/// What an access meets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Then {
    #[default]
    Fail,
    Wait,
}

impl Disk {
    pub(super) fn sound() -> Arc<Self> {
        Arc::new(Self { countdown: AtomicI64::new(-1), ..Self::default() })
    }

    pub(super) fn set_slow(&self, slow: bool) {
        *self.slow.lock().unwrap() = slow;
        self.moved.notify_all();
    }

    pub(super) fn is_slow(&self) -> bool {
        *self.slow.lock().unwrap()
    }

    /// Lets `accesses` through before the one that meets `then`.
    pub(super) fn arm(&self, accesses: i64, then: Then) {
        *self.then.lock().unwrap() = then;
        self.countdown.store(accesses, Ordering::Release);
    }

    pub(super) fn has_struck(&self) -> bool {
        self.countdown.load(Ordering::Acquire) < 0
    }

    fn write(&self) -> io::Result<()> {
        if self.countdown.fetch_sub(1, Ordering::AcqRel) == 0 {
            match *self.then.lock().unwrap() {
                Then::Fail => return Err(io::Error::other("a bad sector")),
                Then::Wait => self.set_slow(true),
            }
        }
        let slow = self.slow.lock().unwrap();
        drop(self.moved.wait_while(slow, |slow| *slow).unwrap());
        if self.full.load(Ordering::Acquire) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Backend(FileBackend, Arc<Disk>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.1.unreadable.load(Ordering::Acquire) {
            return Err(io::Error::other("a bad sector"));
        }
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.1.write()?;
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.1.write()?;
        self.0.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }
}

/// A store on a disk whose faults can be switched.
pub(super) fn store() -> (RedbStore, Arc<Disk>, TempDir) {
    store_with(file::builder)
}

/// One that caches no page, so that reads reach the disk.
pub(super) fn uncached() -> (RedbStore, Arc<Disk>, TempDir) {
    store_with(|| {
        let mut builder = file::builder();
        builder.set_cache_size(0);
        builder
    })
}

fn store_with(builder: fn() -> redb::Builder) -> (RedbStore, Arc<Disk>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::sound();
    let store = start(&folder.path().join("store.redb"), &disk, builder).unwrap();
    (store, disk, folder)
}

/// Opens or makes the file on this disk.
pub(super) fn start(
    path: &Path,
    disk: &Arc<Disk>,
    builder: fn() -> redb::Builder,
) -> Result<RedbStore, String> {
    let (opened, disk) = (path.to_owned(), Arc::clone(disk));
    let open = move || {
        if disk.closed.load(Ordering::Acquire) {
            return Err(StoreError::Unwritable("read-only file system".to_owned()));
        }
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(&opened).unwrap();
        let backend = Backend(FileBackend::new(file).unwrap(), Arc::clone(&disk));
        builder().create_with_backend(backend).map_err(|error| StoreError::Unwritable(error.to_string()))
    };
    let database = open().map_err(|error| error.to_string())?;
    RedbStore::start(path, database, Timestamp::default(), open).map_err(|error| error.to_string())
}
