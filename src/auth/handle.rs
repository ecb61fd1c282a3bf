//! What holds for every endpoint: known path and method, one credential, no other site's, a body that is small,
//! quick and readable; and on each answer `no-store`, on each 401 a challenge.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body::Body;
use http_body_util::Full;

use super::failure::Failure;
use super::input::{Fields, Media};
use super::pages::Form;
use super::{Auth, Handler, ROUTES, Route, body};
use crate::config::settings::Delivery;
use crate::gate::credential::{Credential, doubled_authorization};
use crate::gate::origin::Site;
use crate::sessions::Device;
use crate::tokens::Holder;
use crate::types::{DeviceId, SessionId};
use crate::web::{Answer, Code, Peer, Problem, browser};

/// How long who asks too often, or for more than can be done, waits to be told so, at least. A program that tries passwords
/// sends the next one as soon as it has the answer: refused at once, two hundred of them would keep every core busy with
/// refusing, and those who are signed in would feel it (`bench/isolation`).
const REFUSAL: Duration = Duration::from_millis(250);
/// How much longer it may be, by chance: clients that were refused together don't come back together.
const SPREAD: Duration = Duration::from_millis(500);

/// A request that an endpoint answers.
pub(super) struct Call<'a> {
    pub(super) head: &'a Parts,
    pub(super) peer: &'a Peer,
    pub(super) fields: Fields,
    /// What the path says in the place of `{id}`.
    pub(super) id: &'a str,
    /// Whether a browser posted a page's form, and a person waits for the next page.
    pub(super) from_page: bool,
}

impl Auth {
    /// Answers a request for a path of the gate's.
    pub async fn answer<B>(&self, request: Request<B>, peer: &Peer) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let mut answer = match self.route(&head.method, path) {
            Some(route) => self.respond(route, &head, body, peer).await,
            None => self.no_route(path),
        };
        if answer.status() == StatusCode::UNAUTHORIZED {
            answer
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static(self.credentials.challenge()));
        }
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if head.method == Method::HEAD { without_body(answer) } else { answer }
    }

    fn route(&self, method: &Method, path: &str) -> Option<&'static Route> {
        let asked = if method == Method::HEAD { &Method::GET } else { method };
        self.rows(path).find(|route| route.method == asked)
    }

    fn rows(&self, path: &str) -> impl Iterator<Item = &'static Route> {
        ROUTES.iter().filter(move |route| route.matched(path).is_some() && self.has(route.when))
    }

    /// 404 where the path is unknown, 405 where the method is (RFC 9110 section 15.5.6).
    fn no_route(&self, path: &str) -> Answer {
        let mut allow = Vec::new();
        for route in self.rows(path) {
            allow.push(route.method.as_str());
            if route.method == Method::GET {
                allow.push(Method::HEAD.as_str());
            }
        }
        if allow.is_empty() {
            return Problem::new(Code::NotFound).answer();
        }
        let mut answer = Problem::new(Code::MethodNotAllowed).answer();
        let allow = HeaderValue::try_from(allow.join(", ")).expect("method names are visible ASCII");
        answer.headers_mut().insert(ALLOW, allow);
        answer
    }

    async fn respond<B>(&self, route: &Route, head: &Parts, body: B, peer: &Peer) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let form = self.posted_form(route.handler, head);
        let id = route.matched(head.uri.path()).unwrap_or_default();
        let mut call = Call { head, peer, fields: Fields::default(), id, from_page: form.is_some() };
        let failure = match self.read(route.handler, &mut call, body).await {
            Ok(()) => match self.serve(route.handler, &call).await {
                Ok(answer) => return answer,
                Err(failure) => failure,
            },
            Err(problem) => problem.into(),
        };
        if matches!(failure.problem.code(), Code::TooManyRequests | Code::Unavailable) {
            tokio::time::sleep(REFUSAL + SPREAD.mul_f64(chance())).await;
        }
        let answer = match form {
            Some(form) => self.form_again(form, &call, &failure.problem).await,
            None => failure.problem.answer(),
        };
        if failure.clear_cookies { self.without_tokens(answer, peer.secure) } else { answer }
    }

    /// The page whose form a browser has posted, if it did.
    fn posted_form(&self, handler: Handler, head: &Parts) -> Option<Form> {
        let posted = self.pages.is_some()
            && matches!(Media::of(&head.headers), Ok(Media::Form))
            && browser::wants_page(&head.headers);
        handler.form().filter(|_| posted)
    }

    /// Refuses what no endpoint takes, then reads the body of what changes something.
    async fn read<B>(&self, handler: Handler, call: &mut Call<'_>, body: B) -> Result<(), Problem>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let Parts { method, headers, uri, .. } = call.head;
        if doubled_authorization(headers) {
            return Err(Code::AmbiguousCredential.into());
        }
        if matches!(*method, Method::GET | Method::HEAD) {
            call.fields = Fields::of_query(uri.query().unwrap_or_default());
            return Ok(());
        }
        if self.origins.judge(headers, call.peer.host.as_ref()) == Site::Foreign {
            return Err(Code::CrossSite.into());
        }
        // Nothing in it counts, and the session is to be gone at once, not when the last byte has come.
        match handler {
            Handler::SignOutAll | Handler::EndSession => return Ok(()),
            Handler::SignOut if self.delivery == Delivery::Cookie => return Ok(()),
            _ => {}
        }
        match self.fields(headers, body).await {
            Ok(fields) => call.fields = fields,
            // What needs no body is not kept from it by one: a sign-out is always one (contract section 4).
            Err(_) if handler == Handler::SignOut => {}
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    async fn fields<B>(&self, headers: &HeaderMap, body: B) -> Result<Fields, Problem>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        // What nothing is called does not matter: scripts send an empty text with a type of its own.
        if body.is_end_stream() {
            return Ok(Fields::default());
        }
        let media = Media::of(headers)?;
        // What says that it is not empty is not asked for first.
        if media == Media::Unsaid && body.size_hint().lower() > 0 {
            return Err(Code::UnsupportedMediaType.into());
        }
        let body = body::read(body, self.body_limit, self.body_timeout).await?;
        Fields::read(media, &body)
    }

    async fn serve(&self, handler: Handler, call: &Call<'_>) -> Result<Answer, Failure> {
        match handler {
            Handler::SignUp => self.sign_up(call).await,
            Handler::SignIn => self.sign_in(call).await,
            Handler::Login => self.login(call).await,
            Handler::Refresh => self.refresh(call).await,
            Handler::SignOut => self.sign_out(call).await,
            Handler::SignOutAll => self.sign_out_everywhere(call).await,
            Handler::Me => self.me(call).await,
            Handler::ChangeMe => self.change_me(call).await,
            Handler::Password => self.change_password(call).await,
            Handler::Sessions => self.list_sessions(call).await,
            Handler::EndSession => self.end_session(call).await,
            Handler::PasswordForgot => self.forgot_password(call).await,
            Handler::PasswordReset => self.reset_password(call).await,
            Handler::EmailVerify => self.verify_email(call).await,
            Handler::EmailResend => self.resend_proof(call).await,
            Handler::Health => Ok(Self::health()),
            Handler::KeySet => Ok(self.key_set(call)),
            Handler::OpenApi => Ok(self.openapi_document(call)),
            Handler::LoginPage => self.login_page(call).await,
            Handler::SignUpPage => self.sign_up_page(call),
            Handler::ForgotPage => self.forgot_page(call),
            Handler::ResetPage => self.reset_page(call),
            Handler::ProofPage => self.proof_page(call).await,
            Handler::AccountPage => self.account_page(call).await,
            Handler::AccountForm => self.account_form(call).await,
        }
    }

    /// The sessions that a request's genuine tokens name, even if their time is over.
    pub(super) fn named_sessions(&self, call: &Call<'_>) -> Vec<SessionId> {
        let access = self.credentials.access(&call.head.headers).token();
        let refresh = self.presented_refresh(call).ok().and_then(Credential::token);
        self.services.sessions.session_of(access, refresh)
    }

    /// The token by which a browser says that it is known. Two that differ are none.
    pub(super) fn device_token<'a>(&self, call: &'a Call<'_>) -> Option<&'a str> {
        self.credentials.device(&call.head.headers).token()
    }

    /// The browser, if this user has signed in by it before.
    pub(super) fn known_device(&self, call: &Call<'_>, of: Holder<'_>) -> Option<DeviceId> {
        self.services.tokens.known_device(self.device_token(call)?, of, self.services.clock.now())
    }
}

impl Call<'_> {
    /// Where a session is started from.
    pub(super) fn device(&self) -> Device {
        let agent = self.head.headers.get(http::header::USER_AGENT);
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
        Device { address: self.peer.address, agent: agent.unwrap_or_default() }
    }
}

/// Evenly from 0 to 1. Where there is no chance it is 0, which harms nobody.
fn chance() -> f64 {
    let mut bytes = [0; 2];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    f64::from(u16::from_ne_bytes(bytes)) / f64::from(u16::MAX)
}

/// HEAD is answered as GET would be, without the body but with its length (RFC 9110 section 9.3.2).
fn without_body(answer: Answer) -> Answer {
    // A 304 could only have the length that a 200 would have had (RFC 9110 section 8.6).
    if answer.status() == StatusCode::NOT_MODIFIED {
        return answer;
    }
    let length = answer.body().size_hint().exact().unwrap_or_default();
    let mut answer = answer.map(|_| Full::default());
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer
}
