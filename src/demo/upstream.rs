//! The demo upstream: a backend without any authentication, which shows what reaches it from behind the gate.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use serde::Serialize;
use tokio::net::TcpListener;

use super::seen::{self, Head, Seen};
use super::ticks::Ticks;
use super::{serve, websocket};
use crate::types::Clock;

/// What the upstream answers with: something whole, or the endless clock.
type Answer = Response<Either<Full<Bytes>, Ticks>>;

/// Serves until the future is dropped.
pub(super) async fn run(listener: TcpListener, clock: Clock) {
    serve::serve(listener, move |request| answer(request, clock.clone())).await;
}

async fn answer(request: Request<Incoming>, clock: Clock) -> Answer {
    let path = request.uri().path();
    match path {
        "/" | "/events" if !matches!(*request.method(), Method::GET | Method::HEAD) => only_get(),
        "/" => page(request),
        "/events" => events(clock),
        "/ws" => websocket::accept(request).map(Either::Left),
        _ if path == "/echo" || path.starts_with("/echo/") => echo(request).await,
        _ => plain(StatusCode::NOT_FOUND, "the demo has /, /echo/…, /ws and /events\n"),
    }
}

/// What the page's template is given.
#[derive(Serialize)]
struct Page<'a> {
    user: Option<&'a str>,
    leaked: Vec<&'static str>,
    head: &'a Head,
}

fn page(request: Request<Incoming>) -> Answer {
    let (parts, _body) = request.into_parts();
    let head = Head::of(&parts);
    let page = Page { user: head.user(), leaked: seen::leaked_cookies(&parts.headers), head: &head };
    // The name's ending turns HTML escaping on: all that is shown here came from the client.
    let html = minijinja::Environment::new().render_named_str(
        "upstream.html",
        include_str!("upstream.html"),
        minijinja::value::Serde(&page),
    );
    match html {
        Ok(html) => typed("text/html; charset=utf-8", html),
        Err(error) => {
            tracing::error!(%error, "the demo's page could not be made");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the demo's page could not be made\n")
        }
    }
}

async fn echo(request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let Some(seen) = Seen::read(Head::of(&parts), body).await else {
        return plain(StatusCode::BAD_REQUEST, "the body broke off\n");
    };
    match serde_json::to_string_pretty(&seen) {
        Ok(json) => typed("application/json", json + "\n"),
        Err(error) => {
            tracing::error!(%error, "the demo's echo could not be made");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the echo could not be made\n")
        }
    }
}

fn events(clock: Clock) -> Answer {
    let mut answer = Response::new(Either::Right(Ticks::new(clock)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn only_get() -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "this is read with GET\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = typed("text/plain; charset=utf-8", text);
    *answer.status_mut() = status;
    answer
}

/// Nothing here is worth caching, and a page that shows who is signed in must not be.
fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
