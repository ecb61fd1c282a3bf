//! `PATCH /auth/me` and `POST /auth/password`: what a user changes of their own account.

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::me::Caller;
use super::{Auth, reply};
use crate::accounts::OwnChange;
use crate::sessions::Actor;
use crate::tokens::Holder;
use crate::web::Answer;

impl Auth {
    /// The record of who asks, as they want it.
    pub(super) async fn change_me(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let input = call.fields.own_change()?;
        let (by, proves) = (self.prover(&caller, call), input.email.is_some());
        let change = OwnChange { username: input.username, email: input.email };
        let user = self.services.accounts.change_own(by, change).await?;
        // By another address it would be a stranger from now on.
        let of = Holder::of(&user).filter(|_| proves && by.device.is_some());
        Ok(self.with_device(reply::user(&user), call, of))
    }

    /// Another password for who asks. This session stays, and every other one is over.
    pub(super) async fn change_password(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let input = call.fields.password_change()?;
        let (by, keep) = (self.prover(&caller, call), caller.session);
        let password = self.services.accounts.change_password(by, input.current, input.new, keep).await?;
        let answer = reply::json(&json!({
            "status": "ok",
            "message": "The new password is set. Every other session of this account has ended.",
        }));
        // All known browsers are strangers to the new password, save the one in which it was set.
        let of = Holder { uid: by.uid, account: caller.user.email.key(), password: &password };
        Ok(self.with_device(answer, call, by.device.map(|_| of)))
    }

    /// Who asks, for what takes their password: in a browser that is known, a stranger's guesses don't keep them from it.
    fn prover(&self, caller: &Caller, call: &Call<'_>) -> Actor {
        let device = Holder::of(&caller.user).and_then(|holder| self.known_device(call, holder));
        Actor { device, ..caller.actor(call) }
    }
}
