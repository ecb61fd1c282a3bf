//! What can go wrong between an operation and redb, and what of it the caller is told.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::store::StoreError;
use crate::store::records::Malformed;

/// Why an operation stopped.
#[derive(Debug)]
pub(super) enum Fault {
    /// What was read makes no sense.
    Damaged(String),
    /// redb could not do what it was asked.
    Redb(redb::Error),
}

impl Fault {
    /// A record that can't be read, named by what it is about.
    pub(super) fn record(what: &str, why: Malformed) -> Self {
        Self::Damaged(format!("{what}: {why}"))
    }

    /// What the caller is told.
    pub(super) fn answer(&self) -> StoreError {
        match self {
            Self::Damaged(why) => StoreError::Damaged(why.clone()),
            Self::Redb(redb::Error::Io(error)) => StoreError::Unwritable(error.to_string()),
            Self::Redb(error) if self.heals() => StoreError::Unwritable(error.to_string()),
            Self::Redb(error) => StoreError::Damaged(error.to_string()),
        }
    }

    /// Whether opening the file again may help: after an I/O error or a panic redb refuses everything until then.
    pub(super) fn heals(&self) -> bool {
        use redb::Error as E;
        matches!(
            self,
            Self::Redb(
                E::Io(_)
                    | E::Backend(_)
                    | E::Unsupported
                    | E::PreviousIo
                    | E::DatabaseClosed
                    | E::LockPoisoned(_)
                    | E::TransactionPoisoned
            )
        )
    }
}

macro_rules! from_redb {
    ($($error:ty),+) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Redb(error.into())
            }
        })+
    };
}

from_redb!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

/// Does `work`; a panic becomes damage. redb panics on some pages that were altered behind its back.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // What a panic may have left half done is a transaction, which is dropped, or a handle, which is opened again.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fault::Damaged("its pages contradict each other".to_owned())))
}
