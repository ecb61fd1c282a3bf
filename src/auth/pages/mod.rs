//! The pages for people: sign in, sign up, prove an address, choose a new password, see to one's account. HTML forms, no
//! script, nothing loaded from anywhere.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use minijinja::value::Serde;
use minijinja::{Environment, Output, State, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::Auth;
use super::failure::Failure;
use super::handle::Call;
use crate::tokens::OneTimeToken;
use crate::web::path::LocalPath;
use crate::web::{Answer, Code, Problem};

mod account;
mod doubled;
mod proof;

const STYLE: &str = include_str!("templates/style.css");
const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("templates/base.html")),
    (Form::SignIn.template(), include_str!("templates/login.html")),
    (Form::SignUp.template(), include_str!("templates/signup.html")),
    (Form::Forgot.template(), include_str!("templates/forgot.html")),
    (Form::Reset.template(), include_str!("templates/reset.html")),
    (Form::Proof.template(), include_str!("templates/proof.html")),
    (Form::Account.template(), include_str!("templates/account.html")),
];
/// Of a link that mail programs have cut.
const CUT: &str = "This link is not complete. Copy all of it.";
/// What stays readable in a link's `next`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A page with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `/auth/login`
    SignIn,
    /// `/auth/signup`
    SignUp,
    /// `/auth/forgot`
    Forgot,
    /// `/auth/reset`
    Reset,
    /// `/auth/verify-email`
    Proof,
    /// `/auth/account`
    Account,
}

impl Form {
    const fn template(self) -> &'static str {
        match self {
            Self::SignIn => "login.html",
            Self::SignUp => "signup.html",
            Self::Forgot => "forgot.html",
            Self::Reset => "reset.html",
            Self::Proof => "proof.html",
            Self::Account => "account.html",
        }
    }
}

/// Writes pages.
#[derive(Debug)]
pub(super) struct Pages {
    templates: Environment<'static>,
    policy: HeaderValue,
}

/// What a page shows.
#[derive(Debug, Default, Serialize)]
struct View<'a> {
    /// Why the form is there again.
    error: Option<&'a str>,
    /// What was typed before; never a password.
    email: &'a str,
    username: &'a str,
    /// The hidden field.
    next: &'a str,
    /// The other one, where a link's token belongs to what the form does.
    token: &'a str,
    /// Whether a new password has just been set.
    reset_done: bool,
    /// Whether a mail was just asked for.
    sent: bool,
    /// Whether any mail is sent here.
    mail: bool,
    /// What links to the other page end with.
    query: String,
    signup_open: bool,
    /// Who is signed in already.
    signed_in_as: Option<String>,
    /// Cookies that came twice.
    doubled: Vec<&'a str>,
}

impl Pages {
    pub(super) fn new(title: &str) -> Self {
        let mut templates = Environment::new();
        templates.set_formatter(escaped);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source).expect("the templates are part of the program, and tested");
        }
        templates.add_global("title", title.to_owned());
        // Safe: our own, and as it is hashed for the policy.
        templates.add_global("style", Value::from_safe_string(STYLE.to_owned()));
        let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        let policy = HeaderValue::try_from(policy).expect("base64 is visible ASCII");
        Self { templates, policy }
    }

    fn render(&self, form: Form, status: StatusCode, view: &impl Serialize) -> Result<Answer, Problem> {
        let page = self.templates.get_template(form.template()).and_then(|page| page.render(Serde(view)));
        let page = page.map_err(|error| {
            tracing::error!(%error, "a page could not be written");
            Problem::new(Code::Internal)
        })?;
        let mut answer = Response::new(Full::new(Bytes::from(page)));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // `no-referrer` would make browsers send `Origin: null` with the forms.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }
}

impl Auth {
    /// `GET /auth/login`: always the form, whoever asks, so that nothing can go round in circles.
    pub(super) async fn login_page(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let next = call.fields.next();
        let visitor = self.page_caller(call).await;
        let view = View {
            signed_in_as: visitor.as_ref().map(|caller| caller.user.username.as_str().to_owned()),
            reset_done: call.fields.shown("done") == "reset",
            doubled: doubled::names(&call.head.headers, self.credentials.cookie_names()),
            ..self.view(call, &next)
        };
        let mut answer = self.page(Form::SignIn, StatusCode::OK, &view)?;
        for name in &view.doubled {
            for cleared in doubled::clear(name, call.peer) {
                answer.headers_mut().append(SET_COOKIE, cleared);
            }
        }
        Ok(match visitor {
            Some(caller) => self.renewed(answer, &caller, call),
            None => answer,
        })
    }

    /// `GET /auth/signup`
    pub(super) fn sign_up_page(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let next = call.fields.next();
        let closed = !self.services.accounts.is_sign_up_open();
        let view = View { error: closed.then(|| Code::SignupClosed.detail()), ..self.view(call, &next) };
        Ok(self.page(Form::SignUp, StatusCode::OK, &view)?)
    }

    /// `GET /auth/forgot`
    pub(super) fn forgot_page(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let next = LocalPath::root();
        Ok(self.page(Form::Forgot, StatusCode::OK, &self.view(call, &next))?)
    }

    /// `GET /auth/reset`: the form, whatever the token is good for. Nothing is looked up and nothing used, since
    /// programs that look for malice in mails open their links before people do.
    pub(super) fn reset_page(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let next = LocalPath::root();
        let view = self.view(call, &next);
        let error = view.token.is_empty().then_some(CUT);
        Ok(self.page(Form::Reset, StatusCode::OK, &View { error, ..view })?)
    }

    /// The form that a browser has posted, with what is wrong and all that was typed but the password.
    pub(super) async fn form_again(&self, form: Form, call: &Call<'_>, problem: &Problem) -> Answer {
        let mut answer = match form {
            // A request refused as cross-site spends no token (contract section 5): nobody is asked who it is from.
            Form::Account | Form::Proof if problem.code() == Code::CrossSite => Err(problem.clone()),
            Form::Account => self.account_again(call, problem).await,
            Form::Proof => self.proof_again(call, problem).await,
            Form::SignIn | Form::SignUp | Form::Forgot | Form::Reset => {
                let next = call.fields.next();
                let mut view = View { error: Some(problem.text()), ..self.view(call, &next) };
                if problem.code() == Code::BadResetToken {
                    // Another password would not help.
                    view.token = "";
                }
                self.page(form, problem.code().status(), &view)
            }
        }
        .unwrap_or_else(|problem| self.problem_page(&problem));
        problem.write_wait(answer.headers_mut());
        answer
    }

    /// The sign-in page in the place of a problem document, for a browser that posted a form to the upstream
    /// without being signed in. Where there are no pages, the document.
    pub fn problem_page(&self, problem: &Problem) -> Answer {
        // What was posted can't be posted again from here, so it leads on to where everybody begins.
        let view = View {
            error: Some(problem.text()),
            next: "/",
            signup_open: self.services.accounts.is_sign_up_open(),
            mail: self.services.accounts.sends_mail(),
            ..View::default()
        };
        self.page(Form::SignIn, problem.code().status(), &view).unwrap_or_else(|_| problem.answer())
    }

    fn view<'a>(&self, call: &'a Call<'_>, next: &'a LocalPath) -> View<'a> {
        View {
            email: call.fields.shown("email"),
            username: call.fields.shown("username"),
            next: next.as_str(),
            token: whole_token(call.fields.shown("token")),
            sent: call.fields.shown("done") == "sent",
            mail: self.services.accounts.sends_mail(),
            query: query(next),
            signup_open: self.services.accounts.is_sign_up_open(),
            ..View::default()
        }
    }

    fn page(&self, form: Form, status: StatusCode, view: &impl Serialize) -> Result<Answer, Problem> {
        // The routes of pages are not there without them.
        self.pages.as_ref().ok_or(Problem::new(Code::NotFound))?.render(form, status, view)
    }
}

/// As minijinja's own, but for the slash: `&#x2f;` is no safer, and a path can't be read any more.
fn escaped(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let text = value.to_string();
    if value.is_safe() {
        return Ok(out.write_str(&text)?);
    }
    for sign in text.chars() {
        match sign {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            other => out.write_char(other)?,
        }
    }
    Ok(())
}

/// A link's token to hand on in a form; nothing where it can't be one (links are cut by mail programs).
fn whole_token(text: &str) -> &str {
    OneTimeToken::parse(text).map_or("", |_| text)
}

fn query(next: &LocalPath) -> String {
    with_next("", next)
}

/// A link to a page that leads on to `next`.
pub(super) fn with_next(page: &str, next: &LocalPath) -> String {
    if *next == LocalPath::root() {
        return page.to_owned();
    }
    let sign = if page.contains('?') { '&' } else { '?' };
    format!("{page}{sign}next={}", utf8_percent_encode(next.as_str(), QUERY))
}
