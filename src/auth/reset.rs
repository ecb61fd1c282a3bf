//! `POST /auth/password/reset`

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::tokens::Holder;
use crate::web::Answer;

/// Where the page leads once the password is set: the sign-in page, which says so.
const DONE: &str = "/auth/login?done=reset";

impl Auth {
    /// Sets the password of the user whose link was followed. It signs nobody in: whoever knows the password does.
    pub(super) async fn reset_password(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let input = call.fields.reset()?;
        let accounts = &self.services.accounts;
        let uid = accounts.reset_password(input.token, input.password, call.peer.address).await?;
        let answer = if call.from_page {
            reply::see_other(DONE)
        } else {
            reply::json(&json!({
                "status": "ok",
                "message": "The new password is set. Every session of this account has ended.",
            }))
        };
        // Known browsers are strangers to the new password. This one is not: whoever was reason for a reset must not keep
        // its owner from signing in with it. What can't be read now is only a cookie less.
        let user = accounts.user(uid).await.ok().flatten();
        Ok(self.with_device(answer, call, user.as_ref().and_then(Holder::of)))
    }
}
