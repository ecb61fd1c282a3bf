//! An upstream that is spoken to in HTTP/2, over plain text (`h2c:`) or because it agreed to it by TLS (`https:`): the rules
//! of contract section 6 hold there, too.

mod agreed;
mod by_tls;
mod connections;
mod endings;
mod events;
mod failing;
mod forwarding;
mod grpc;
mod names;
mod server;
mod streaming;
mod tunnels;
mod unagreed;
mod uploads;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};

use crate::support::front::{self, Front, Terms};
use crate::support::http2::connect;
use crate::support::papers::Papers;
use crate::support::{Cookies, Gate, PATIENCE, Upstream};
use server::Server;

type Body = BoxBody<Bytes, std::io::Error>;

/// A gate before this upstream.
fn gate(server: &Server, extra: &str) -> Gate {
    Gate::with(&format!("upstream.url = \"{}\"\n{extra}", server.url()))
}

/// The same by TLS, where it agrees to HTTP/2: for the tests of [`by_tls`].
fn gate_by_tls(server: &Server, extra: &str) -> Gate {
    let (papers, upstream) = (Papers::new(), Upstream::start());
    let front = Front::start(terms(&papers, &["h2"]), upstream.address, server.address);
    let mut gate = Gate::before(upstream, &(front::before(&front, &papers) + extra));
    gate.papers = Some(papers);
    gate
}

/// A front that is believed, and agrees to these.
fn terms(papers: &Papers, protocols: &'static [&'static str]) -> Terms {
    Terms { pair: papers.issue(&["localhost"]), asks: None, protocols }
}

/// Both upstreams, HTTP/1.1's and HTTP/2's, behind one front, and the gate before it.
struct Site {
    gate: Gate,
    front: Front,
    http2: Server,
}

impl Site {
    fn start(protocols: &'static [&'static str], extra: &str) -> Self {
        Self::before(Upstream::start(), Server::start(), protocols, extra)
    }

    fn before(http1: Upstream, http2: Server, protocols: &'static [&'static str], extra: &str) -> Self {
        let papers = Papers::new();
        let front = Front::start(terms(&papers, protocols), http1.address, http2.address);
        let settings = format!("{}server.workers = 1\n{extra}", front::before(&front, &papers));
        let gate = Gate::before(http1, &settings);
        Self { gate, front, http2 }
    }

    /// How many requests came by HTTP/1.1 and by HTTP/2.
    fn requests(&self) -> (usize, usize) {
        (self.gate.upstream.requests().len(), self.http2.requests().len())
    }
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
