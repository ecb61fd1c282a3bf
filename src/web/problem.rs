//! The one table that turns causes into answers (RFC 9457): a row per code with its status and texts.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::Answer;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $status:ident, $code:literal, $title:literal, $detail:literal;)+) => {
        /// What can go wrong, as a client is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])+ $name,)+ }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            const fn row(self) -> (StatusCode, &'static str, &'static str, &'static str) {
                match self { $(Self::$name => (StatusCode::$status, $code, $title, $detail),)+ }
            }
        }
    };
}

codes! {
    /// The request's head breaks HTTP's rules.
    Malformed = BAD_REQUEST, "malformed_request", "Malformed request", "The request is not valid HTTP.";
    /// A field that an endpoint needs is missing.
    MissingField = BAD_REQUEST, "missing_field", "Missing field", "A required field is missing.";
    /// The password of who is signed in, where it had to be given again. Not a 401: clients would renew their session.
    WrongPassword = BAD_REQUEST, "wrong_password", "Wrong password", "The current password is wrong.";
    /// A confirmation link's token that can't be used, whatever the reason.
    BadProofToken = BAD_REQUEST, "bad_verification_token", "Confirmation link not valid", "This link is not valid: it was used, has expired, was replaced by a newer one or belongs to another account. Ask for a new one.";
    /// A reset link's token that can't be used, whatever the reason.
    BadResetToken = BAD_REQUEST, "bad_reset_token", "Reset link not valid", "This link is not valid: it was used, has expired or was replaced by a newer one. Ask for a new one.";
    /// Two `Authorization` headers.
    AmbiguousCredential = BAD_REQUEST, "ambiguous_credential", "Ambiguous credential", "The request has more than one Authorization header.";
    /// No credential came with the request.
    NotAuthenticated = UNAUTHORIZED, "not_authenticated", "Not authenticated", "Not authenticated";
    /// The token was good once.
    TokenExpired = UNAUTHORIZED, "token_expired", "Token has expired", "Token has expired";
    /// The token is no good.
    InvalidToken = UNAUTHORIZED, "invalid_token", "Invalid token", "Invalid token";
    /// Unknown address, wrong password or disabled user, alike.
    InvalidLogin = UNAUTHORIZED, "invalid_login", "Sign-in failed", "Invalid email or password.";
    /// A browser says that the request comes from another site.
    CrossSite = FORBIDDEN, "cross_site", "Cross-site request", "This request came from another site and was refused.";
    /// A rule or a role keeps this user out.
    Forbidden = FORBIDDEN, "forbidden", "Forbidden", "You may not open this.";
    /// Signed in, but the address is yet to be proven.
    Unproven = FORBIDDEN, "email_unverified", "Email address not confirmed", "Confirm your email address first: open the link that was mailed to you, or ask for another one at /auth/verify-email.";
    /// Nobody may sign up.
    SignupClosed = FORBIDDEN, "signup_closed", "Sign-up is closed", "Sign-up is closed.";
    /// No such path below `/auth/`.
    NotFound = NOT_FOUND, "not_found", "Not found", "There is nothing at this path.";
    /// The path is known, the method is not.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", "This path does not take this method.";
    /// A body did not arrive in time.
    RequestTimeout = REQUEST_TIMEOUT, "request_timeout", "Request timeout", "The request did not arrive in time.";
    /// Somebody has that address.
    EmailTaken = CONFLICT, "email_taken", "Email already registered", "Email already registered.";
    /// The body is larger than `limits.body`.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body_too_large", "Body too large", "The request body is too large.";
    /// Neither JSON nor a form.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type", "Send application/json or application/x-www-form-urlencoded.";
    /// A field's value is no good.
    InvalidValue = UNPROCESSABLE_ENTITY, "invalid_value", "Invalid value", "A field has a value that can't be taken.";
    /// Too many attempts.
    TooManyRequests = TOO_MANY_REQUESTS, "too_many_requests", "Too many requests", "Too many attempts. Try again later.";
    /// The request's head is larger than `limits.header_bytes`.
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", "Headers too large", "The request's headers are too large.";
    /// Sidegate failed.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Internal error", "Something went wrong here.";
    /// CONNECT.
    NotImplemented = NOT_IMPLEMENTED, "not_implemented", "Not implemented", "This method is not forwarded.";
    /// The upstream can't be reached, or broke off.
    BadGateway = BAD_GATEWAY, "bad_gateway", "Bad gateway", "The upstream can't be reached.";
    /// Full, closing, or unable to write.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Unavailable", "The service is busy. Try again shortly.";
    /// The upstream did not answer in time.
    GatewayTimeout = GATEWAY_TIMEOUT, "gateway_timeout", "Gateway timeout", "The upstream did not answer in time.";
}

impl Code {
    /// The status of its answers.
    pub const fn status(self) -> StatusCode {
        self.row().0
    }

    /// Its name for programs.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// What it is called.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// What a client is told where nobody says it better.
    pub const fn detail(self) -> &'static str {
        self.row().3
    }
}

/// A problem to be told to a client. What the log keeps is another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    limit: Option<RateLimit>,
}

/// The limit that somebody has used up, as a client is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Its name: letters, digits and `-`.
    pub policy: &'static str,
    /// How many requests.
    pub quota: u64,
    /// In how long.
    pub window: Duration,
}

impl Problem {
    /// A problem with its code's own text.
    pub const fn new(code: Code) -> Self {
        Self { code, detail: Cow::Borrowed(code.detail()), retry_after: None, limit: None }
    }

    /// Says it better.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Says which limit is used up; when to try again is [`Self::retry_after`]'s.
    #[must_use]
    pub const fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Its code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What the client is told.
    pub fn text(&self) -> &str {
        &self.detail
    }

    /// Writes when to try again, and the limit that is used up: `Retry-After` (RFC 9110 section 10.2.3), and the
    /// fields of draft-ietf-httpapi-ratelimit-headers-10, whose values are lists of strings with parameters.
    pub fn write_wait(&self, headers: &mut HeaderMap) {
        let Some(wait) = self.retry_after.map(whole_seconds) else { return };
        headers.insert(RETRY_AFTER, HeaderValue::from(wait));
        let Some(RateLimit { policy, quota, window }) = self.limit else { return };
        let window = whole_seconds(window);
        for (name, text) in [
            (RATELIMIT_POLICY, format!("\"{policy}\";q={quota};w={window}")),
            (RATELIMIT, format!("\"{policy}\";r=0;t={wait}")),
        ] {
            // A name and numbers always are one.
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }

    /// The document's text.
    pub fn document(&self) -> String {
        let document = json!({
            "type": "about:blank",
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "detail": self.detail,
            "code": self.code.name(),
        });
        document.to_string()
    }

    /// The answer: `application/problem+json`, never stored.
    pub fn answer(&self) -> Answer {
        let mut answer = Response::new(Full::new(Bytes::from(self.document())));
        *answer.status_mut() = self.code.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.write_wait(headers);
        answer
    }
}

/// Rounded up, and at least one: nobody is told to come too early.
fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_name_and_an_error_status() {
        let names: std::collections::HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(
            Code::ALL.iter().all(|code| code.status().is_client_error() || code.status().is_server_error())
        );
    }

    #[test]
    fn a_limit_is_told_with_its_policy_and_what_is_left() {
        let limit = RateLimit { policy: "signin", quota: 10, window: Duration::from_mins(15) };
        let answer = Problem::new(Code::TooManyRequests)
            .retry_after(Duration::from_millis(41_001))
            .rate_limit(limit)
            .answer();
        assert_eq!(answer.headers()["ratelimit-policy"], "\"signin\";q=10;w=900");
        assert_eq!(answer.headers()["ratelimit"], "\"signin\";r=0;t=42");
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        for (wait, value) in [(0, "1"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2")] {
            let problem = Problem::new(Code::Unavailable).retry_after(Duration::from_millis(wait));
            assert_eq!(problem.answer().headers()[RETRY_AFTER], value, "{wait} ms");
        }
    }
}
