//! `POST /auth/signin`, and `POST /auth/login` for OAuth2 password clients.

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::accounts::SignIn;
use crate::sessions::Issued;
use crate::web::Answer;

impl Auth {
    /// Starts a session.
    pub(super) async fn sign_in(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let issued = self.authenticate(call, "email").await?;
        if call.from_page {
            let answer = reply::see_other(call.fields.next().as_str());
            return Ok(self.with_tokens(answer, &issued, call.peer.secure));
        }
        Ok(self.signed_in(&issued, call.peer.secure))
    }

    /// The same under OAuth2's names (RFC 6749 section 4.3). `grant_type` and `scope` are not looked at, as FastAPI does.
    pub(super) async fn login(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let issued = self.authenticate(call, "username").await?;
        Ok(self.granted(&issued, call.peer.secure))
    }

    async fn authenticate(&self, call: &Call<'_>, email: &str) -> Result<Issued, Failure> {
        let input = call.fields.sign_in(email)?;
        let attempt = SignIn {
            email: input.email,
            password: input.password,
            device: call.device(),
            replaces: self.named_sessions(call),
        };
        Ok(self.services.accounts.sign_in(attempt).await?)
    }
}
