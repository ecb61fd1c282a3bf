//! `POST /auth/signin`, and `POST /auth/login` for OAuth2 password clients.

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::accounts::SignIn;
use crate::sessions::Issued;
use crate::tokens::Holder;
use crate::web::Answer;

impl Auth {
    /// Starts a session.
    pub(super) async fn sign_in(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let issued = self.authenticate(call, "email").await?;
        let answer = if call.from_page {
            let answer = reply::see_other(call.fields.next().as_str());
            self.with_tokens(answer, &issued, call.peer.secure)
        } else {
            self.signed_in(&issued, call.peer.secure)
        };
        Ok(self.with_device(answer, call, Holder::of(&issued.user)))
    }

    /// The same under OAuth2's names (RFC 6749 section 4.3). `grant_type` and `scope` are not looked at, as FastAPI does.
    pub(super) async fn login(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let issued = self.authenticate(call, "username").await?;
        let answer = self.granted(&issued, call.peer.secure);
        Ok(self.with_device(answer, call, Holder::of(&issued.user)))
    }

    async fn authenticate(&self, call: &Call<'_>, email: &str) -> Result<Issued, Failure> {
        let input = call.fields.sign_in(email)?;
        let known = match (self.device_token(call), &input.email) {
            (Some(token), Some(email)) => self.services.accounts.known_device(token, email.key()).await?,
            _ => None,
        };
        let attempt = SignIn {
            email: input.email,
            password: input.password,
            device: call.device(),
            known,
            replaces: self.named_sessions(call),
        };
        Ok(self.services.accounts.sign_in(attempt).await?)
    }
}
