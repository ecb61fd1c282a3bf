//! The head that reaches the upstream, compared whole: byte for byte, with nothing sorted and nothing left out.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};

use super::stage::echoing;
use crate::support::http2::connect;
use crate::support::{Gate, Upstream};

fn gate(upstream: Upstream) -> Gate {
    Gate::before(upstream, "server.workers = 1")
}

/// What a browser says, and some of what nobody but the gate may say.
const SENT: &str = "User-Agent: b/1\r\naccept: */*\r\nX-User-Id: 7\r\nX-Forwarded-For: 9.9.9.9\r\nX-A: 1\r\n\
                    x-a: 2\r\nX-Request-Id: id-1\r\nKeep-Alive: 5\r\nCookie: b=2\r\n";

/// Asserts that it is this, where `{gate}` stands for the gate's address.
fn assert_head(gate: &Gate, expected: &[&str]) {
    let lines: Vec<_> =
        expected.iter().map(|line| line.replace("{gate}", &gate.address.to_string())).collect();
    assert_eq!(gate.upstream.last().head, lines.join("\r\n") + "\r\n\r\n");
}

fn ask(gate: &Gate, line: &str, more: &str, body: &str) {
    let cookie = gate.signed_in();
    let host = format!("HTTP/1.1\r\nHost: {}\r\n{cookie}", gate.address);
    let mut connection = gate.connect();
    connection.write(format!("{line} {host}{SENT}{more}\r\n{body}"));
    assert!(matches!(connection.answer().status, 101 | 200));
}

#[test]
fn the_direct_ways_is_what_was_sent_and_what_the_gate_adds() {
    let gate = gate(echoing());
    ask(&gate, "GET /a?b=%20", "", "");
    assert_head(
        &gate,
        &[
            "GET /a?b=%20 HTTP/1.1",
            "Host: {gate}",
            "User-Agent: b/1",
            "Accept: */*",
            "X-A: 1",
            "X-A: 2",
            "Cookie: b=2",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: {gate}",
            "Forwarded: for=127.0.0.1;host=\"{gate}\";proto=http",
            "X-Request-Id: id-1",
            "X-User-Id: 1",
        ],
    );
}

#[test]
fn a_body_of_known_length_keeps_its_length() {
    let gate = gate(echoing());
    ask(&gate, "POST /a", "Content-Length: 3\r\n", "abc");
    assert_head(
        &gate,
        &[
            "POST /a HTTP/1.1",
            "Host: {gate}",
            "User-Agent: b/1",
            "Accept: */*",
            "X-A: 1",
            "X-A: 2",
            "Content-Length: 3",
            "Cookie: b=2",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: {gate}",
            "Forwarded: for=127.0.0.1;host=\"{gate}\";proto=http",
            "X-Request-Id: id-1",
            "X-User-Id: 1",
        ],
    );
}

#[test]
fn hypers_ways_says_that_it_takes_trailers() {
    let gate = gate(echoing());
    ask(&gate, "GET /a?b=%20", "TE: trailers\r\n", "");
    assert_head(
        &gate,
        &[
            "GET /a?b=%20 HTTP/1.1",
            "Host: {gate}",
            "Connection: TE",
            "User-Agent: b/1",
            "Accept: */*",
            "Te: trailers",
            "Cookie: b=2",
            "X-A: 1",
            "X-A: 2",
            "X-Request-Id: id-1",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: {gate}",
            "Forwarded: for=127.0.0.1;host=\"{gate}\";proto=http",
            "X-User-Id: 1",
        ],
    );
}

#[test]
fn an_upload_in_chunks_stays_one() {
    let gate = gate(echoing());
    ask(&gate, "POST /a", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
    assert_head(
        &gate,
        &[
            "POST /a HTTP/1.1",
            "Host: {gate}",
            "Transfer-Encoding: chunked",
            "User-Agent: b/1",
            "Accept: */*",
            "X-Request-Id: id-1",
            "Cookie: b=2",
            "X-A: 1",
            "X-A: 2",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: {gate}",
            "Forwarded: for=127.0.0.1;host=\"{gate}\";proto=http",
            "X-User-Id: 1",
        ],
    );
}

#[test]
fn a_handshake_of_a_websocket_offers_what_the_client_offers() {
    let gate = gate(Upstream::answering(|exchange| {
        if exchange.seen.header("upgrade").is_none() {
            exchange.write("HTTP/1.1 204 No Content\r\n\r\n");
            return true;
        }
        exchange
            .write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        false
    }));
    let handshake = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n";
    ask(&gate, "GET /chat", handshake, "");
    assert_head(
        &gate,
        &[
            "GET /chat HTTP/1.1",
            "Host: {gate}",
            "Upgrade: websocket",
            "User-Agent: b/1",
            "Accept: */*",
            "Connection: Upgrade",
            "Cookie: b=2",
            "X-A: 1",
            "X-A: 2",
            "X-Request-Id: id-1",
            "Sec-Websocket-Version: 13",
            "Sec-Websocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-Websocket-Protocol: chat",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: {gate}",
            "Forwarded: for=127.0.0.1;host=\"{gate}\";proto=http",
            "X-User-Id: 1",
        ],
    );
}

#[test]
fn a_request_by_http_2_is_one_of_http_1_1() {
    const DIRECT: &[&str] = &[
        "GET /a?b=%20 HTTP/1.1",
        "User-Agent: b/1",
        "Accept: */*",
        "X-A: 1",
        "X-A: 2",
        "Host: {gate}",
        "Cookie: b=2",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: {gate}",
        "Forwarded: for=127.0.0.1;host=\"{gate}\";proto=http",
        "X-Request-Id: id-1",
        "X-User-Id: 1",
    ];
    const HYPERS: &[&str] = &[
        "GET /a?b=%20 HTTP/1.1",
        "Connection: TE",
        "User-Agent: b/1",
        "Accept: */*",
        "Te: trailers",
        "Cookie: b=2",
        "X-A: 1",
        "X-A: 2",
        "X-Request-Id: id-1",
        "Host: {gate}",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: {gate}",
        "Forwarded: for=127.0.0.1;host=\"{gate}\";proto=http",
        "X-User-Id: 1",
    ];
    let gate = gate(echoing());
    let cookie = gate.member("jack@example.com").header();
    // Who takes trailers goes another way.
    for (te, expected) in [(None, DIRECT), (Some("trailers"), HYPERS)] {
        let mut request =
            http::Request::get(format!("http://{}/a?b=%20", gate.address)).header("cookie", &cookie);
        for line in SENT.trim_end().split("\r\n").filter(|line| !line.starts_with("Keep-Alive")) {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        if let Some(te) = te {
            request = request.header("te", te);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        Gate::wait(async {
            let response = connect(&gate).await.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            response.into_body().collect().await.unwrap();
        });
        assert_head(&gate, expected);
    }
}
