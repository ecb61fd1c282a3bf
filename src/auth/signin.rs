//! `POST /auth/signin`, and `POST /auth/login` for OAuth2 password clients.

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::accounts::SignIn;
use crate::sessions::Issued;
use crate::types::DeviceId;
use crate::web::Answer;

/// Somebody who has just proved who they are.
struct Entered {
    issued: Issued,
    /// Their browser, if it was known before.
    known: Option<DeviceId>,
}

impl Auth {
    /// Starts a session.
    pub(super) async fn sign_in(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let entered = self.authenticate(call, "email").await?;
        let answer = if call.from_page {
            let answer = reply::see_other(call.fields.next().as_str());
            self.with_tokens(answer, &entered.issued, call.peer.secure)
        } else {
            self.signed_in(&entered.issued, call.peer.secure)
        };
        Ok(self.remembered(answer, call, &entered))
    }

    /// The same under OAuth2's names (RFC 6749 section 4.3). `grant_type` and `scope` are not looked at, as FastAPI does.
    pub(super) async fn login(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let entered = self.authenticate(call, "username").await?;
        let answer = self.granted(&entered.issued, call.peer.secure);
        Ok(self.remembered(answer, call, &entered))
    }

    async fn authenticate(&self, call: &Call<'_>, email: &str) -> Result<Entered, Failure> {
        let input = call.fields.sign_in(email)?;
        let known = input.email.as_ref().and_then(|email| self.known_device(call, email.key()));
        let attempt = SignIn {
            email: input.email,
            password: input.password,
            device: call.device(),
            known,
            replaces: self.named_sessions(call),
        };
        Ok(Entered { issued: self.services.accounts.sign_in(attempt).await?, known })
    }

    fn remembered(&self, answer: Answer, call: &Call<'_>, entered: &Entered) -> Answer {
        self.with_device(answer, entered.issued.user.email.key(), entered.known, call.peer.secure)
    }
}
