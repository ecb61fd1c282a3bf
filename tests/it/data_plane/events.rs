//! Server-sent events go on one by one, each as soon as it is there, whatever way they take.

use std::io::Write as _;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};

use crate::support::http2::connect;
use crate::support::{Gate, Upstream};

const EVENTS: usize = 50;

/// So many have to be there at once: a busy machine lets single ones wait.
const AT_ONCE: usize = 45;

/// In one of so many rounds, for it lets more of them wait at times, but never half of them. A gate that gathers events, or that waits for an
/// acknowledgement before it sends, is late in all of them.
const ROUNDS: usize = 5;

/// As the upstream says it: 12 bytes.
pub(crate) fn event(number: usize) -> String {
    format!("data: {number:04}\n\n")
}

/// Has each event sent by `go`, takes it by `take` before the next one, and asserts that they come at once.
pub(crate) fn assert_each_comes_at_once(
    name: &str,
    go: &mpsc::Sender<usize>,
    mut take: impl FnMut() -> Vec<u8>,
) {
    let mut late = Vec::new();
    for _ in 0..ROUNDS {
        let mut times: Vec<_> = (0..EVENTS)
            .map(|number| {
                let sent = Instant::now();
                go.send(number).unwrap();
                let got = take();
                let took = sent.elapsed();
                assert_eq!(String::from_utf8_lossy(&got), event(number), "{name}");
                took
            })
            .collect();
        times.sort();
        assert!(times[EVENTS / 2] < Duration::from_millis(5), "{name}: {times:?}");
        if times[AT_ONCE - 1] < Duration::from_millis(5) {
            return;
        }
        late.push(times);
    }
    panic!("{name}: {late:?}");
}

/// An upstream that sends an event when it is told to, and the end when nobody can tell it any more.
fn telling(chunked: bool) -> (Upstream, mpsc::Sender<usize>) {
    let (go, gone) = mpsc::channel::<usize>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        let framing = if chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
        exchange.stream.set_nodelay(true).unwrap();
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n"));
        let gone = gone.lock().unwrap();
        while let Ok(number) = gone.recv() {
            let event = event(number);
            let sent = if chunked { format!("{:x}\r\n{event}\r\n", event.len()) } else { event };
            exchange.stream.write_all(sent.as_bytes()).unwrap();
        }
        if chunked {
            exchange.write("0\r\n\r\n");
        }
        false
    });
    (upstream, go)
}

/// By HTTP/1.1, with these further lines in the request.
pub(crate) fn assert_at_once_over_http_1(name: &str, gate: &Gate, go: mpsc::Sender<usize>, lines: &str) {
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET /events HTTP/1.1\r\nHost: {}\r\n{cookie}{lines}\r\n", gate.address));
    // Before the first event, too: a browser says that the stream is open.
    assert_eq!(connection.head().header("content-type"), Some("text/event-stream"), "{name}");
    assert_each_comes_at_once(name, &go, || {
        let chunk = connection.exactly(17);
        assert!(chunk.to_ascii_uppercase().starts_with(b"C\r\n") && chunk.ends_with(b"\r\n"), "{name}");
        chunk[3..15].to_vec()
    });
    drop(go);
    assert_eq!(connection.exactly(5), b"0\r\n\r\n", "{name}");
}

#[test]
fn each_event_is_passed_on_within_five_milliseconds() {
    for chunked in [true, false] {
        for (way, lines) in [("direct", ""), ("hyper's", "TE: trailers\r\n")] {
            let (upstream, go) = telling(chunked);
            let gate = Gate::before(upstream, "server.workers = 1");
            let name = format!("{way} way, chunked: {chunked}");
            assert_at_once_over_http_1(&name, &gate, go, lines);
        }
    }
}

#[test]
fn each_event_is_passed_on_by_tls_within_five_milliseconds() {
    for (way, lines) in [("direct", ""), ("hyper's", "TE: trailers\r\n")] {
        let (upstream, go) = telling(true);
        let (gate, _papers) = crate::tls::secured_before(upstream, "server.workers = 1");
        assert_at_once_over_http_1(&format!("{way} way by TLS"), &gate, go, lines);
    }
}

#[test]
fn each_event_is_passed_on_over_http_2_within_five_milliseconds() {
    // Who takes trailers goes another way.
    for te in [None, Some("trailers")] {
        let (upstream, go) = telling(true);
        let gate = Gate::before(upstream, "server.workers = 1");
        assert_at_once_over_http_2(&format!("HTTP/2, te: {te:?}"), &gate, go, te);
    }
}

/// By HTTP/2, with or without a `TE`.
pub(crate) fn assert_at_once_over_http_2(
    name: &str,
    gate: &Gate,
    go: mpsc::Sender<usize>,
    te: Option<&'static str>,
) {
    let mut request = http::Request::get(format!("http://{}/events", gate.address))
        .header("cookie", gate.member("jack@example.com").header());
    if let Some(te) = te {
        request = request.header("te", te);
    }
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut sender = runtime.block_on(connect(gate));
    let response = runtime.block_on(sender.send_request(request)).unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream", "{name}");
    let mut body = response.into_body();
    assert_each_comes_at_once(name, &go, || {
        runtime.block_on(async { body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec() })
    });
    drop(go);
    assert!(runtime.block_on(body.frame()).is_none_or(|end| end.is_ok()), "{name}: it ends in order");
}
