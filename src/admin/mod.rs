//! Administration: what an operator asks for, carried out in one place, whether a gate runs (over its socket) or not
//! (by the command itself, on the database).

use std::path::PathBuf;
use std::sync::Arc;

use crate::accounts::Accounts;
use crate::mail::Mailer;
use crate::sessions::Sessions;
use crate::store::{Store, User};
use crate::types::{Clock, UserRef};
use failure::Failure;

mod backup;
pub mod client;
pub mod command;
mod exchange;
mod execute;
mod failure;
pub mod health;
pub mod http;
pub mod import;
mod keys;
pub mod lines;
mod listing;
mod sessions;
pub mod socket;
mod users;
pub mod views;

pub use command::Command;
pub use exchange::serve_connection;

/// What administration works on. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// What can be done with users.
    pub accounts: Accounts,
    /// What can be done with sessions.
    pub sessions: Sessions,
    /// Where it is all kept.
    pub store: Arc<dyn Store>,
    /// Who sends mail, if anybody does.
    pub mail: Option<Mailer>,
    /// The time.
    pub clock: Clock,
    /// The name of the algorithm that access tokens are signed with.
    pub algorithm: &'static str,
    /// Whether the gate has pages of its own (`pages.enabled`).
    pub pages: bool,
    /// A folder that holds a copy of the database for as long as it is handed out: the database's own.
    pub scratch: PathBuf,
}

impl Services {
    /// The user whom an operator names.
    async fn find(&self, who: UserRef) -> Result<User, Failure> {
        self.accounts.find(&who).await?.ok_or(Failure::NoSuchUser(who))
    }
}
