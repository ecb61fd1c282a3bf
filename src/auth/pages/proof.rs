//! `/auth/verify-email`: what a mailed link leads to, and where another one is asked for.

use http::StatusCode;

use super::{CUT, Form, View};
use crate::auth::failure::Failure;
use crate::auth::handle::Call;
use crate::auth::me::Caller;
use crate::auth::{Auth, reply};
use crate::web::{Answer, Code, Problem};

impl Auth {
    /// `GET /auth/verify-email`: with a link's token a form to confirm with, whatever it is good for; nothing is looked up
    /// and nothing used, since programs that look for malice in mails open their links before people do. Without one,
    /// where another mail is asked for; who has nothing to prove is led on.
    pub(in crate::auth) async fn proof_page(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let caller = self.page_caller(call).await;
        let next = call.fields.next();
        match &caller {
            Some(caller) if caller.user.email_verified && call.fields.shown("token").is_empty() => {
                Ok(self.renewed(reply::see_other(next.as_str()), caller, call))
            }
            _ => Ok(self.proof_form(call, caller.as_ref(), StatusCode::OK, None)?),
        }
    }

    /// The same page with what is wrong.
    pub(super) async fn proof_again(&self, call: &Call<'_>, problem: &Problem) -> Result<Answer, Problem> {
        let caller = self.page_caller(call).await;
        self.proof_form(call, caller.as_ref(), problem.code().status(), Some(problem))
    }

    fn proof_form(
        &self,
        call: &Call<'_>,
        caller: Option<&Caller>,
        status: StatusCode,
        problem: Option<&Problem>,
    ) -> Result<Answer, Problem> {
        let next = call.fields.next();
        let mut view = View { error: problem.map(Problem::text), ..self.view(call, &next) };
        let is_cut = view.token.is_empty() && !call.fields.shown("token").is_empty();
        if problem.is_none() && is_cut {
            view.error = Some(CUT);
        }
        if problem.is_some_and(|problem| problem.code() == Code::BadProofToken) {
            // Another password would not help.
            view.token = "";
        }
        let Some(caller) = caller else { return self.page(Form::Proof, status, &view) };
        view.signed_in_as = Some(caller.user.username.as_str().to_owned());
        view.email = caller.user.email.as_str();
        let page = self.page(Form::Proof, status, &view)?;
        Ok(self.renewed(page, caller, call))
    }
}
