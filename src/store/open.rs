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

/// Opens a database that is there: administration never makes one.
pub fn existing(url: &DatabaseUrl, now: Timestamp) -> Result<Arc<dyn Store>, OpenError> {
    let DatabaseUrl::Redb(path) = url;
    match path.metadata() {
        // A first start that was cut off leaves an empty file.
        Ok(found) if !found.is_file() || found.len() > 0 => open(url, now),
        Ok(_) => Err(OpenError::Missing(path.clone())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(OpenError::Missing(path.clone())),
        // What else is wrong with it is said by who opens it.
        Err(_) => open(url, now),
    }
}
