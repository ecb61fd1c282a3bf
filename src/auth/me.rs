//! `GET /auth/me`, and who is signed in.

use super::failure::Failure;
use super::handle::Call;
use super::{Auth, reply};
use crate::sessions::{Actor, Issued};
use crate::store::User;
use crate::types::SessionId;
use crate::web::{Answer, Code, Problem};

impl Auth {
    /// The record of who asks.
    pub(super) async fn me(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        Ok(reply::user(&self.who(call).await?))
    }

    /// Who looks at a page, and their new pair of tokens where their session was renewed in passing (contract
    /// section 5: silent renewal holds for the pages, too).
    pub(super) async fn visitor(&self, call: &Call<'_>) -> (Option<User>, Option<Issued>) {
        let headers = &call.head.headers;
        let problem = match self.who(call).await {
            Ok(user) => return (Some(user), None),
            Err(problem) => problem,
        };
        let Some(token) = self.credentials.renewal(headers, problem.code()) else { return (None, None) };
        let issued = self.services.sessions.refresh(token, call.peer.address).await.ok();
        (issued.as_ref().map(|issued| issued.user.clone()), issued)
    }

    /// The user whose access token comes with a request, as they are now.
    pub(super) async fn who(&self, call: &Call<'_>) -> Result<User, Problem> {
        Ok(self.caller(call).await?.user)
    }

    /// The same, with the session that they are in.
    pub(super) async fn caller(&self, call: &Call<'_>) -> Result<Caller, Problem> {
        let services = &self.services;
        let Some(token) = self.credentials.access(&call.head.headers).token() else {
            return Err(Code::NotAuthenticated.into());
        };
        let claims = services.tokens.verify_access(token, services.clock.now())?;
        if services.sessions.revocations().is_revoked(claims.session) {
            return Err(Code::InvalidToken.into());
        }
        // From now on the refresh token before this one's pair is a stolen one (contract section 5).
        if let Err(error) = services.sessions.note_presented(claims.session, claims.generation).await {
            tracing::warn!(%error, "the use of a new access token could not be noted");
        }
        let user = services.accounts.user(claims.user).await?;
        let user = user.filter(|user| user.active).ok_or(Code::InvalidToken)?;
        Ok(Caller { user, session: claims.session })
    }
}

/// Who asks, and in which session of theirs.
pub(super) struct Caller {
    pub(super) user: User,
    pub(super) session: SessionId,
}

impl Caller {
    /// For what is written down of what they do.
    pub(super) const fn actor(&self, call: &Call<'_>) -> Actor {
        Actor { uid: self.user.id, address: call.peer.address, device: None }
    }
}
