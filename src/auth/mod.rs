//! `/auth/*`: the table of its routes, and what answers them.
//!
//! `handle` finds the row and does what holds for all of them, `input` reads what was sent, a file for each group
//! of endpoints says what becomes of it, and `reply` writes the answer.

use std::time::Duration;

use http::Method;

use crate::accounts::Accounts;
use crate::config::settings::{Delivery, Settings};
use crate::gate::credential::Credentials;
use crate::gate::origin::Origins;
use crate::sessions::Sessions;
use crate::tokens::Tokens;
use crate::types::Clock;
use crate::web::cookies::CookieWriter;

mod account;
mod body;
mod failure;
mod forgot;
mod handle;
mod input;
mod me;
pub mod openapi;
mod pages;
mod proof;
mod public;
mod reply;
mod reset;
mod session;
mod sessions;
mod signin;
mod signup;

use pages::{Form, Pages};

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Route {
    /// How it is called. GET answers HEAD as well.
    pub method: Method,
    /// Where. `{id}` at its end stands for one segment that is not empty.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// When it is there at all.
    pub when: When,
    /// What answers.
    pub handler: Handler,
    /// What it is for.
    pub doc: &'static str,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Anyone,
    /// The holder of a good access token; all others get 401.
    SignedIn,
}

/// When a route is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// With `delivery = "body"`.
    BodyDelivery,
    /// With `pages.enabled`.
    Pages,
}

/// What answers a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what the table says")]
pub enum Handler {
    SignUp,
    SignIn,
    Login,
    Refresh,
    SignOut,
    SignOutAll,
    Me,
    ChangeMe,
    Password,
    Sessions,
    EndSession,
    PasswordForgot,
    PasswordReset,
    EmailVerify,
    EmailResend,
    Health,
    KeySet,
    OpenApi,
    LoginPage,
    SignUpPage,
    ForgotPage,
    ResetPage,
    ProofPage,
    AccountPage,
    AccountForm,
}

impl Route {
    /// What a path says in the place of `{id}`, as it was sent, or nothing where there is no such place. `None`:
    /// it is another path. Nothing is decoded: what an id could look like only then is none.
    fn matched<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.path.strip_suffix("{id}") {
            Some(before) => path.strip_prefix(before).filter(|id| !id.is_empty() && !id.contains('/')),
            None => (self.path == path).then_some(""),
        }
    }
}

impl When {
    /// Whether a route is there that is there under this condition.
    const fn holds(self, delivery: Delivery, pages: bool) -> bool {
        match self {
            Self::Always => true,
            Self::BodyDelivery => matches!(delivery, Delivery::Body),
            Self::Pages => pages,
        }
    }
}

impl Handler {
    /// The page whose form is posted to it: a browser is answered with that page.
    const fn form(self) -> Option<Form> {
        match self {
            Self::SignUp => Some(Form::SignUp),
            Self::SignIn | Self::SignOut => Some(Form::SignIn),
            Self::PasswordForgot => Some(Form::Forgot),
            Self::PasswordReset => Some(Form::Reset),
            Self::EmailVerify | Self::EmailResend => Some(Form::Proof),
            Self::AccountForm | Self::Password | Self::SignOutAll => Some(Form::Account),
            Self::Login
            | Self::Refresh
            | Self::Me
            | Self::ChangeMe
            | Self::Sessions
            | Self::EndSession
            | Self::Health
            | Self::KeySet
            | Self::OpenApi
            | Self::LoginPage
            | Self::SignUpPage
            | Self::ForgotPage
            | Self::ResetPage
            | Self::ProofPage
            | Self::AccountPage => None,
        }
    }
}

/// All that is answered below `/auth/`, save `/auth/verify`, which takes any method and needs a worker's gate:
/// `server::dispatch` answers it.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    Route { method: Method::POST, path: "/auth/signup", who: Who::Anyone, when: When::Always, handler: Handler::SignUp, doc: "Make an account" },
    Route { method: Method::POST, path: "/auth/signin", who: Who::Anyone, when: When::Always, handler: Handler::SignIn, doc: "Start a session" },
    Route { method: Method::POST, path: "/auth/login", who: Who::Anyone, when: When::BodyDelivery, handler: Handler::Login, doc: "Start a session, as OAuth2 password clients do" },
    Route { method: Method::POST, path: "/auth/refresh", who: Who::Anyone, when: When::Always, handler: Handler::Refresh, doc: "Renew a session by its refresh token" },
    Route { method: Method::POST, path: "/auth/signout", who: Who::Anyone, when: When::Always, handler: Handler::SignOut, doc: "End the session" },
    Route { method: Method::GET, path: "/auth/me", who: Who::SignedIn, when: When::Always, handler: Handler::Me, doc: "Who is signed in" },
    Route { method: Method::POST, path: "/auth/signout/all", who: Who::SignedIn, when: When::Always, handler: Handler::SignOutAll, doc: "End every session of who is signed in" },
    Route { method: Method::PATCH, path: "/auth/me", who: Who::SignedIn, when: When::Always, handler: Handler::ChangeMe, doc: "Change one's name or address" },
    Route { method: Method::POST, path: "/auth/password", who: Who::SignedIn, when: When::Always, handler: Handler::Password, doc: "Change one's password" },
    Route { method: Method::GET, path: "/auth/sessions", who: Who::SignedIn, when: When::Always, handler: Handler::Sessions, doc: "One's sessions" },
    Route { method: Method::DELETE, path: "/auth/sessions/{id}", who: Who::SignedIn, when: When::Always, handler: Handler::EndSession, doc: "End one of one's sessions" },
    Route { method: Method::POST, path: "/auth/password/forgot", who: Who::Anyone, when: When::Always, handler: Handler::PasswordForgot, doc: "Have a link mailed that sets a new password" },
    Route { method: Method::POST, path: "/auth/password/reset", who: Who::Anyone, when: When::Always, handler: Handler::PasswordReset, doc: "Set a new password by a one-time link" },
    Route { method: Method::POST, path: "/auth/email/verify", who: Who::Anyone, when: When::Always, handler: Handler::EmailVerify, doc: "Prove an address by a one-time link" },
    Route { method: Method::POST, path: "/auth/email/resend", who: Who::Anyone, when: When::Always, handler: Handler::EmailResend, doc: "Have another such link mailed" },
    Route { method: Method::GET, path: "/auth/healthz", who: Who::Anyone, when: When::Always, handler: Handler::Health, doc: "Whether the gate runs" },
    Route { method: Method::GET, path: "/auth/jwks.json", who: Who::Anyone, when: When::Always, handler: Handler::KeySet, doc: "The public keys of access tokens" },
    Route { method: Method::GET, path: "/auth/openapi.json", who: Who::Anyone, when: When::Always, handler: Handler::OpenApi, doc: "This document" },
    Route { method: Method::GET, path: "/auth/login", who: Who::Anyone, when: When::Pages, handler: Handler::LoginPage, doc: "The sign-in page" },
    Route { method: Method::GET, path: "/auth/signup", who: Who::Anyone, when: When::Pages, handler: Handler::SignUpPage, doc: "The sign-up page" },
    Route { method: Method::GET, path: "/auth/reset", who: Who::Anyone, when: When::Pages, handler: Handler::ResetPage, doc: "The page that a reset link opens" },
    Route { method: Method::GET, path: "/auth/forgot", who: Who::Anyone, when: When::Pages, handler: Handler::ForgotPage, doc: "The page on which a reset link is asked for" },
    Route { method: Method::GET, path: "/auth/verify-email", who: Who::Anyone, when: When::Pages, handler: Handler::ProofPage, doc: "The page that a confirmation link opens" },
    Route { method: Method::GET, path: "/auth/account", who: Who::Anyone, when: When::Pages, handler: Handler::AccountPage, doc: "The page of one's own account" },
    Route { method: Method::POST, path: "/auth/account", who: Who::SignedIn, when: When::Pages, handler: Handler::AccountForm, doc: "What that page's forms change" },
];

/// Answers `/auth/*`.
pub struct Auth {
    services: Services,
    credentials: Credentials,
    origins: Origins,
    cookies: CookieWriter,
    delivery: Delivery,
    pages: Option<Pages>,
    openapi: openapi::Served,
    body_limit: usize,
    body_timeout: Duration,
}

/// What the endpoints call.
struct Services {
    accounts: Accounts,
    sessions: Sessions,
    tokens: Tokens,
    clock: Clock,
}

impl Auth {
    /// As the settings have it.
    pub fn new(
        settings: &Settings,
        accounts: Accounts,
        sessions: Sessions,
        tokens: Tokens,
        clock: Clock,
    ) -> Self {
        let https = settings.server.public_url.https;
        Self {
            services: Services { accounts, sessions, tokens, clock },
            credentials: Credentials::new(settings),
            origins: Origins::new(settings),
            cookies: CookieWriter::new(settings.cookies.clone(), https),
            delivery: settings.tokens.delivery,
            pages: settings.pages.enabled.then(|| Pages::new(&settings.pages.title)),
            openapi: openapi::Served::new(settings),
            body_limit: settings.limits.body,
            // As long as a head may take: the bodies are as small.
            body_timeout: settings.limits.header_timeout,
        }
    }

    /// Whether a route that is there under this condition is there.
    const fn has(&self, when: When) -> bool {
        when.holds(self.delivery, self.pages.is_some())
    }
}

#[cfg(test)]
mod tests;
