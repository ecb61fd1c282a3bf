//! What a user changes of their own account: the name by their session alone, the address and the password only with
//! the current password, so that a browser left open does not cost them the account.

use super::Accounts;
use super::attempts::{Attempt, Claim};
use super::rules::Unfit;
use super::signin::ROUNDS;
use crate::audit::Event;
use crate::hashing::{Begun, HashError, Verified};
use crate::limits::{LimitKey, Limited, Network};
use crate::sessions::{Actor, to_the_end};
use crate::store::{Changed, PasswordHash, ProfileChange, StoreError, User};
use crate::types::{Email, Password, SessionId, Username};

/// What is to be different; `None` leaves it as it is.
#[derive(Debug)]
pub struct OwnChange {
    /// Their name.
    pub username: Option<Username>,
    /// Their address, and the password that allows it.
    pub email: Option<(Email, Password)>,
}

/// Why an account stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// Its user was disabled or removed meanwhile.
    #[error("the user is gone")]
    Gone,
    /// That is not their password.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Only addresses of certain domains may be had.
    #[error("addresses of this domain may not sign up")]
    Domain,
    /// Somebody else has that address.
    #[error("the address is taken")]
    EmailTaken,
    /// The new password is no good.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Too many attempts.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// A password was not hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Changes the name, the address or both; gives the user as they are then. Both change or neither does.
    pub async fn change_own(&self, by: Actor, change: OwnChange) -> Result<User, OwnError> {
        let user = self.present(by).await?;
        // What is so already is no change, and nothing to tell the audit log of.
        let username = change.username.filter(|name| *name != user.username);
        let Some((email, password)) = change.email else {
            if username.is_none() {
                return Ok(user);
            }
            let attempt = self.admit_change(by)?;
            let change = ProfileChange { username, email: None };
            let changed = self.0.services.sessions.change_own(by, None, change).await;
            return settled(attempt, changed.map_err(OwnError::from).and_then(done)).await;
        };
        let attempt = self.admit_change(by)?;
        settled(attempt, self.change_address(by, user, username, email, password).await).await
    }

    async fn change_address(
        &self,
        by: Actor,
        user: User,
        username: Option<Username>,
        email: Email,
        password: Password,
    ) -> Result<User, OwnError> {
        // Who only writes their address in another way asks for nobody else's.
        let is_another = email.key() != user.email.key();
        if is_another && !self.is_of_allowed_domain(&email) {
            return Err(OwnError::Domain);
        }
        let verified = self.verify_own(by, &password).await?;
        let email = Some(email).filter(|email| *email != user.email);
        if username.is_none() && email.is_none() {
            return Ok(user);
        }
        let change = ProfileChange { email, username };
        let attempt = if is_another { Some(self.admit_new_address(by)?) } else { None };
        // Whoever leaves half way would else keep the old address from being told.
        let this = self.clone();
        let outcome =
            to_the_end(async move { this.change_verified(by, &password, verified, change).await }).await;
        match attempt {
            Some(attempt) => settled(attempt, outcome).await,
            None => outcome,
        }
    }

    async fn change_verified(
        &self,
        by: Actor,
        password: &Password,
        mut verified: PasswordHash,
        change: ProfileChange,
    ) -> Result<User, OwnError> {
        for _ in 0..ROUNDS {
            let changed = self.0.services.sessions.change_own(by, Some(verified), change.clone()).await?;
            if let Some(Changed::Done { before, user, .. }) = &changed {
                self.address_changed(before, user, by.address).await;
            }
            if changed.is_some() {
                return done(changed);
            }
            verified = self.verify_own(by, password).await?;
        }
        Err(OwnError::WrongPassword)
    }

    /// Changes the password of who knows the present one; gives what is stored of the new one. Every session of theirs
    /// but `keep` is over when it returns.
    pub async fn change_password(
        &self,
        by: Actor,
        current: Password,
        new: Password,
        keep: SessionId,
    ) -> Result<PasswordHash, OwnError> {
        self.judge(&new)?;
        let attempt = self.admit_change(by)?;
        settled(attempt, self.exchange_password(by, current, new, keep).await).await
    }

    async fn exchange_password(
        &self,
        by: Actor,
        current: Password,
        new: Password,
        keep: SessionId,
    ) -> Result<PasswordHash, OwnError> {
        let mut verified = self.verify_own(by, &current).await?;
        let hash = self.0.services.hasher.hash(new).await?;
        for _ in 0..ROUNDS {
            let changed = self.0.services.sessions.change_password(by, verified, hash.clone(), keep).await?;
            if changed.is_some() {
                return Ok(hash);
            }
            // Of two changes that race one wins; whoever comes second no longer knows the password.
            verified = self.verify_own(by, &current).await?;
        }
        Err(OwnError::WrongPassword)
    }

    /// The hash of the password that somebody in a session says is theirs. Wrong, it counts as a failed sign-in to
    /// that account: a stolen session must not be a way to guess at will.
    pub(super) async fn verify_own(&self, by: Actor, password: &Password) -> Result<PasswordHash, OwnError> {
        let user = self.present(by).await?;
        let claim = Claim { account: Some(user.email.key()), address: by.address, device: by.device };
        let begun = Begun::default();
        let attempt = self.admit_attempt(claim)?.with_begun(begun.clone());
        let hasher = self.0.services.hasher.noting(&begun);
        let verified = hasher.verify(password.clone(), user.password.clone()).await;
        match (verified, user.password) {
            (Ok(Verified::Wrong), _) | (Ok(_), None) => {
                self.note(Event::PasswordRefused { uid: by.uid, address: by.address });
                attempt.stands().await;
                Err(OwnError::WrongPassword)
            }
            (Ok(Verified::Right | Verified::RightRenew(_)), Some(hash)) => {
                attempt.refund();
                Ok(hash)
            }
            (Err(error), _) => {
                attempt.refund();
                Err(error.into())
            }
        }
    }

    /// All changes of one user are one limit, those under way included.
    fn admit_change(&self, by: Actor) -> Result<Attempt, Limited> {
        self.counted(&[LimitKey::Account(by.uid)])
    }

    /// Asking for an address that may be taken costs what a sign-up with it would.
    fn admit_new_address(&self, by: Actor) -> Result<Attempt, Limited> {
        self.counted(&[LimitKey::SignUp(Network::of(by.address))])
    }

    async fn present(&self, by: Actor) -> Result<User, OwnError> {
        self.user(by.uid).await?.filter(|user| user.active).ok_or(OwnError::Gone)
    }
}

/// Whatever came of it counts, save where it was the gate that failed.
async fn settled<T>(attempt: Attempt, outcome: Result<T, OwnError>) -> Result<T, OwnError> {
    match outcome {
        Err(OwnError::Hash(_) | OwnError::Store(_)) => attempt.refund(),
        _ => attempt.stands().await,
    }
    outcome
}

fn done(changed: Option<Changed>) -> Result<User, OwnError> {
    match changed {
        Some(Changed::Done { user, .. }) => Ok(user),
        Some(Changed::EmailTaken) => Err(OwnError::EmailTaken),
        Some(Changed::NoSuchUser) | None => Err(OwnError::Gone),
    }
}
