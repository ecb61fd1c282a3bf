//! What can be done with a user: signing up, in and out, being looked up, kept out and let in again.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::{Audit, Event};
use crate::config::settings::{self, Settings};
use crate::hashing::Hasher;
use crate::limits::Limits;
use crate::mail::Mailer;
use crate::metrics::SignIns;
use crate::sessions::Sessions;
use crate::store::{Store, StoreError, User};
use crate::tokens::Tokens;
use crate::types::{Clock, SessionId, UserId};

mod administration;
mod attempts;
mod common;
mod errands;
mod invitation;
mod letters;
mod links;
mod proof;
mod recovery;
mod rules;
mod self_service;
mod signin;
mod signup;

pub use administration::{AddError, AddUser, ChangeError};
pub use attempts::{Attempt, Claim};
pub use errands::TooMany;
pub use invitation::InviteError;
pub use links::{AskError, Link};
pub use proof::ProofError;
pub use recovery::ResetError;
pub use rules::Unfit;
pub use self_service::{OwnChange, OwnError};
pub use signin::{SignIn, SignInError};
pub use signup::{SignUp, SignUpError, SignedUp};

/// All users of one database. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    services: Services,
    signup: settings::Signup,
    passwords: settings::Passwords,
    limits: settings::Limits,
    /// What links begin with: `server.public_url`, never what a request says (its `Host` is anybody's).
    public_origin: String,
    errands: errands::Errands,
}

/// What accounts are built on.
#[derive(Clone)]
pub struct Services {
    /// Where users are kept.
    pub store: Arc<dyn Store>,
    /// Who hashes their passwords.
    pub hasher: Hasher,
    /// Who counts attempts.
    pub limits: Limits,
    /// Their sessions.
    pub sessions: Sessions,
    /// What chooses whose hash stands in for an unknown address's.
    pub tokens: Tokens,
    /// Where what happened is written down.
    pub audit: Audit,
    /// Who sends mail, if anybody does.
    pub mail: Option<Mailer>,
    /// Who counts sign-ins.
    pub signins: SignIns,
    /// The time.
    pub clock: Clock,
}

impl Accounts {
    /// Under these settings.
    pub fn new(services: Services, settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            services,
            signup: settings.signup.clone(),
            passwords: settings.passwords.clone(),
            limits: settings.limits.clone(),
            public_origin: settings.server.public_url.origin(),
            errands: errands::Errands::new(),
        }))
    }

    /// The user with this number, as they are now.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.0.services.store.user(id).await
    }

    /// Lets a user in, or keeps them out and ends their sessions at once. `None`: there is no such user.
    pub async fn set_active(&self, id: UserId, active: bool) -> Result<Option<()>, StoreError> {
        let done = self.0.services.sessions.set_active(id, active).await?;
        if done.is_some() {
            self.note(if active { Event::Enabled { uid: id } } else { Event::Disabled { uid: id } });
        }
        Ok(done)
    }

    /// Ends sessions at their user's wish: all of them are tried, and a failure of any is told.
    pub async fn sign_out(&self, sessions: &[SessionId], address: Option<IpAddr>) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for &session in sessions {
            match self.0.services.sessions.end(session).await {
                Ok(true) => self.note(Event::SignedOut { session, address }),
                Ok(false) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    fn note(&self, event: Event) {
        self.0.services.audit.note(event, self.0.services.clock.now());
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
