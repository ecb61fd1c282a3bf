//! `GET /auth/sessions`, `DELETE /auth/sessions/{id}` and `POST /auth/signout/all`: a user's own sessions.

use serde_json::{Value, json};

use super::failure::Failure;
use super::handle::Call;
use super::me::Caller;
use super::{Auth, reply};
use crate::types::SessionId;
use crate::web::{Answer, Code, Problem, agent};

impl Auth {
    /// The sessions of who asks, the last used one first.
    pub(super) async fn list_sessions(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let sessions = self.services.sessions.living(caller.user.id).await?;
        let listed = sessions.iter().map(|session| {
            json!({
                "id": session.id.to_string(),
                "created_at": session.started.rfc3339(),
                "last_used_at": session.last_used().rfc3339(),
                "address": session.address.map(|address| address.to_string()),
                "device": agent::name(&session.agent),
                "current": session.id == caller.session,
            })
        });
        Ok(reply::json(&Value::Array(listed.collect())))
    }

    /// Ends a session of who asks. Another user's is answered like one that never was, and like what is no id.
    pub(super) async fn end_session(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        let is_own = self.end_named(call, &caller, call.id).await?;
        let answer = reply::json(&json!({"status": "ok", "message": "Session ended."}));
        Ok(if is_own { self.without_tokens(answer, call.peer.secure) } else { answer })
    }

    /// Ends the session of this id; gives whether it was the one that asks.
    pub(super) async fn end_named(
        &self,
        call: &Call<'_>,
        caller: &Caller,
        id: &str,
    ) -> Result<bool, Failure> {
        let ended = match SessionId::parse(id) {
            Some(id) => self.services.sessions.end_own(caller.actor(call), id).await?.then_some(id),
            None => None,
        };
        match ended {
            Some(id) => Ok(id == caller.session),
            None => Err(Problem::new(Code::NotFound).detail("There is no such session.").into()),
        }
    }

    /// Ends all sessions of who asks. When that can't be written down it is said, and the cookies stay, so that it can
    /// be tried again.
    pub(super) async fn sign_out_everywhere(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        self.services.sessions.end_all_own(caller.actor(call)).await?;
        let answer = if call.from_page {
            reply::see_other("/auth/login")
        } else {
            reply::json(&json!({"status": "ok", "message": "Signed out everywhere."}))
        };
        Ok(self.without_tokens(answer, call.peer.secure))
    }
}
