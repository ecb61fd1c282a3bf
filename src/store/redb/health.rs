//! Whether the database can be used at the moment. The writer sets it; readers look, and wait while it changes.

use redb::Database;
use tokio::sync::watch;

use super::fault::{Fault, guarded};
use crate::store::StoreError;

/// What the handle's state is.
pub(super) enum Health {
    /// It can be read, and as far as is known written.
    Open(Database),
    /// It is being opened again after an error.
    Reopening,
    /// That failed.
    Down(StoreError),
    /// It was closed for good.
    Closed,
}

/// Why a read gave nothing.
pub(super) enum Unread {
    /// The answer is final.
    Final(StoreError),
    /// Opening the file again may help.
    Healable(StoreError),
}

/// Reads from the open database. Readers wait for no write, but for the moment in which the file is opened again,
/// and keep it from being opened again while they read.
pub(super) async fn read<T>(
    health: &watch::Sender<Health>,
    work: &(impl Fn(&Database) -> Result<T, Fault> + Sync),
) -> Result<T, Unread> {
    // redb lets one handle in at a time, so while it is exchanged there is nothing to read from.
    if matches!(*health.borrow(), Health::Reopening) {
        let mut changes = health.subscribe();
        // It can't fail: `health` is its sender.
        let _ = changes.wait_for(|health| !matches!(health, Health::Reopening)).await;
    }
    let fault = match &*health.borrow() {
        Health::Open(database) => {
            let read = guarded(|| work(database));
            match read {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            }
        }
        Health::Reopening => Fault::Redb(redb::Error::PreviousIo),
        Health::Down(why) => return Err(Unread::Healable(why.clone())),
        Health::Closed => return Err(Unread::Final(StoreError::Closed)),
    };
    let answer = fault.answer();
    Err(if fault.heals() { Unread::Healable(answer) } else { Unread::Final(answer) })
}
