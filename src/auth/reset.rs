//! `POST /auth/password/reset`

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::web::Answer;

/// Where the page leads once the password is set: the sign-in page, which says so.
const DONE: &str = "/auth/login?done=reset";

impl Auth {
    /// Sets the password of the user whose link was followed. It signs nobody in: whoever knows the password does.
    pub(super) async fn reset_password(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let input = call.fields.reset()?;
        self.services.accounts.reset_password(input.token, input.password, call.peer.address).await?;
        if call.from_page {
            return Ok(reply::see_other(DONE));
        }
        Ok(reply::json(&json!({
            "status": "ok",
            "message": "The new password is set. Every session of this account has ended.",
        })))
    }
}
