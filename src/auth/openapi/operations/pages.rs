//! Pages for people; their forms are posted to the operations of the other files.

use super::{BODY, BUSY, Body, Gives, LIMITED, NEXT, Operation, PLAIN, SetCookie, Tag};
use crate::web::Code;

const PAGE: Operation =
    Operation { tag: Tag::Pages, gives: Gives::Page, fails: &[&[Code::Internal]], ..PLAIN };

pub(super) const LOGIN_PAGE: Operation = Operation {
    id: "showSignInPage",
    about: "Always the form, whoever asks. A session whose access token is over is renewed in passing.",
    query: &[NEXT, ("done", "`reset`: a new password has just been set, and the page says so.")],
    cookies: SetCookie::Tokens,
    ..PAGE
};

pub(super) const SIGN_UP_PAGE: Operation = Operation { id: "showSignUpPage", query: &[NEXT], ..PAGE };

pub(super) const RESET_PAGE: Operation = Operation {
    id: "showResetPage",
    about: "Nothing is looked up and nothing used: programs open links of mails before people do.",
    query: &[("token", "The link's token.")],
    ..PAGE
};

/// Of whom the page says that a mail is on its way.
const SENT: (&str, &str) = ("done", "`sent`: a mail was just asked for, and the page says so.");

pub(super) const FORGOT_PAGE: Operation = Operation { id: "showForgotPage", query: &[SENT], ..PAGE };

pub(super) const PROOF_PAGE: Operation = Operation {
    id: "showVerifyEmailPage",
    about: "Nothing is looked up and nothing used: programs open links of mails before people do. Without a token another mail can \
            be asked for; whoever has nothing to prove is led on.",
    query: &[("token", "The link's token."), NEXT, SENT],
    gives: Gives::PageFor("Who is signed in and has nothing to prove is led on."),
    cookies: SetCookie::Tokens,
    ..PAGE
};

pub(super) const ACCOUNT_PAGE: Operation = Operation {
    id: "showAccountPage",
    query: &[(
        "done",
        "What was just changed, and the page says so: `name`, `email`, `password`, `session`.",
    )],
    gives: Gives::PageFor("Who is not signed in is led to the sign-in page."),
    cookies: SetCookie::Tokens,
    ..PAGE
};

pub(super) const ACCOUNT_FORM: Operation = Operation {
    id: "postAccountPage",
    about: "For the page's forms, which can only post; programs have `PATCH /auth/me` and `DELETE /auth/sessions/{id}`.",
    body: Body::Form("AccountForm"),
    gives: Gives::Onward,
    cookies: SetCookie::Tokens,
    fails: &[
        &[Code::MissingField, Code::WrongPassword, Code::NotFound, Code::EmailTaken],
        BODY,
        LIMITED,
        BUSY,
    ],
    ..PAGE
};
