//! `POST /auth/password/forgot`

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::web::Answer;

/// Where the page leads: itself, which says that a mail may be on its way.
const DONE: &str = "/auth/forgot?done=sent";

impl Auth {
    /// Has a link mailed to whoever has the address. The answer is one for all of them.
    pub(super) async fn forgot_password(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let email = call.fields.address()?;
        let accounts = &self.services.accounts;
        accounts.forgot_password(email, call.peer.address).await?;
        if call.from_page {
            return Ok(reply::see_other(DONE));
        }
        let message = if accounts.sends_mail() {
            "If there is an account with this address, a link to set a new password is mailed to it."
        } else {
            NO_MAIL
        };
        Ok(reply::json(&json!({"status": "ok", "message": message})))
    }
}

/// Where no mail server is configured.
pub(super) const NO_MAIL: &str = "No mail is sent here. Ask whoever runs this site for a link.";
