//! `POST /auth/email/verify` and `POST /auth/email/resend`: an address is proven by a mailed link, together with the
//! account's session or password.

use serde_json::json;

use super::failure::Failure;
use super::forgot::NO_MAIL;
use super::handle::Call;
use super::pages::with_next;
use super::{Auth, reply};
use crate::accounts::ProofError;
use crate::sessions::Actor;
use crate::tokens::{Holder, OneTimeToken};
use crate::types::Password;
use crate::web::Answer;

impl Auth {
    /// Proves the address that a link was mailed to.
    pub(super) async fn verify_email(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let input = call.fields.proof()?;
        if let Some(password) = input.password {
            return self.verify_by_password(call, input.token, &password).await;
        }
        let caller = self.caller(call).await?;
        self.services.accounts.prove_in_session(caller.actor(call), input.token).await?;
        Ok(self.renewed(confirmed(call), &caller, call))
    }

    /// From a page it signs in as well: the password was just given.
    async fn verify_by_password(
        &self,
        call: &Call<'_>,
        token: Option<OneTimeToken>,
        password: &Password,
    ) -> Result<Answer, Failure> {
        let (accounts, address) = (&self.services.accounts, call.peer.address);
        let owner = accounts.proof_owner(token.as_ref(), address).await?;
        let token = token.ok_or(ProofError::BadToken)?;
        let device = Holder::of(&owner).and_then(|holder| self.known_device(call, holder));
        let by = Actor { uid: owner.id, address, device };
        let user = accounts.prove_with_password(by, token, password).await?;
        let answer = confirmed(call);
        if !call.from_page {
            return Ok(answer);
        }
        let issued = accounts.enter(&user, call.device(), &self.named_sessions(call)).await?;
        let answer = self.with_tokens(answer, &issued, call.peer.secure);
        Ok(self.with_device(answer, call, Holder::of(&issued.user)))
    }

    /// Has another link mailed: to an address, whoever asks, or to the one of who is signed in.
    pub(super) async fn resend_proof(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let (accounts, address) = (&self.services.accounts, call.peer.address);
        let caller = if call.fields.has("email") {
            accounts.ask_for_proof(call.fields.address()?, address).await?;
            None
        } else {
            let caller = self.caller(call).await?;
            accounts.ask_for_own_proof(caller.user.id, address).await?;
            Some(caller)
        };
        let answer = if call.from_page {
            reply::see_other(&sent(call))
        } else {
            let message = if accounts.sends_mail() {
                "If this address is yet to be confirmed, a link is mailed to it."
            } else {
                NO_MAIL
            };
            reply::json(&json!({"status": "ok", "message": message}))
        };
        Ok(match caller {
            Some(caller) => self.renewed(answer, &caller, call),
            None => answer,
        })
    }
}

/// The page that says that a mail is on its way.
pub(super) fn sent(call: &Call<'_>) -> String {
    with_next("/auth/verify-email?done=sent", &call.fields.next())
}

fn confirmed(call: &Call<'_>) -> Answer {
    if call.from_page {
        return reply::see_other(call.fields.next().as_str());
    }
    reply::json(&json!({"status": "ok", "message": "The address is confirmed."}))
}
