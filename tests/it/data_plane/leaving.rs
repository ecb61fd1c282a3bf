//! A side that goes away: the other one feels it within a tenth of a second, whatever either of them speaks.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Frame;

use crate::support::front::{self, Front, Terms};
use crate::support::http2::connect;
use crate::support::papers::Papers;
use crate::support::{Gate, PATIENCE, Upstream};

/// What a request that is not plain says: hyper takes it.
const HYPERS: &str = "TE: trailers\r\n";

/// In how many rounds it is measured how long it takes.
pub(crate) const ROUNDS: usize = 7;

/// Asserts it of the round in the middle: a busy machine is late now and then, a gate that only notices by its timers is
/// late always.
pub(crate) fn assert_felt(name: &str, mut times: Vec<Duration>) {
    assert_eq!(times.len(), ROUNDS);
    times.sort();
    assert!(times[ROUNDS / 2] < Duration::from_millis(100), "{name}: {times:?}");
}

/// The moment at which the other side is gone, told by reading.
fn wait_for_end(stream: &mut TcpStream) -> Instant {
    let mut bytes = vec![0; 64 * 1024];
    while matches!(stream.read(&mut bytes), Ok(1..)) {}
    Instant::now()
}

/// An upstream that begins to answer as the path says, goes no further, and tells when the gate has left.
fn upstream() -> (Upstream, mpsc::Receiver<Instant>) {
    let (left, noticed) = mpsc::channel();
    let left = Mutex::new(left);
    let upstream = Upstream::answering_heads(move |exchange| {
        let line = exchange.seen.line().to_owned();
        if line.contains("/length") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        } else if line.contains("/chunks") {
            exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        } else if line.contains("/close") {
            exchange.write("HTTP/1.1 200 OK\r\n\r\nabc");
        } else if line.contains("/busy") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while exchange.stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
        left.lock().unwrap().send(wait_for_end(&mut exchange.stream)).unwrap();
        false
    });
    (upstream, noticed)
}

/// In each phase of a request over HTTP/1.1 that says these lines, too.
fn assert_felt_in_each_phase(name: &str, gate: &Gate, noticed: &mpsc::Receiver<Instant>, lines: &str) {
    let cookie = gate.signed_in();
    for (phase, method, framing, begins) in [
        ("/head", "GET", "", false),
        ("/head", "HEAD", "", false),
        ("/head", "POST", "Content-Length: 0\r\n", false),
        ("/length", "GET", "", true),
        ("/chunks", "GET", "", true),
        ("/close", "GET", "", true),
        ("/busy", "GET", "", true),
        ("/upload", "POST", "Content-Length: 1000000\r\n", false),
        ("/upload", "POST", "Transfer-Encoding: chunked\r\n", false),
        ("/chunks-upload", "POST", "Content-Length: 1000000\r\n", true),
    ] {
        let times = (0..ROUNDS).map(|_| {
            let before = gate.upstream.requests().len();
            let mut connection = gate.connect();
            connection.write(format!(
                "{method} {phase} HTTP/1.1\r\nHost: {}\r\n{cookie}{lines}{framing}\r\n",
                gate.address
            ));
            if framing.contains("1000000") {
                connection.write("some of it");
            } else if framing.contains("chunked") {
                connection.write("4\r\nsome\r\n");
            }
            gate.upstream.wait_for(before + 1);
            if begins {
                assert_eq!(connection.head().status, 200, "{name}");
                connection.exactly(3);
            }
            let leaves = Instant::now();
            drop(connection);
            noticed.recv_timeout(PATIENCE).expect(phase).saturating_duration_since(leaves)
        });
        assert_felt(&format!("{name}: {method} {phase} {framing:?}"), times.collect());
    }
}

#[test]
fn the_upstream_learns_within_a_tenth_of_a_second_that_the_client_has_left() {
    for lines in ["", HYPERS] {
        let (upstream, noticed) = upstream();
        assert_felt_in_each_phase("plain", &Gate::before(upstream, ""), &noticed, lines);
    }
}

#[test]
fn the_upstream_learns_it_of_a_client_by_tls() {
    for lines in ["", HYPERS] {
        let (upstream, noticed) = upstream();
        let (gate, _papers) = crate::tls::secured_before(upstream, "");
        assert_felt_in_each_phase("client by TLS", &gate, &noticed, lines);
    }
}

/// What it takes includes a thread of this process that speaks TLS for the upstream.
#[test]
fn an_upstream_by_tls_learns_it() {
    let (upstream, noticed) = upstream();
    let papers = Papers::new();
    let terms = Terms { pair: papers.issue(&["localhost"]), asks: None, protocols: &["http/1.1"] };
    let front = Front::start(terms, upstream.address, upstream.address);
    let gate = Gate::before(upstream, &front::before(&front, &papers));
    assert_felt_in_each_phase("upstream by TLS", &gate, &noticed, "");
}

/// How a client of HTTP/2 leaves.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// It resets the stream.
    Stream,
    /// It closes the connection.
    Connection,
}

#[test]
fn the_upstream_learns_it_of_a_client_of_http_2() {
    let (upstream, noticed) = upstream();
    let gate = Gate::before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    // Who takes trailers goes another way.
    for te in [None, Some("trailers")] {
        for leaves in [Leaves::Stream, Leaves::Connection] {
            for (method, path) in [
                ("GET", "/head"),
                ("GET", "/length"),
                ("GET", "/chunks"),
                ("GET", "/close"),
                ("GET", "/busy"),
                ("POST", "/upload"),
                ("POST", "/chunks"),
            ] {
                if path == "/chunks" && method == "POST" && matches!(leaves, Leaves::Stream) {
                    // This client goes on with its upload when it has let go of the answer: it has not left.
                    continue;
                }
                let round = |_| leave_http_2(&gate, &cookie, te, method, path, leaves, &noticed);
                let name = format!("HTTP/2: {method} {path} te: {te:?}, {leaves:?}");
                assert_felt(&name, (0..ROUNDS).map(round).collect());
            }
        }
    }
}

fn leave_http_2(
    gate: &Gate,
    cookie: &str,
    te: Option<&str>,
    method: &str,
    path: &str,
    leaves: Leaves,
    noticed: &mpsc::Receiver<Instant>,
) -> Duration {
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", gate.address))
        .header("cookie", cookie);
    if let Some(te) = te {
        request = request.header("te", te);
    }
    let request = request.body(if method == "POST" { endless() } else { Empty::new().boxed() }).unwrap();
    let before = gate.upstream.requests().len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut sender = runtime.block_on(connect(gate));
    let mut asked = Box::pin(sender.send_request(request));
    let mut answer = None;
    runtime.block_on(async {
        if path == "/head" || path == "/upload" {
            let reached = async {
                while gate.upstream.requests().len() == before {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                _ = &mut asked => panic!("nothing answers {path}"),
                reached = tokio::time::timeout(PATIENCE, reached) => reached.unwrap(),
            }
        } else {
            let response = tokio::time::timeout(PATIENCE, &mut asked).await.unwrap().unwrap();
            let mut body = response.into_body();
            body.frame().await.unwrap().unwrap();
            answer = Some(body);
        }
    });
    let left = Instant::now();
    match leaves {
        Leaves::Connection => drop(runtime),
        Leaves::Stream => {
            drop((asked, answer));
            // The client's connection is a task of its own, which has to run for the reset to be sent.
            return runtime.block_on(async {
                loop {
                    match noticed.try_recv() {
                        Ok(end) => return end.saturating_duration_since(left),
                        Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                    assert!(left.elapsed() < PATIENCE, "{method} {path}: the upstream never learns it");
                }
            });
        }
    }
    noticed.recv_timeout(PATIENCE).expect(path).saturating_duration_since(left)
}

/// An upload that begins and never ends.
fn endless() -> BoxBody<Bytes, Infallible> {
    let first = [Ok(Frame::data(Bytes::from_static(b"some of it")))];
    let frames = futures_util::stream::StreamExt::chain(
        futures_util::stream::iter(first),
        futures_util::stream::pending(),
    );
    StreamBody::new(frames).boxed()
}

#[test]
fn either_side_of_a_websocket_learns_that_the_other_has_left() {
    let (go, gone) = mpsc::channel::<()>();
    let (told, heard) = mpsc::channel();
    let (gone, told) = (Mutex::new(gone), Mutex::new(told));
    let upstream = Upstream::answering_heads(move |exchange| {
        exchange.write(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello",
        );
        if exchange.seen.line().contains("/upstream") {
            gone.lock().unwrap().recv().unwrap();
            told.lock().unwrap().send(Instant::now()).unwrap();
        } else {
            let end = wait_for_end(&mut exchange.stream);
            told.lock().unwrap().send(end).unwrap();
        }
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    for leaves in ["/client", "/upstream"] {
        let times = (0..ROUNDS).map(|_| {
            let mut tunnel = gate.connect();
            tunnel.write(format!(
                "GET {leaves} HTTP/1.1\r\nHost: {}\r\n{cookie}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                gate.address
            ));
            assert_eq!(tunnel.answer().status, 101);
            assert_eq!(tunnel.exactly(5), b"hello");
            if leaves == "/client" {
                let left = Instant::now();
                drop(tunnel);
                return heard.recv_timeout(PATIENCE).unwrap().saturating_duration_since(left);
            }
            go.send(()).unwrap();
            let left = heard.recv_timeout(PATIENCE).unwrap();
            assert!(tunnel.is_closed());
            left.elapsed()
        });
        assert_felt(&format!("the side that leaves: {leaves}"), times.collect());
    }
}
