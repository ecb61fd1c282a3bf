//! Chooses the backend by the settings' URL.

use std::sync::Arc;

use super::redb::RedbStore;
use super::{OpenError, Store};
use crate::config::settings::DatabaseUrl;
use crate::types::Timestamp;

/// Opens the database, or makes it where there is none.
pub fn open(url: &DatabaseUrl, now: Timestamp) -> Result<Arc<dyn Store>, OpenError> {
    match url {
        DatabaseUrl::Redb(path) => Ok(Arc::new(RedbStore::open(path, now)?)),
    }
}
