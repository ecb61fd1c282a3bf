//! An upstream that is spoken to in HTTP/2 over plain text (`h2c:`): the rules of contract section 6 hold there, too.

mod connections;
mod endings;
mod failing;
mod forwarding;
mod grpc;
mod names;
mod server;
mod streaming;
mod uploads;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::{Cookies, Gate, PATIENCE};
use server::Server;

type Body = BoxBody<Bytes, std::io::Error>;
type Client = SendRequest<Body>;

/// A gate before this upstream.
fn gate(server: &Server, extra: &str) -> Gate {
    Gate::with(&format!("upstream.url = \"{}\"\n{extra}", server.url()))
}

/// An HTTP/2 client's connection to the gate.
async fn connect(gate: &Gate) -> Client {
    let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
    let (client, connection) =
        http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A request of somebody who is signed in.
fn request(gate: &Gate, cookies: &Cookies, method: &str, path: &str) -> http::request::Builder {
    http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", gate.address))
        .header("cookie", cookies.header())
}

/// What a stream's other end says, with the client running meanwhile.
async fn heard<T>(receiver: &std::sync::mpsc::Receiver<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Ok(said) = receiver.try_recv() {
            return said;
        }
        assert!(begun.elapsed() < PATIENCE, "the upstream never heard of it");
        tokio::task::yield_now().await;
    }
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

fn full(text: &'static str) -> Body {
    Full::from(text).map_err(|never| match never {}).boxed()
}

/// A body that the test writes as it goes.
fn written() -> (tokio::sync::mpsc::UnboundedSender<http_body::Frame<Bytes>>, Body) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|frame| frame.map(Ok)));
    (sender, StreamBody::new(frames).boxed())
}

fn data(text: &'static str) -> http_body::Frame<Bytes> {
    http_body::Frame::data(Bytes::from_static(text.as_bytes()))
}

fn trailers(fields: &[(&'static str, &'static str)]) -> http_body::Frame<Bytes> {
    http_body::Frame::trailers(headers(fields))
}

fn headers(fields: &[(&'static str, &'static str)]) -> http::HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
    };
    fields.iter().map(pair).collect()
}
