//! What each handler takes, gives and can't do: one arm for each, so that none is without a description. The descriptions
//! are in a file for each group.

use serde_json::{Value, json};

use crate::auth::Handler;
use crate::web::Code;

mod account;
mod gate;
mod mails;
mod pages;
mod sessions;

/// An operation, beside what its row in the table says.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    /// Its name in clients that are made from the document.
    pub(super) id: &'static str,
    pub(super) tag: Tag,
    /// What its summary does not say.
    pub(super) about: &'static str,
    pub(super) asks: Asks,
    /// Its query's fields, each with what it is for.
    pub(super) query: &'static [(&'static str, &'static str)],
    pub(super) body: Body,
    pub(super) gives: Gives,
    pub(super) cookies: SetCookie,
    /// What its answers can say beside what holds for all: see `answers`.
    pub(super) fails: &'static [&'static [Code]],
}

/// Which tokens an operation looks at that anyone may call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    Refresh,
    /// Those that are there.
    Any,
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    None,
    /// JSON or a form with the fields of a schema.
    Fields(&'static str),
    /// The same, and from a page `next`: it leads on to there, signed in.
    LeadsOn(&'static str),
    /// A form, as a standard of others has it.
    Form(&'static str),
    /// A refresh token, where the browser does not keep it: in body delivery.
    RefreshToken,
}

/// What comes where all is well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// JSON: what it is, and its schema.
    Json(&'static str, &'static str),
    /// JSON with an entity tag; 304 for who has it.
    Tagged(&'static str, &'static str),
    /// A page for people.
    Page,
    /// The same, or the way to another one, for whom it is not.
    PageFor(&'static str),
    /// The way to a page, alone.
    Onward,
}

/// What becomes of the cookies where all is well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SetCookie {
    Nothing,
    /// The tokens'.
    Tokens,
    /// The one by which a browser is known again.
    Device,
    /// The tokens', cleared.
    Clear,
}

/// A group of operations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Session,
    Account,
    Gate,
    Pages,
}

/// A body was read, and could not be taken.
const BODY: &[Code] = &[
    Code::Malformed,
    Code::RequestTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::InvalidValue,
];
/// The store was asked, or a password hashed.
const BUSY: &[Code] = &[Code::Unavailable, Code::Internal];
const LIMITED: &[Code] = &[Code::TooManyRequests];
/// No good token came.
pub(super) const TOKEN: &[Code] = &[Code::NotAuthenticated, Code::TokenExpired, Code::InvalidToken];

/// The field of a page's that says where it leads on to.
pub(super) const NEXT: (&str, &str) =
    ("next", "Where to go on to: a path of this site. Anything else is `/`.");

const PLAIN: Operation = Operation {
    id: "",
    tag: Tag::Account,
    about: "",
    asks: Asks::Nothing,
    query: &[],
    body: Body::None,
    gives: Gives::Json("Done.", "Done"),
    cookies: SetCookie::Nothing,
    fails: &[],
};

impl Operation {
    /// What is said of a handler.
    pub(super) const fn of(handler: Handler) -> Self {
        match handler {
            Handler::SignUp => account::SIGN_UP,
            Handler::SignIn => sessions::SIGN_IN,
            Handler::Login => sessions::LOGIN,
            Handler::Refresh => sessions::REFRESH,
            Handler::SignOut => sessions::SIGN_OUT,
            Handler::SignOutAll => sessions::SIGN_OUT_ALL,
            Handler::Me => account::ME,
            Handler::ChangeMe => account::CHANGE_ME,
            Handler::Password => account::PASSWORD,
            Handler::PasswordForgot => mails::PASSWORD_FORGOT,
            Handler::PasswordReset => mails::PASSWORD_RESET,
            Handler::EmailVerify => mails::EMAIL_VERIFY,
            Handler::EmailResend => mails::EMAIL_RESEND,
            Handler::Sessions => sessions::SESSIONS,
            Handler::EndSession => sessions::END_SESSION,
            Handler::Health => gate::HEALTH,
            Handler::KeySet => gate::KEY_SET,
            Handler::OpenApi => gate::OPEN_API,
            Handler::LoginPage => pages::LOGIN_PAGE,
            Handler::SignUpPage => pages::SIGN_UP_PAGE,
            Handler::ForgotPage => pages::FORGOT_PAGE,
            Handler::ResetPage => pages::RESET_PAGE,
            Handler::ProofPage => pages::PROOF_PAGE,
            Handler::AccountPage => pages::ACCOUNT_PAGE,
            Handler::AccountForm => pages::ACCOUNT_FORM,
        }
    }
}

impl Tag {
    pub(super) const ALL: [Self; 4] = [Self::Session, Self::Account, Self::Gate, Self::Pages];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Session => "sessions",
            Self::Account => "account",
            Self::Gate => "gate",
            Self::Pages => "pages",
        }
    }

    pub(super) fn is_used(self, pages: bool) -> bool {
        self != Self::Pages || pages
    }

    pub(super) fn described(self) -> Value {
        let about = match self {
            Self::Session => "Starting, renewing and ending sessions",
            Self::Account => "A user's own account",
            Self::Gate => "What programs ask the gate itself",
            Self::Pages => "Pages for people, which work without JavaScript",
        };
        json!({ "name": self.name(), "description": about })
    }
}
