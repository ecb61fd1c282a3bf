//! Signing in: attempts are counted before anything is looked up, and an unknown address, a wrong password and a
//! disabled user are one answer that takes one time.

use std::net::IpAddr;

use super::Accounts;
use crate::audit::Event;
use crate::config::settings::Rate;
use crate::hashing::{HashError, Verified};
use crate::limits::{LimitKey, Limited, Network, Permit};
use crate::sessions::{Device, Issued, StartError};
use crate::store::{PasswordHash, StoreError, User};
use crate::tokens::TokensError;
use crate::types::{Email, Password, SessionId, UserId};

/// How many times the limit of one account is the limit of one network: families and offices share one.
const NETWORK_FACTOR: u32 = 10;

/// Somebody who says that they are a user.
#[derive(Debug)]
pub struct SignIn {
    /// The address that they gave; `None` where it is no address at all, and so nobody's.
    pub email: Option<Email>,
    /// The password that they gave.
    pub password: Password,
    /// Where they are.
    pub device: Device,
    /// The sessions that their browser was in until now: they end.
    pub replaces: Vec<SessionId>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address, wrong password or disabled user.
    #[error("unknown address, wrong password or disabled user")]
    Wrong,
    /// Too many attempts.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The password was not hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tokens could not be made.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

impl From<StartError> for SignInError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::UserGone => Self::Wrong,
            StartError::Store(error) => Self::Store(error),
            StartError::Tokens(error) => Self::Tokens(error),
        }
    }
}

impl Accounts {
    /// Starts a session for who knows the password.
    pub async fn sign_in(&self, attempt: SignIn) -> Result<Issued, SignInError> {
        let address = attempt.device.address;
        let permits = self.count(attempt.email.as_ref(), address)?;
        let outcome = self.attempt(attempt).await;
        if !matches!(outcome, Err(SignInError::Wrong)) {
            permits.into_iter().for_each(Permit::refund);
        }
        outcome
    }

    /// Starts a session for a user who needs no further proof, since they have just signed up.
    pub async fn enter(
        &self,
        user: &User,
        device: Device,
        replaces: &[SessionId],
    ) -> Result<Issued, StartError> {
        let address = device.address;
        let issued = self.0.services.sessions.start(user, device, replaces.first().copied()).await?;
        self.note(Event::SignedIn { uid: user.id, session: issued.session.id, address });
        // Two at once only where a browser's two cookies are of two sessions.
        if let Err(error) = self.sign_out(replaces.get(1..).unwrap_or_default(), address).await {
            tracing::warn!(%error, "a replaced session could not be ended");
        }
        Ok(issued)
    }

    /// Both limits or none: an attempt that one of them refuses is not made, so it costs nothing of the other.
    fn count(&self, email: Option<&Email>, address: Option<IpAddr>) -> Result<Vec<Permit>, Limited> {
        let (limits, now) = (&self.0.services.limits, self.0.services.clock.now());
        let (rate, network) = (self.0.limits.signin_failures, Network::of(address));
        let mut permits = vec![limits.attempt(LimitKey::SignInNetwork(network), of_a_network(rate), now)?];
        if let Some(email) = email {
            match limits.attempt(LimitKey::SignInAccount(email.key().clone(), network), rate, now) {
                Ok(permit) => permits.push(permit),
                Err(limited) => {
                    permits.into_iter().for_each(Permit::refund);
                    return Err(limited);
                }
            }
        }
        Ok(permits)
    }

    async fn attempt(&self, attempt: SignIn) -> Result<Issued, SignInError> {
        let services = &self.0.services;
        let user = match &attempt.email {
            Some(email) => services.store.user_by_email(email.key()).await?,
            None => None,
        };
        let stored = user.as_ref().and_then(|user| user.password.clone());
        let verified = services.hasher.verify(attempt.password.clone(), stored.clone()).await?;
        let address = attempt.device.address;
        let (true, Some(user)) = (verified != Verified::Wrong, user.as_ref().filter(|user| user.active))
        else {
            self.note(Event::SignInFailed { uid: user.map(|user| user.id), address });
            return Err(SignInError::Wrong);
        };
        let mut hashes = Vec::from_iter(stored.clone());
        if let (Verified::RightRenew(new), Some(old)) = (verified, stored) {
            hashes.push(new.clone());
            self.renew(user, old, new).await;
        }
        let issued = self.enter(user, attempt.device, &attempt.replaces).await?;
        match self.is_still_right(user.id, attempt.password, &hashes).await {
            Ok(true) => Ok(issued),
            refused => {
                services.sessions.end(issued.session.id).await?;
                self.note(Event::SignInFailed { uid: Some(user.id), address });
                Err(refused.err().unwrap_or(SignInError::Wrong))
            }
        }
    }

    /// A new password ends all sessions, but not one that starts a moment later because its password had been found
    /// right a moment before. So it is asked again once the session is there: whichever came first, one of the two
    /// sees the other. `hashes` are those that the password is known to belong to.
    async fn is_still_right(
        &self,
        id: UserId,
        password: Password,
        hashes: &[PasswordHash],
    ) -> Result<bool, SignInError> {
        let services = &self.0.services;
        let now = services.store.user(id).await?.and_then(|user| user.password);
        if now.as_ref().is_some_and(|now| hashes.contains(now)) {
            return Ok(true);
        }
        // Another sign-in may have renewed it meanwhile.
        Ok(services.hasher.verify(password, now).await? != Verified::Wrong)
    }

    /// In passing: a sign-in succeeds without it, and the next one tries again.
    async fn renew(&self, user: &User, old: PasswordHash, new: PasswordHash) {
        if let Err(error) = self.0.services.store.renew_password_hash(user.id, old, new).await {
            tracing::warn!(%error, uid = %user.id, "a password hash could not be renewed");
        }
    }
}

/// What a whole network may do, where one account may do this.
pub(super) const fn of_a_network(rate: Rate) -> Rate {
    Rate { count: rate.count.saturating_mul(NETWORK_FACTOR), per: rate.per }
}
