//! A password that a link sets, and the end of every session that was made before.

use super::{Sessions, to_the_end};
use crate::store::{PasswordHash, StoreError, TokenHash};
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
            let reset = this.0.store.reset_password(token, to, now, until).await?;
            Ok(reset.map(|reset| {
                this.publish(reset.ended, until);
                reset.user
            }))
        })
        .await
    }
}
