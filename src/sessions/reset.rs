//! A password that a link sets, and the end of every session that was made before.

use super::{Sessions, to_the_end};
use crate::store::{PasswordHash, Purpose, StoreError, TokenHash};
use crate::types::UserId;

impl Sessions {
    /// Uses a link up: its user has the new password, and the very next request of any session of theirs is
    /// refused. `None`: the link can't be used.
    pub async fn reset_password(
        &self,
        token: TokenHash,
        to: PasswordHash,
    ) -> Result<Option<UserId>, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let (now, until) = (this.0.clock.now(), this.remember_until());
            // Whose it is has to be known before: a store that fails doesn't tell.
            let purpose = Purpose::PasswordReset;
            let Some(owner) = this.0.store.one_time(token, purpose, now).await? else { return Ok(None) };
            match this.0.store.reset_password(token, to, now, until).await {
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
}
