//! Signing in: attempts are counted before anything is looked up, and an unknown address, a wrong password and a
//! disabled user are one answer that takes one time.

use super::{Accounts, Claim, Services};
use crate::audit::Event;
use crate::hashing::{Begun, HashError, Verified};
use crate::limits::Limited;
use crate::metrics::SignInOutcome;
use crate::sessions::{Device, Issued, StartError};
use crate::store::{PasswordHash, StoreError, User};
use crate::tokens::TokensError;
use crate::types::{DeviceId, Email, Password, SessionId};

/// How often a password is verified that changes while it is: each round is one change, or one renewal of the hash by
/// a parallel sign-in.
pub(super) const ROUNDS: usize = 3;

/// Somebody who says that they are a user.
#[derive(Debug)]
pub struct SignIn {
    /// The address that they gave; `None` where it is no address at all, and so nobody's.
    pub email: Option<Email>,
    /// The password that they gave.
    pub password: Password,
    /// Where they are.
    pub device: Device,
    /// Their browser, if it has signed in to this account before.
    pub known: Option<DeviceId>,
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
            // Changed again and again, or of somebody who has just signed up: what was verified is no password any more.
            StartError::UserGone | StartError::PasswordChanged => Self::Wrong,
            StartError::Store(error) => Self::Store(error),
            StartError::Tokens(error) => Self::Tokens(error),
        }
    }
}

impl Accounts {
    /// Starts a session for who knows the password.
    pub async fn sign_in(&self, attempt: SignIn) -> Result<Issued, SignInError> {
        let outcome = self.limited_attempt(attempt).await;
        self.0.services.signins.count(match &outcome {
            Ok(_) => SignInOutcome::Ok,
            Err(SignInError::Wrong) => SignInOutcome::Wrong,
            Err(SignInError::Limited(_)) => SignInOutcome::Limited,
            Err(SignInError::Hash(HashError::Busy)) => SignInOutcome::Busy,
            Err(SignInError::Hash(HashError::Failed) | SignInError::Store(_) | SignInError::Tokens(_)) => {
                SignInOutcome::Failed
            }
        });
        outcome
    }

    async fn limited_attempt(&self, attempt: SignIn) -> Result<Issued, SignInError> {
        // Before it is counted: what costs a made-up name nothing must not move counters.
        if !self.0.services.hasher.has_room() {
            return Err(HashError::Busy.into());
        }
        let begun = Begun::default();
        let claim = Claim {
            account: attempt.email.as_ref().map(Email::key),
            address: attempt.device.address,
            device: attempt.known,
        };
        let counted = self.admit_attempt(claim)?.with_begun(begun.clone());
        let outcome = self.attempt(attempt, &begun).await;
        match outcome {
            Err(SignInError::Wrong) => counted.stands().await,
            _ => counted.refund(),
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

    /// Verifies anew where the stored hash became another one between the look-up and the session's start: a changed
    /// password must not be outrun by the old one, and a renewed hash is of the same password.
    async fn attempt(&self, attempt: SignIn, begun: &Begun) -> Result<Issued, SignInError> {
        for _ in 1..ROUNDS {
            match self.verify_and_enter(&attempt, begun).await {
                Err(Refused::PasswordChanged) => {}
                Err(Refused::Because(error)) => return Err(error),
                Ok(issued) => return Ok(issued),
            }
        }
        self.verify_and_enter(&attempt, begun).await.map_err(|refused| match refused {
            Refused::PasswordChanged => SignInError::Wrong,
            Refused::Because(error) => error,
        })
    }

    async fn verify_and_enter(&self, attempt: &SignIn, begun: &Begun) -> Result<Issued, Refused> {
        let services = &self.0.services;
        let hasher = services.hasher.noting(begun);
        let user = match &attempt.email {
            Some(email) => services.store.user_by_email(email.key()).await?,
            None => None,
        };
        // Whoever it is, so that it costs each of them the same look-ups.
        let decoy = self.decoy(attempt.email.as_ref()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a user who was to stand in for an unknown address could not be read");
            None
        });
        let stored = user.as_ref().and_then(|user| user.password.clone());
        let may_enter = user.as_ref().is_some_and(|user| user.active);
        let password = attempt.password.clone();
        let verified = match &stored {
            Some(_) if may_enter => hasher.verify(password, stored.clone()).await?,
            // Theirs, for the time that it takes; but a right guess is not worth more than a wrong one.
            Some(hash) => hasher.pretend(password, Some(hash.clone())).await.map(|()| Verified::Wrong)?,
            None => hasher.pretend(password, decoy).await.map(|()| Verified::Wrong)?,
        };
        let address = attempt.device.address;
        let (true, Some(mut user)) = (verified != Verified::Wrong, user.clone()) else {
            self.note(Event::SignInFailed { uid: user.map(|user| user.id), address });
            return Err(SignInError::Wrong.into());
        };
        if let (Verified::RightRenew(new), Some(old)) = (verified, stored)
            && self.renew(&user, old, new.clone()).await
        {
            user.password = Some(new);
        }
        match self.enter(&user, attempt.device.clone(), &attempt.replaces).await {
            Err(StartError::PasswordChanged) => Err(Refused::PasswordChanged),
            entered => Ok(entered?),
        }
    }

    /// The hash that stands in for an address's that has none; `None`: whoever was chosen has none either, and a hash
    /// of the configured kind is computed.
    async fn decoy(&self, email: Option<&Email>) -> Result<Option<PasswordHash>, StoreError> {
        let Services { store, tokens, .. } = &self.0.services;
        let lowest = store.users(None, 1).await?.first().map(|user| user.id);
        let (Some(email), Some(lowest), Some(highest)) = (email, lowest, store.highest_uid().await?) else {
            return Ok(None);
        };
        for candidate in tokens.decoys(email.key(), lowest..=highest) {
            if let Some(user) = store.user(candidate).await? {
                return Ok(user.password);
            }
        }
        Ok(None)
    }

    /// In passing: a sign-in succeeds without it, and the next one tries again. Whether it was done.
    async fn renew(&self, user: &User, old: PasswordHash, new: PasswordHash) -> bool {
        let renewed = self.0.services.store.renew_password_hash(user.id, old, new).await;
        renewed.unwrap_or_else(|error| {
            tracing::warn!(%error, uid = %user.id, "a password hash could not be renewed");
            false
        })
    }
}

/// Why one round of an attempt gave no session.
enum Refused {
    /// The password is another one by now, or its hash.
    PasswordChanged,
    /// For good.
    Because(SignInError),
}

impl<E: Into<SignInError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Because(error.into())
    }
}
