//! Proving an address: a link is mailed to it, and counts only together with its account's session or password. Whoever
//! signs up with somebody else's address can't have it proven by them, who know neither.

use std::net::IpAddr;

use super::Accounts;
use super::links::{AskError, Asked};
use super::self_service::OwnError;
use crate::limits::{LimitKey, Limited, Mailing, Network};
use crate::sessions::Actor;
use crate::store::{Purpose, StoreError, User};
use crate::tokens::OneTimeToken;
use crate::types::{Email, Password, UserId};

/// Why an address is not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// No token, or one that was used, has expired, was replaced by a newer one, or is another user's.
    #[error("the link is not valid")]
    BadToken,
    /// Too many bad tokens from there.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// It was not shown whose the account is.
    #[error(transparent)]
    Own(#[from] OwnError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Proves the address of who is in a session.
    pub async fn prove_in_session(&self, by: Actor, token: Option<OneTimeToken>) -> Result<User, ProofError> {
        self.proved_by(by.address, self.use_proof(by, token)).await
    }

    /// Whose address this link proves; it is not used up by asking.
    pub async fn proof_owner(
        &self,
        token: Option<&OneTimeToken>,
        address: Option<IpAddr>,
    ) -> Result<User, ProofError> {
        self.proved_by(address, self.owner_of_proof(token)).await
    }

    /// Proves the address of who knows the password. Wrong, it counts as a failed sign-in.
    pub async fn prove_with_password(
        &self,
        by: Actor,
        token: OneTimeToken,
        password: &Password,
    ) -> Result<User, ProofError> {
        self.verify_own(by, password).await?;
        self.proved_by(by.address, self.use_proof(by, Some(token))).await
    }

    /// A token that is none counts, like those of links that set passwords.
    async fn proved_by(
        &self,
        address: Option<IpAddr>,
        work: impl Future<Output = Result<User, ProofError>>,
    ) -> Result<User, ProofError> {
        let counted = self.counted(&[LimitKey::Reset(Network::of(address))])?;
        let outcome = work.await;
        match outcome {
            Err(ProofError::BadToken) => counted.stands().await,
            _ => counted.refund(),
        }
        outcome
    }

    async fn owner_of_proof(&self, token: Option<&OneTimeToken>) -> Result<User, ProofError> {
        let services = &self.0.services;
        let token = token.ok_or(ProofError::BadToken)?.hash(Purpose::AddressProof);
        let owner = services.store.one_time(token, Purpose::AddressProof, services.clock.now()).await?;
        let user = self.user(owner.ok_or(ProofError::BadToken)?).await?;
        user.filter(|user| user.active).ok_or(ProofError::BadToken)
    }

    async fn use_proof(&self, by: Actor, token: Option<OneTimeToken>) -> Result<User, ProofError> {
        let token = token.ok_or(ProofError::BadToken)?.hash(Purpose::AddressProof);
        self.0.services.sessions.prove_address(by, token).await?.ok_or(ProofError::BadToken)
    }

    /// Mails another link to whoever has this address and an account, and has not proven it yet.
    pub async fn ask_for_proof(&self, email: Option<Email>, address: Option<IpAddr>) -> Result<(), AskError> {
        self.ask(Asked::Proof, email, address).await
    }

    /// Mails another link to who is in a session, who may know how many they asked for.
    pub async fn ask_for_own_proof(&self, uid: UserId, address: Option<IpAddr>) -> Result<(), AskError> {
        let user = self.user(uid).await?;
        let (Some(user), Some(mailer)) = (user, &self.0.services.mail) else { return Ok(()) };
        if !user.email_verified {
            self.mail_link(mailer, &user, Asked::Proof, address).await?;
        }
        Ok(())
    }

    /// Tells the address that a user had before, and lets them prove the one that they have now. Nothing of it undoes
    /// the change: what fails is logged.
    pub(super) async fn address_changed(&self, before: &User, now: &User, address: Option<IpAddr>) {
        let Some(mailer) = &self.0.services.mail else { return };
        if before.email.key() == now.email.key() {
            return;
        }
        // Who has not proven an address may have anybody's, and would have word sent there as often as they like.
        if before.email_verified || self.count_mail(before, Mailing::Notice).await.is_ok() {
            mailer.post(self.letters().address_changed(before));
        }
        if self.0.signup.email_verification
            && let Err(error) = self.mail_link(mailer, now, Asked::Proof, address).await
        {
            tracing::warn!(%error, uid = %now.id, "no link was mailed to a user's new address");
        }
    }
}
