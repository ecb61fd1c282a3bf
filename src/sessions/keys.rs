//! The life of the keys that sign access tokens: one signs; a retired one verifies until the last token that it signed
//! is over, and is gone then. Each change is durable first, then in use, then known to all workers, then answered.

use std::time::Duration;

use super::{REMEMBER_SLACK, Sessions, to_the_end};
use crate::audit::{Event, RotatedBy};
use crate::config::settings::Algorithm;
use crate::store::{SigningKey, StoreError};
use crate::tokens::{TokensError, keys};
use crate::types::Timestamp;

/// Why keys were not rotated. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The key is the operator's own secret.
    #[error("with `HS256` the key is `tokens.secret`")]
    SharedSecret,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The new key could not be made, or the kept ones can't be used.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

/// The keys whose tokens may still be about at `now`: those that sign, and those that have not been retired for long.
pub fn in_use(mut keys: Vec<SigningKey>, access_ttl: Duration, now: Timestamp) -> Vec<SigningKey> {
    keys.retain(|key| verifies_until(key, access_ttl).is_none_or(|until| now <= until));
    keys
}

/// When the last token of a retired key is over, by the clock of whichever node made it.
fn verifies_until(key: &SigningKey, access_ttl: Duration) -> Option<Timestamp> {
    key.retired.map(|retired| retired.plus(access_ttl).plus(REMEMBER_SLACK))
}

impl Sessions {
    /// Lets a new key sign from when this returns on, at the operator's wish; what the former one has signed stays good.
    /// Gives all keys, oldest first.
    pub async fn rotate_keys(&self) -> Result<Vec<SigningKey>, RotateError> {
        match self.rotate_key(None, RotatedBy::Operator).await? {
            Some(keys) => Ok(keys),
            // Without a condition a store always rotates.
            None => Ok(self.0.store.signing_keys().await?),
        }
    }

    /// What has to be done with keys as time goes by: what another process has changed is followed, a retired key whose
    /// last token is over goes, and with `every` a key that has become as old as that is rotated.
    pub async fn keep_keys(&self, every: Option<Duration>) -> Result<(), RotateError> {
        let now = self.0.clock.now();
        let keys = self.0.store.signing_keys().await?;
        if keys.iter().any(|key| self.verifies_until(key).is_some_and(|until| until < now)) {
            self.drop_retired_keys(now).await?;
        } else if !self.0.tokens.has_keys(&keys) {
            self.follow_keys().await?;
        }
        let newest = self.signing_key(&keys).map(|key| key.created);
        if let (Some(every), Some(newest)) = (every, newest)
            && newest.plus(every) <= now
        {
            self.rotate_key(Some(every), RotatedBy::Schedule).await?;
        }
        Ok(())
    }

    /// Until when tokens of this key are accepted and its public half is published, where it is retired.
    pub fn verifies_until(&self, key: &SigningKey) -> Option<Timestamp> {
        verifies_until(key, self.0.access_ttl)
    }

    /// The key that signs, if one of the database does.
    pub(super) fn signing_key<'a>(&self, keys: &'a [SigningKey]) -> Option<&'a SigningKey> {
        let algorithm = self.0.tokens.algorithm().name();
        keys.iter().rev().find(|key| key.algorithm == algorithm && key.retired.is_none())
    }

    /// `None`: another node has rotated since the key was found as old as `every`.
    async fn rotate_key(
        &self,
        every: Option<Duration>,
        by: RotatedBy,
    ) -> Result<Option<Vec<SigningKey>>, RotateError> {
        let algorithm = self.0.tokens.algorithm();
        if algorithm == Algorithm::Hs256 {
            return Err(RotateError::SharedSecret);
        }
        let this = self.clone();
        to_the_end(async move {
            let mut new = this.new_key(algorithm).await?;
            let kid = new.kid.clone();
            let _in_order = this.0.rotating.lock().await;
            // The former key has been signing meanwhile, and is retired when this one was made.
            new.created = this.0.clock.now();
            let older_than = every.map(|every| new.created.minus(every).plus(Duration::from_millis(1)));
            let Some(keys) = this.0.store.rotate_signing_key(new, older_than).await? else { return Ok(None) };
            // It is so from here on, whatever this process makes of it.
            this.0.audit.note(Event::KeysRotated { kid, by }, this.0.clock.now());
            this.use_keys(keys.clone())?;
            Ok(Some(keys))
        })
        .await
    }

    /// On a thread of its own: an RSA key takes up to a second, in which an event loop would answer nobody.
    async fn new_key(&self, algorithm: Algorithm) -> Result<SigningKey, RotateError> {
        let now = self.0.clock.now();
        let made = tokio::task::spawn_blocking(move || keys::generate(algorithm, now)).await;
        Ok(made.map_err(|_| TokensError::Crypto("make a signing key"))??)
    }

    async fn drop_retired_keys(&self, now: Timestamp) -> Result<(), RotateError> {
        let this = self.clone();
        to_the_end(async move {
            let _in_order = this.0.rotating.lock().await;
            let retired_before = now.minus(this.0.access_ttl).minus(REMEMBER_SLACK);
            match this.0.store.drop_retired_keys(retired_before).await? {
                Some(keys) => this.use_keys(keys),
                None => Ok(()),
            }
        })
        .await
    }

    async fn follow_keys(&self) -> Result<(), RotateError> {
        let this = self.clone();
        to_the_end(async move {
            let _in_order = this.0.rotating.lock().await;
            this.use_keys(this.0.store.signing_keys().await?)
        })
        .await
    }

    /// Then every worker looks again at what it has verified: first the keys, then the epoch, so that who sees the new
    /// epoch verifies under the new keys.
    fn use_keys(&self, keys: Vec<SigningKey>) -> Result<(), RotateError> {
        let keys = in_use(keys, self.0.access_ttl, self.0.clock.now());
        self.0.tokens.replace_keys(&keys)?;
        self.0.revocations.keys_changed();
        Ok(())
    }
}
