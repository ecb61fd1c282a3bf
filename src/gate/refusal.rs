//! How a refused request is answered: as a document, as a page, or as gRPC wants it.

use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::web::{Answer, Code, Problem, browser};

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
    /// Headers alone, which end the stream, with `grpc-status: 16` (UNAUTHENTICATED).
    Grpc,
}

impl Refusal {
    /// A refusal for programs.
    pub const fn document(problem: Problem) -> Self {
        Self { problem, form: Form::Document, challenge: None }
    }

    /// 401 in the form that `head` asks for (contract section 6).
    pub fn unauthorized(because: Code, challenge: &'static str, head: &Parts, pages: bool) -> Self {
        let form = if is_grpc(&head.headers) {
            Form::Grpc
        } else if pages && browser::wants_page(&head.headers) {
            Form::Page
        } else {
            Form::Document
        };
        Self { problem: Problem::new(because), form, challenge: Some(challenge) }
    }

    /// The answer, where it is not a page.
    pub fn answer(&self) -> Answer {
        let mut answer = match self.form {
            Form::Document | Form::Page => self.problem.answer(),
            Form::Grpc => trailers_only(),
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

/// Whether a request is gRPC's: `application/grpc` or `application/grpc+…`, `application/grpc-web…`.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().get(..16).is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"))
    })
}

fn trailers_only() -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static("16"));
    headers.insert("grpc-message", HeaderValue::from_static("Not authenticated"));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
