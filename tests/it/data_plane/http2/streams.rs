//! What holds for a stream: its body's end, its trailers, its window, and that either side may break it off.

use std::convert::Infallible;
use std::io::Read as _;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;

use crate::support::http2::connect;
use crate::support::{Gate, PATIENCE, Upstream};

type Body = BoxBody<Bytes, Infallible>;

/// A request by somebody who is signed in, and takes trailers.
fn request(gate: &Gate, method: &str, path: &str, cookie: &str, body: Body) -> Request<Body> {
    let mut request = plain(gate, method, path, cookie, body);
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    request
}

/// The same without trailers: such a request takes the direct way, if it has no body.
fn plain(gate: &Gate, method: &str, path: &str, cookie: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", gate.address))
        .header("cookie", cookie)
        .body(body)
        .unwrap()
}

/// Makes a request.
type Ask = fn(&Gate, &str, &str, &str, Body) -> Request<Body>;

const BOTH_WAYS: [Ask; 2] = [request, plain];

fn none() -> Body {
    Empty::new().boxed()
}

async fn ask(sender: &mut SendRequest<Body>, request: Request<Body>) -> Response<Incoming> {
    tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap()
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let upstream = Upstream::answering(|exchange| {
        exchange.write(match exchange.seen.line().split(' ').nth(1) {
            Some("/204") => "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
            Some("/304") => "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
            Some("/0") => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            Some("/length") => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            Some("/chunked") => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\r\n",
        });
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = connect(&gate).await;
        let cases = [
            ("GET", "/204", 204, None),
            ("GET", "/304", 304, None),
            ("GET", "/0", 200, Some("0")),
            ("HEAD", "/length", 200, Some("1000")),
            ("HEAD", "/chunked", 200, None),
            ("HEAD", "/neither", 200, None),
        ];
        let cases = BOTH_WAYS.into_iter().flat_map(|way| cases.map(|case| (way, case)));
        for (way, (method, path, status, length)) in cases {
            let response = ask(&mut sender, way(&gate, method, path, &cookie, none())).await;
            assert_eq!(response.status(), status, "{method} {path}");
            let said =
                response.headers().get("content-length").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(said.as_deref(), length, "{method} {path}");
            for gone in ["connection", "transfer-encoding", "keep-alive", "x-hop"] {
                assert!(!response.headers().contains_key(gone), "{path}: {gone}");
            }
            let body = response.into_body();
            assert!(http_body::Body::is_end_stream(&body), "{method} {path}");
        }
    });
    // One for each way.
    assert_eq!(gate.upstream.connections(), 2);
}

#[test]
fn bodies_come_whole_however_they_are_framed() {
    let upstream = Upstream::answering(|exchange| {
        let body = "0123456789".repeat(30_000);
        match exchange.seen.line().split(' ').nth(1) {
            Some("/length") => {
                exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            }
            Some("/chunks") => {
                exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
                for piece in body.as_bytes().chunks(7001) {
                    exchange.write(format!("{:x};ext=\"1\"\r\n", piece.len()));
                    exchange.write(piece);
                    exchange.write("\r\n");
                }
                exchange.write("0\r\nX-Sum: 42\r\n\r\n");
            }
            Some("/pieces") => {
                exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                for byte in format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes().chunks(50_001) {
                    exchange.write(byte);
                }
            }
            _ => exchange.write(format!("HTTP/1.1 200 OK\r\n\r\n{body}")),
        }
        !exchange.seen.line().contains("/close")
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = connect(&gate).await;
        for way in BOTH_WAYS {
            for path in ["/length", "/chunks", "/pieces", "/close"] {
                let response = ask(&mut sender, way(&gate, "GET", path, &cookie, none())).await;
                let length = response.headers().get("content-length").cloned();
                assert_eq!(length.is_some(), path == "/length", "{path}: {length:?}");
                assert!(!response.headers().contains_key("transfer-encoding"), "{path}");
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert!(body == "0123456789".repeat(30_000), "{path}: {} bytes", body.len());
            }
        }
    });
}

#[test]
fn trailers_go_both_ways_and_claim_nothing() {
    let upstream = Upstream::answering(|exchange| {
        exchange.write(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\nSet-Cookie: access_token=a\r\n\r\n",
        );
        true
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = connect(&gate).await;
        let mut trailers = HeaderMap::new();
        for (name, value) in [("x-check", "1"), ("x-user-id", "7"), ("x_user_id", "7"), ("cookie", "a=b")] {
            trailers.insert(name, value.parse().unwrap());
        }
        let frames = [Frame::data(Bytes::from_static(b"abc")), Frame::trailers(trailers)];
        let body = StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Infallible>))).boxed();
        let mut asked = request(&gate, "POST", "/", &cookie, body);
        asked.headers_mut().insert("trailer", "x-check, x-user-id, x_user_id, cookie".parse().unwrap());
        let collected = ask(&mut sender, asked).await.into_body().collect().await.unwrap();
        assert!(collected.trailers().is_some_and(|trailers| !trailers.contains_key("set-cookie")));
        let sum = collected.trailers().and_then(|trailers| trailers.get("x-sum")).cloned();
        assert_eq!((sum.unwrap(), collected.to_bytes()), ("42".parse().unwrap(), Bytes::from_static(b"ok")));
    });
    let seen = gate.upstream.request();
    assert_eq!(
        (seen.body.as_slice(), seen.trailers.to_ascii_lowercase().as_str()),
        (&b"abc"[..], "x-check: 1\r\n")
    );
}

/// HTTP/2 has trailers without asking for them, so that neither side has to announce any.
#[test]
fn trailers_that_nobody_announced_come_with_an_answer_on_both_ways() {
    let upstream = Upstream::answering(|exchange| {
        let (body, trailers) = match exchange.seen.line().split(' ').nth(1) {
            Some("/empty") => ("", "X-Sum: 42\r\n"),
            Some("/none") => ("2\r\nok\r\n", ""),
            Some("/pieces") => ("1\r\no\r\n", "X-Sum: 42\r\n"),
            // What frames a message or rules a connection is no trailer (RFC 9110 section 6.5.1), nor is a cookie.
            _ => (
                "2\r\nok\r\n",
                "X-Sum: 42\r\nSet-Cookie: access_token=a\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
                 Transfer-Encoding: chunked\r\nContent-Length: 7\r\nTrailer: X-Sum\r\n",
            ),
        };
        let pieces = exchange.seen.line().contains("/pieces");
        let sent = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n{trailers}\r\n");
        for piece in sent.as_bytes().chunks(if pieces { 1 } else { sent.len() }) {
            exchange.write(piece);
        }
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = connect(&gate).await;
        for way in BOTH_WAYS {
            for (path, body, names) in [
                ("/all", "ok", &["x-sum"][..]),
                ("/empty", "", &["x-sum"]),
                ("/pieces", "o", &["x-sum"]),
                ("/none", "ok", &[]),
            ] {
                let response = ask(&mut sender, way(&gate, "GET", path, &cookie, none())).await;
                let collected = response.into_body().collect().await.unwrap();
                let trailers = collected.trailers().cloned().unwrap_or_default();
                let came: Vec<_> = trailers.keys().map(http::HeaderName::as_str).collect();
                assert_eq!(
                    (collected.to_bytes(), &came[..]),
                    (Bytes::from_static(body.as_bytes()), names),
                    "{path}"
                );
            }
        }
    });
    // The connections upstream are used again, whatever way was gone.
    assert!(gate.upstream.connections() <= 2, "{}", gate.upstream.connections());
}

#[test]
fn an_answer_that_is_cut_short_resets_its_stream_and_no_other() {
    let upstream = Upstream::answering(|exchange| {
        match exchange.seen.line().split(' ').nth(1) {
            Some("/length") => exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
            Some("/chunked") => {
                exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
            }
            Some("/garbled") => {
                exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
            }
            _ => {
                exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                return true;
            }
        }
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = connect(&gate).await;
        let cases =
            BOTH_WAYS.into_iter().flat_map(|way| ["/length", "/chunked", "/garbled"].map(|path| (way, path)));
        for (way, path) in cases {
            let whole = async {
                let response = sender.send_request(way(&gate, "GET", path, &cookie, none())).await?;
                // Chunks that make no sense and came with the head are told as what they are.
                let failed = response.status() == 502;
                response.into_body().collect().await.map(|body| if failed { None } else { Some(body) })
            };
            let whole = tokio::time::timeout(PATIENCE, whole).await.unwrap();
            assert!(!matches!(whole, Ok(Some(_))), "{path}: {whole:?}");
            let other = ask(&mut sender, request(&gate, "GET", "/good", &cookie, none())).await;
            assert_eq!(other.into_body().collect().await.unwrap().to_bytes(), "ok", "{path}");
        }
    });
}

#[test]
fn a_stream_that_its_client_resets_ends_the_upstreams_request_and_no_other() {
    let (left, noticed) = mpsc::channel();
    let left = Mutex::new(left);
    let upstream = Upstream::answering_heads(move |exchange| {
        let line = exchange.seen.line().to_owned();
        if line.contains("/good") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            return true;
        }
        if line.contains("/begun") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        }
        while matches!(exchange.stream.read(&mut [0; 4096]), Ok(1..)) {}
        left.lock().unwrap().send(line).unwrap();
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = connect(&gate).await;
        let cases = [("GET", "/head"), ("GET", "/begun"), ("POST", "/upload")];
        let cases = BOTH_WAYS.into_iter().flat_map(|way| cases.map(|(method, path)| (way, method, path)));
        for (way, method, path) in cases {
            let before = gate.upstream.requests().len();
            // One that never ends.
            let body = if method == "POST" {
                let first = [Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"abc")))];
                let frames = futures_util::StreamExt::chain(
                    futures_util::stream::iter(first),
                    futures_util::stream::pending(),
                );
                StreamBody::new(frames).boxed()
            } else {
                none()
            };
            let asked = sender.send_request(way(&gate, method, path, &cookie, body));
            if path == "/begun" {
                let response = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
                drop(response);
            } else {
                let reached = async {
                    while gate.upstream.requests().len() == before {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                };
                tokio::select! {
                    _ = asked => panic!("nothing answers {path}"),
                    () = reached => {}
                }
            }
            // The client's connection has its own task, which must run for the reset to be sent.
            let start = std::time::Instant::now();
            let line = loop {
                match noticed.try_recv() {
                    Ok(line) => break line,
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
                assert!(
                    start.elapsed() < Duration::from_secs(2),
                    "{method} {path}: the upstream wasn't told"
                );
            };
            assert!(line.contains(path));
            let other = ask(&mut sender, request(&gate, "GET", "/good", &cookie, none())).await;
            assert_eq!(other.into_body().collect().await.unwrap().to_bytes(), "ok", "{path}");
        }
    });
}

/// An upload goes no further than the upstream reads, and holds up no other stream.
#[test]
fn an_upload_that_nobody_reads_stops_at_its_window_and_others_go_on() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering_heads(move |exchange| {
        if exchange.seen.line().contains("/unread") {
            let _ = gone.lock().unwrap().recv();
            return false;
        }
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        true
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = connect(&gate).await;
        let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&taken);
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        let frames = futures_util::StreamExt::map(futures_util::stream::iter(0..1024), move |_| {
            counted.fetch_add(chunk.len(), std::sync::atomic::Ordering::SeqCst);
            Ok::<_, Infallible>(Frame::data(chunk.clone()))
        });
        let upload =
            sender.send_request(request(&gate, "POST", "/unread", &cookie, StreamBody::new(frames).boxed()));
        tokio::spawn(upload);
        // It has stopped when nothing more was taken for a while.
        let mut last = usize::MAX;
        while last != taken.load(std::sync::atomic::Ordering::SeqCst) {
            last = taken.load(std::sync::atomic::Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(last < 32 << 20, "{last} bytes were taken");
        for _ in 0..5 {
            let other = ask(&mut sender, request(&gate, "GET", "/good", &cookie, none())).await;
            assert_eq!(other.into_body().collect().await.unwrap().to_bytes(), "ok");
        }
    });
    drop(go);
}

#[test]
fn early_answers_and_whole_ones_come_while_an_upload_goes_on() {
    let upstream = Upstream::answering_heads(|exchange| {
        exchange
            .write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly");
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        for round in 0..5 {
            let mut sender = connect(&gate).await;
            let body = Full::new(Bytes::from(vec![b'x'; 2_000_000])).boxed();
            let response = ask(&mut sender, request(&gate, "POST", "/", &cookie, body)).await;
            assert_eq!(response.status(), 413, "round {round}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "early", "round {round}");
        }
    });
}
