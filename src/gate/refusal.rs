//! How a refused request is answered: as a document, as a page, or as gRPC wants it.

use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::web::{Answer, Code, Fields, Head, Problem, browser};

/// A refusal, with the form that its client can read.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong.
    pub problem: Problem,
    /// How it is put.
    pub form: Form,
    challenge: Option<&'static str>,
}

/// How a refusal is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/problem+json`.
    Document,
    /// A page: a browser posted a form and a person waits. The pages' room writes it.
    Page,
    /// Headers alone, which end the stream, with a `grpc-status`.
    Grpc,
}

impl Refusal {
    /// A refusal for programs.
    pub const fn document(problem: Problem) -> Self {
        Self { problem, form: Form::Document, challenge: None }
    }

    /// 401 in the form that `head` asks for (contract section 6).
    pub fn unauthorized(because: Code, challenge: &'static str, head: &impl Head, pages: bool) -> Self {
        Self::in_its_form(because, Some(challenge), head, pages)
    }

    /// 403 in the form that `head` asks for: signing in would not help.
    pub fn forbidden(head: &impl Head, pages: bool) -> Self {
        Self::in_its_form(Code::Forbidden, None, head, pages)
    }

    /// 403 in the form that `head` asks for: the user has to prove their address first.
    pub fn unproven(head: &impl Head, pages: bool) -> Self {
        Self::in_its_form(Code::Unproven, None, head, pages)
    }

    fn in_its_form(code: Code, challenge: Option<&'static str>, head: &impl Head, pages: bool) -> Self {
        Self { problem: Problem::new(code), form: Form::asked_for_by(head, pages), challenge }
    }

    /// The answer, where it is not a page.
    pub fn answer(&self) -> Answer {
        let mut answer = match self.form {
            Form::Document | Form::Page => self.problem.answer(),
            Form::Grpc => trailers_only(&self.problem),
        };
        self.challenge(&mut answer);
        answer
    }

    /// Adds what a 401 must carry (RFC 9110 section 11.6.1). Never `Basic`, which would make browsers and git ask.
    pub fn challenge(&self, answer: &mut Answer) {
        if let Some(challenge) = self.challenge {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
}

impl Form {
    fn asked_for_by(head: &impl Head, pages: bool) -> Self {
        if is_grpc(head.fields()) {
            Self::Grpc
        } else if pages && browser::wants_page(head.fields()) {
            Self::Page
        } else {
            Self::Document
        }
    }
}

/// Whether a request is gRPC's: `application/grpc` or `application/grpc+…`, `application/grpc-web…`.
pub fn is_grpc(headers: &impl Fields) -> bool {
    headers.first(CONTENT_TYPE).is_some_and(|kind| {
        kind.get(..16).is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"))
    })
}

/// gRPC's own codes are `UNAUTHENTICATED` and `PERMISSION_DENIED`.
fn trailers_only(problem: &Problem) -> Answer {
    let (status, message) = match problem.code().status() {
        StatusCode::FORBIDDEN => ("7", "Forbidden"),
        _ => ("16", "Not authenticated"),
    };
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = problem.code().status();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static(status));
    headers.insert("grpc-message", HeaderValue::from_static(message));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
