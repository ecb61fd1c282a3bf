//! `PATCH /auth/me` and `POST /auth/password`: what a user changes of their own account.

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::me::Caller;
use super::{Auth, reply};
use crate::accounts::OwnChange;
use crate::sessions::Actor;
use crate::store::User;
use crate::tokens::Holder;
use crate::web::Answer;

impl Auth {
    /// The record of who asks, as they want it.
    pub(super) async fn change_me(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let user = self.change_of(call, &caller).await?;
        Ok(self.known_still(reply::user(&user), call, &caller, &user))
    }

    /// The same from the account's page, which leads on to where it says so.
    pub(super) async fn change_from_page(
        &self,
        call: &Call<'_>,
        caller: &Caller,
        then: &str,
    ) -> Result<Answer, Failure> {
        let user = self.change_of(call, caller).await?;
        let answer = self.renewed(reply::see_other(then), caller, call);
        Ok(self.known_still(answer, call, caller, &user))
    }

    async fn change_of(&self, call: &Call<'_>, caller: &Caller) -> Result<User, Failure> {
        let input = call.fields.own_change()?;
        let change = OwnChange { username: input.username, email: input.email };
        Ok(self.services.accounts.change_own(self.prover(caller, call), change).await?)
    }

    /// By another address a known browser would be a stranger from now on.
    fn known_still(&self, answer: Answer, call: &Call<'_>, before: &Caller, now: &User) -> Answer {
        let is_other = before.user.email.key() != now.email.key();
        let was_known = self.prover(before, call).device.is_some();
        self.with_device(answer, call, Holder::of(now).filter(|_| is_other && was_known))
    }

    /// Another password for who asks. This session stays, and every other one is over.
    pub(super) async fn change_password(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let input = call.fields.password_change()?;
        let (by, keep) = (self.prover(&caller, call), caller.session);
        let password = self.services.accounts.change_password(by, input.current, input.new, keep).await?;
        let answer = if call.from_page {
            reply::see_other("/auth/account?done=password")
        } else {
            reply::json(&json!({
                "status": "ok",
                "message": "The new password is set. Every other session of this account has ended.",
            }))
        };
        let answer = self.renewed(answer, &caller, call);
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
