//! `/auth/account`: what users see and change of their own account without a program's help. Forms can only post, so
//! what the API has as PATCH and DELETE is posted here.

use http::StatusCode;
use serde::Serialize;

use super::Form;
use crate::auth::failure::Failure;
use crate::auth::handle::Call;
use crate::auth::me::Caller;
use crate::auth::{Auth, reply};
use crate::types::Timestamp;
use crate::web::{Answer, Code, Problem, agent};

/// What the page shows.
#[derive(Serialize)]
struct View<'a> {
    /// Why nothing was changed.
    error: Option<&'a str>,
    /// What was.
    done: Option<&'static str>,
    username: &'a str,
    email: &'a str,
    /// Whether they may be asked to confirm their address, and have not yet.
    unproven: bool,
    sessions: Vec<Row>,
}

/// A session of theirs.
#[derive(Serialize)]
struct Row {
    id: String,
    device: String,
    address: Option<String>,
    last_used: String,
    last_used_shown: String,
    current: bool,
}

/// What a form of the page asks for, by its field `do`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Another name or address.
    Change(&'static str),
    EndSession,
}

impl Wish {
    fn of(call: &Call<'_>) -> Result<Self, Problem> {
        match call.fields.shown("do") {
            "name" => Ok(Self::Change("/auth/account?done=name")),
            "email" => Ok(Self::Change("/auth/account?done=email")),
            "end-session" => Ok(Self::EndSession),
            _ => {
                Err(Problem::new(Code::InvalidValue).detail("Nothing is called like what the form asks for."))
            }
        }
    }
}

fn done(call: &Call<'_>) -> Option<&'static str> {
    match call.fields.shown("done") {
        "name" => Some("Your name is changed."),
        "email" => Some("Your email address is changed."),
        "password" => Some("Your password is changed. You are signed out everywhere else."),
        "session" => Some("That session has ended."),
        _ => None,
    }
}

impl Auth {
    /// `GET /auth/account`; who is not signed in is led to do so first.
    pub(in crate::auth) async fn account_page(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        match self.page_caller(call).await {
            Some(caller) => {
                let page = self.account(&caller, StatusCode::OK, None, done(call)).await?;
                Ok(self.renewed(page, &caller, call))
            }
            None => Ok(reply::see_other("/auth/login?next=%2Fauth%2Faccount")),
        }
    }

    /// `POST /auth/account`
    pub(in crate::auth) async fn account_form(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.caller(call).await?;
        match Wish::of(call)? {
            Wish::Change(then) => self.change_from_page(call, &caller, then).await,
            Wish::EndSession => {
                let is_own = self.end_named(call, &caller, call.fields.shown("id")).await?;
                Ok(if is_own {
                    self.without_tokens(reply::see_other("/auth/login"), call.peer.secure)
                } else {
                    self.renewed(reply::see_other("/auth/account?done=session"), &caller, call)
                })
            }
        }
    }

    /// The page once more, with why nothing was changed; who is not signed in any more is told so by the sign-in page.
    pub(super) async fn account_again(&self, call: &Call<'_>, problem: &Problem) -> Result<Answer, Problem> {
        let Some(caller) = self.page_caller(call).await else { return Err(problem.clone()) };
        let status = problem.code().status();
        let page = self.account(&caller, status, Some(problem.text()), None).await?;
        Ok(self.renewed(page, &caller, call))
    }

    async fn account(
        &self,
        caller: &Caller,
        status: StatusCode,
        error: Option<&str>,
        done: Option<&'static str>,
    ) -> Result<Answer, Problem> {
        let user = &caller.user;
        let sessions = self.services.sessions.living(user.id).await?;
        let rows = sessions.iter().map(|session| Row {
            id: session.id.to_string(),
            device: agent::name(&session.agent),
            address: session.address.map(|address| address.to_string()),
            last_used: session.last_used().rfc3339(),
            last_used_shown: shown(session.last_used()),
            current: session.id == caller.session,
        });
        let view = View {
            error,
            done,
            username: user.username.as_str(),
            email: user.email.as_str(),
            unproven: self.services.accounts.asks_for_proof() && !user.email_verified,
            sessions: rows.collect(),
        };
        self.page(Form::Account, status, &view)
    }
}

/// As people read it: to the minute, and of which zone.
fn shown(time: Timestamp) -> String {
    let text = time.rfc3339();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => text,
    }
}
