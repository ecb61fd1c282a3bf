//! `POST /auth/signup`

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, proof, reply};
use crate::accounts::{SignUp, SignedUp};
use crate::tokens::Holder;
use crate::web::{Answer, Code};

/// With `signup.email_verification`, whether the address is known or not.
const UNSAID: &str = "If this address can be used here, a mail is on its way to it. Open the link in it to confirm the address.";

impl Auth {
    /// Makes a user. From a page it leads on as a user who is signed in; a program signs in by itself.
    pub(super) async fn sign_up(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let accounts = &self.services.accounts;
        // Before anything is said about the fields.
        if !accounts.is_sign_up_open() {
            return Err(Code::SignupClosed.into());
        }
        let input = call.fields.sign_up()?;
        let new = SignUp {
            email: input.email,
            username: input.username,
            password: input.password,
            address: call.peer.address,
        };
        let user = match accounts.sign_up(new).await? {
            SignedUp::User(user) => user,
            SignedUp::Unsaid if call.from_page => return Ok(reply::see_other(&proof::sent(call))),
            SignedUp::Unsaid => return Ok(reply::json(&json!({"status": "ok", "message": UNSAID}))),
        };
        if call.from_page {
            let issued = accounts.enter(&user, call.device(), &self.named_sessions(call)).await?;
            let answer = reply::see_other(call.fields.next().as_str());
            let answer = self.with_tokens(answer, &issued, call.peer.secure);
            return Ok(self.with_device(answer, call, Holder::of(&issued.user)));
        }
        Ok(reply::json(&json!({"status": "ok", "message": "Signup successful.", "uid": user.id.number()})))
    }
}
