//! What a mailed link does to sessions: a password that it sets is the end of every one that was made before, and an
//! address that it proves is news to those that go on.

use super::{Sessions, to_the_end};
use crate::audit::Event;
use crate::sessions::Actor;
use crate::store::{PasswordHash, Purpose, StoreError, TokenHash, User};
use crate::types::UserId;

impl Sessions {
    /// Uses a link up: its user has the new password, and the very next request of any session of theirs is
    /// refused. `None`: the link can't be used.
    pub async fn reset_password(
        &self,
        token: TokenHash,
        purpose: Purpose,
        to: PasswordHash,
    ) -> Result<Option<UserId>, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let (now, until) = (this.0.clock.now(), this.remember_until());
            // Whose it is has to be known before: a store that fails doesn't tell.
            let Some(owner) = this.0.store.one_time(token, purpose, now).await? else { return Ok(None) };
            match this.0.store.reset_password(token, purpose, to, now, until).await {
                Ok(reset) => Ok(reset.map(|reset| {
                    this.publish(reset.ended, until);
                    reset.user
                })),
                Err(error) => {
                    // It may be on the disk all the same.
                    this.publish_all_of(owner, None, until).await;
                    Err(error)
                }
            }
        })
        .await
    }

    /// Uses a link up that proves this user's address; gives them as they are then. The tokens of their sessions are as
    /// good as expired, and their renewals say that it is proven. `None`: the link can't be used, or not by them.
    pub(crate) async fn prove_address(
        &self,
        by: Actor,
        token: TokenHash,
    ) -> Result<Option<User>, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let (now, until) = (this.0.clock.now(), this.remember_until());
            let proven = this.0.store.prove_address(by.uid, token, now, until).await?;
            Ok(proven.map(|proven| {
                this.0.revocations.publish_outdated(proven.outdated);
                this.note(Event::AddressProven { uid: by.uid, address: by.address });
                proven.user
            }))
        })
        .await
    }
}
