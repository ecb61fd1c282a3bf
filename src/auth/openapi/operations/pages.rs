//! Pages for people; their forms are posted to the operations of the other files.

use super::{Gives, NEXT, Operation, PLAIN, SetCookie, Tag};
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
