//! Why a store could not do what it was asked, by what the caller can do about it.

use std::path::PathBuf;

/// Why an operation failed. Nothing of it was done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// A write did not reach the disk (often: it is full). Trying again later may work.
    #[error("the database can't be written: {0}")]
    Unwritable(String),
    /// The database is closed or closing.
    #[error("the database is closed")]
    Closed,
    /// What was read makes no sense.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// Why a database could not be opened. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "the database `{0}` is in use by another process\nhint: stop the other gate, or give this one its own `database.url`"
    )]
    Locked(PathBuf),
    /// There is none, and none may be made.
    #[error(
        "there is no database `{0}`\nhint: `sidegate serve` makes it; is this the gate's configuration (`--config`, its variables, its working folder)?"
    )]
    Missing(PathBuf),
    /// Its bytes make no sense. Nothing was overwritten.
    #[error(
        "the database `{path}` is damaged: {why}\nhint: nothing was changed; restore a backup, or move the file away to start afresh"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It was written by a newer Sidegate.
    #[error(
        "the database `{path}` has schema version {found}, and this sidegate knows {known} at most\nhint: run the newer sidegate"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u64,
        /// The newest that this program knows.
        known: u64,
    },
    /// The file or its folder can't be used.
    #[error("can't open the database `{path}`: {why}\nhint: {hint}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
        /// What to do.
        hint: String,
    },
    /// The setting asks for a store that this version does not have.
    #[error("`database.url`: {0}")]
    Unsupported(String),
}

/// Why there is no backup. Nothing was left at its place that wasn't there before. The texts are for the operator.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file already, and backups overwrite nothing.
    #[error("`{0}` is there already\nhint: name a file that is not there yet")]
    Exists(PathBuf),
    /// The file can't be written.
    #[error(
        "can't write the backup `{path}`: {why}\nhint: name a file in a folder that this user may write in and that has room"
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The database can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
