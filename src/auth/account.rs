//! `PATCH /auth/me` and `POST /auth/password`: what a user changes of their own account.

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::me::Caller;
use super::{Auth, reply};
use crate::accounts::OwnChange;
use crate::sessions::Actor;
use crate::web::Answer;

impl Auth {
    /// The record of who asks, as they want it.
    pub(super) async fn change_me(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let input = call.fields.own_change()?;
        let change = OwnChange { username: input.username, email: input.email };
        Ok(reply::user(&self.services.accounts.change_own(self.prover(&caller, call), change).await?))
    }

    /// Another password for who asks. This session stays, and every other one is over.
    pub(super) async fn change_password(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let input = call.fields.password_change()?;
        let (by, keep) = (self.prover(&caller, call), caller.session);
        self.services.accounts.change_password(by, input.current, input.new, keep).await?;
        Ok(reply::json(&json!({
            "status": "ok",
            "message": "The new password is set. Every other session of this account has ended.",
        })))
    }

    /// Who asks, for what takes their password: in a browser that is known, a stranger's guesses don't keep them from it.
    fn prover(&self, caller: &Caller, call: &Call<'_>) -> Actor {
        Actor { device: self.known_device(call, caller.user.email.key()), ..caller.actor(call) }
    }
}
