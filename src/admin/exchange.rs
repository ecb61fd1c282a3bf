//! One connection of an operator's: HTTP/1.1 on whatever carries bytes, `POST /` with a command as the body's first line.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::execute::{Reply, execute};
use super::failure::Failure;
use super::lines::Lines;
use super::views::ErrorView;
use super::{Command, Services};
use crate::store::StoreError;

/// Answers commands until the operator hangs up. Has to run on a `LocalSet`.
pub async fn serve_connection(services: Services, io: impl AsyncRead + AsyncWrite + Unpin + 'static) {
    let service = hyper::service::service_fn(move |request| {
        let services = services.clone();
        async move { Ok::<_, Infallible>(answer(&services, request).await) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(io), service).await {
        tracing::debug!(%error, "an operator's connection ended early");
    }
}

async fn answer(services: &Services, request: Request<Incoming>) -> Response<BoxBody<Bytes, StoreError>> {
    match carry_out(services, request).await {
        Ok(Reply { kind, length, body }) => {
            let mut response = Response::new(body);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            if let Some(length) = length {
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            response
        }
        Err(failure) => {
            tracing::debug!(%failure, "an operator's command failed");
            let view = ErrorView { error: failure.to_string() };
            let json = serde_json::to_vec(&view).expect("a text is JSON");
            let body = Full::new(Bytes::from(json)).map_err(|never: Infallible| match never {}).boxed();
            let mut response = Response::new(body);
            *response.status_mut() = failure.status();
            response
        }
    }
}

async fn carry_out(services: &Services, request: Request<Incoming>) -> Result<Reply, Failure> {
    if request.method() != Method::POST || request.uri().path() != "/" {
        return Err(Failure::Unknown(format!(
            "{} {} is nothing here, commands are posted to `/`",
            request.method(),
            request.uri().path()
        )));
    }
    let mut lines = Lines::new(request.into_body());
    let first = lines.next().await.map_err(|error| Failure::Cut(error.to_string()))?.unwrap_or_default();
    let command: Command =
        serde_json::from_slice(&first).map_err(|error| Failure::Unknown(error.to_string()))?;
    execute(services, command, lines).await
}

/// The status of an answer that is no error.
pub(super) const DONE: StatusCode = StatusCode::OK;
