//! A password that its owner no longer knows: an operator, who never chooses one for them, has a link made, and
//! whoever opens it sets a new one. It proves nothing about the address, for it came by another way.

use std::net::IpAddr;
use std::time::Duration;

use super::Accounts;
use super::rules::Unfit;
use crate::audit::Event;
use crate::hashing::HashError;
use crate::limits::{LimitKey, Limited, Network};
use crate::store::{NewOneTime, Purpose, StoreError};
use crate::tokens::OneTimeToken;
use crate::types::{Password, Secret, Timestamp, UserId};

/// How long a link can be used (contract section 4).
const LIFETIME: Duration = Duration::from_mins(30);

/// A link that sets a password.
#[derive(Clone, Debug)]
pub struct ResetLink {
    /// For its user's eyes alone: built from `server.public_url`, whoever asked for it.
    pub url: Secret<String>,
    /// From when on it is of no use.
    pub expires: Timestamp,
}

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// No token, or one that was used, has expired, was replaced by a newer one, or whose user is gone.
    #[error("the link is not valid")]
    BadToken,
    /// The password is no good. The link can still be used.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Too many bad tokens from there.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The password was not hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Makes a link by which a user sets a new password; one that was made before is void. `None`: no such user.
    /// A disabled user may have one: it sets their password, and they stay kept out.
    pub async fn reset_link(&self, id: UserId) -> Result<Option<ResetLink>, StoreError> {
        let (services, token) = (&self.0.services, OneTimeToken::random());
        let (purpose, now) = (Purpose::PasswordReset, services.clock.now());
        let expires = now.plus(LIFETIME);
        let link = NewOneTime { token: token.hash(purpose), user: id, purpose, expires };
        if services.store.put_one_time(link, now).await?.is_none() {
            return Ok(None);
        }
        self.note(Event::ResetLinkMade { uid: id });
        let url = Secret::new(format!("{}/auth/reset?token={}", self.0.public_origin, token.text().reveal()));
        Ok(Some(ResetLink { url, expires }))
    }

    /// Sets the password of the user whose link this token is from, and ends all their sessions. `None`: what was
    /// sent can't be a token.
    pub async fn reset_password(
        &self,
        token: Option<OneTimeToken>,
        new: Password,
        address: Option<IpAddr>,
    ) -> Result<UserId, ResetError> {
        let key = LimitKey::Reset(Network::of(address));
        let counted = self.counted(&[key])?;
        let outcome = self.use_link(token, new).await;
        match outcome {
            Err(ResetError::BadToken) => counted.stands().await,
            _ => counted.refund(),
        }
        if let Ok(uid) = outcome {
            self.note(Event::PasswordReset { uid, address });
        }
        outcome
    }

    /// The token first: a hash is made for nobody who has none, and who has an old one is told so at once. It is
    /// used up last, when nothing else can go wrong any more.
    async fn use_link(&self, token: Option<OneTimeToken>, new: Password) -> Result<UserId, ResetError> {
        let services = &self.0.services;
        let token = token.ok_or(ResetError::BadToken)?.hash(Purpose::PasswordReset);
        let owner = services.store.one_time(token, Purpose::PasswordReset, services.clock.now()).await?;
        if owner.is_none() {
            return Err(ResetError::BadToken);
        }
        self.judge(&new)?;
        let hash = services.hasher.hash(new).await?;
        services.sessions.reset_password(token, hash).await?.ok_or(ResetError::BadToken)
    }
}
