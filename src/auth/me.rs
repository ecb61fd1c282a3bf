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

    /// The user whose access token comes with a request, as they are now.
    pub(super) async fn who(&self, call: &Call<'_>) -> Result<User, Problem> {
        Ok(self.caller(call).await?.user)
    }

    /// The same, with the session that they are in. For who posted a page's form it is renewed in passing where its access
    /// token is over, as when the page was opened: see [`Auth::renewed`].
    pub(super) async fn caller(&self, call: &Call<'_>) -> Result<Caller, Problem> {
        match self.present_caller(call).await {
            Err(problem) if call.from_page => self.renewed_caller(call, &problem).await.ok_or(problem),
            present => present,
        }
    }

    /// Who looks at a page, if they are signed in; their session is renewed in passing (contract section 5: silent
    /// renewal holds for the pages, too), and their new tokens belong on the answer.
    pub(super) async fn page_caller(&self, call: &Call<'_>) -> Option<Caller> {
        match self.present_caller(call).await {
            Ok(caller) => Some(caller),
            Err(problem) => self.renewed_caller(call, &problem).await,
        }
    }

    async fn renewed_caller(&self, call: &Call<'_>, because: &Problem) -> Option<Caller> {
        let token = self.credentials.renewal(&call.head.headers, because.code())?;
        let issued = self.services.sessions.refresh(token, call.peer.address).await.ok()?;
        Some(Caller {
            user: issued.user.clone(),
            session: issued.session.id,
            renewed: Some(Box::new(issued)),
        })
    }

    /// Puts the tokens of a session that was renewed in passing on an answer.
    pub(super) fn renewed(&self, answer: Answer, caller: &Caller, call: &Call<'_>) -> Answer {
        match &caller.renewed {
            Some(issued) => self.with_tokens(answer, issued, call.peer.secure),
            None => answer,
        }
    }

    async fn present_caller(&self, call: &Call<'_>) -> Result<Caller, Problem> {
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
        Ok(Caller { user, session: claims.session, renewed: None })
    }
}

/// Who asks, and in which session of theirs.
pub(super) struct Caller {
    pub(super) user: User,
    pub(super) session: SessionId,
    /// Their new tokens, where the session was renewed in passing.
    pub(super) renewed: Option<Box<Issued>>,
}

impl Caller {
    /// For what is written down of what they do.
    pub(super) const fn actor(&self, call: &Call<'_>) -> Actor {
        Actor { uid: self.user.id, address: call.peer.address, device: None }
    }
}
