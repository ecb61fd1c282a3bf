//! A password that its owner no longer knows: a link is mailed to their address, or an operator, who never chooses one for
//! them, has one made, and whoever opens it sets a new one. What was mailed proves the address as well.

use std::net::IpAddr;

use super::Accounts;
use super::links::{AskError, Asked, Link};
use super::rules::Unfit;
use crate::audit::Event;
use crate::hashing::HashError;
use crate::limits::{LimitKey, Limited, Network};
use crate::store::{Purpose, StoreError};
use crate::tokens::OneTimeToken;
use crate::types::{Email, Password, UserId};

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
    /// Makes a link by which a user sets a new password, for an operator to hand over; one that was made before is void.
    /// `None`: no such user. A disabled user may have one: it sets their password, and they stay kept out.
    pub async fn reset_link(&self, id: UserId) -> Result<Option<Link>, StoreError> {
        let Some(user) = self.user(id).await? else { return Ok(None) };
        let link = self.link(&user, Purpose::PasswordReset).await?;
        if link.is_some() {
            self.note(Event::ResetLinkMade { uid: id });
        }
        Ok(link)
    }

    /// Mails a link to whoever has this address and an account that is not disabled.
    pub async fn forgot_password(
        &self,
        email: Option<Email>,
        address: Option<IpAddr>,
    ) -> Result<(), AskError> {
        self.ask(Asked::Reset, email, address).await
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
        let token = token.ok_or(ResetError::BadToken)?;
        let Some(purpose) = self.purpose_of(&token).await? else { return Err(ResetError::BadToken) };
        self.judge(&new)?;
        let hash = services.hasher.hash(new).await?;
        let token = token.hash(purpose);
        services.sessions.reset_password(token, purpose, hash).await?.ok_or(ResetError::BadToken)
    }

    /// By which way the link came that can be used, if it can: an operator's, a mail that was asked for, or an invitation.
    async fn purpose_of(&self, token: &OneTimeToken) -> Result<Option<Purpose>, StoreError> {
        let services = &self.0.services;
        for &purpose in Purpose::SETTING_A_PASSWORD {
            let found = services.store.one_time(token.hash(purpose), purpose, services.clock.now()).await?;
            if found.is_some() {
                return Ok(Some(purpose));
            }
        }
        Ok(None)
    }
}
