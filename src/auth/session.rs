//! `POST /auth/refresh` and `POST /auth/signout`

use serde_json::json;

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::config::settings::Delivery;
use crate::gate::credential::Credential;
use crate::web::{Answer, Code, Problem};

impl Auth {
    /// A new pair for the holder of a refresh token.
    pub(super) async fn refresh(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let Credential::Presented(token) = self.presented_refresh(call)? else {
            return Err(Failure::clearing(Code::NotAuthenticated.into()));
        };
        let issued = self.services.sessions.refresh(token, call.peer.address).await?;
        Ok(self.signed_in(&issued, call.peer.secure))
    }

    /// Ends every session that the request's tokens name. When that can't be written down it is said, and the
    /// cookies stay, so that it can be tried again.
    pub(super) async fn sign_out(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let sessions = self.named_sessions(call);
        self.services.accounts.sign_out(&sessions, call.peer.address).await.map_err(Problem::from)?;
        let answer = if call.from_page {
            reply::see_other("/auth/login")
        } else {
            reply::json(&json!({"status": "ok", "message": "Signed out."}))
        };
        Ok(self.without_tokens(answer, call.peer.secure))
    }

    /// The refresh token: of its cookie, or in body delivery of the body. Two that differ are none.
    pub(super) fn presented_refresh<'a>(&self, call: &'a Call<'_>) -> Result<Credential<'a>, Problem> {
        let cookie = self.credentials.refresh(&call.head.headers);
        if self.delivery == Delivery::Cookie {
            return Ok(cookie);
        }
        Ok(match (cookie, call.fields.text("refresh_token")?) {
            (cookie, None) => cookie,
            (Credential::Absent, Some(token)) => Credential::Presented(token),
            (Credential::Presented(cookie), Some(token)) if cookie == token => Credential::Presented(token),
            (Credential::Presented(_) | Credential::Ambiguous, Some(_)) => Credential::Ambiguous,
        })
    }
}
