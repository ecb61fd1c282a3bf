//! Bodies of known length that come after their heads: the direct way feeds them to the upstream as they come.

use std::io::Read as _;
use std::net::Shutdown;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::upstream::Exchange;
use crate::support::{Gate, PATIENCE, Upstream};

fn post(gate: &Gate, cookie: &str, path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Length: {length}\r\n\r\n", gate.address)
}

/// Reads so many bytes of the body at the upstream.
fn take(exchange: &mut Exchange, count: usize) -> Vec<u8> {
    while exchange.rest.len() < count {
        let mut bytes = vec![0; 64 * 1024];
        match exchange.stream.read(&mut bytes) {
            Ok(got @ 1..) => exchange.rest.extend_from_slice(&bytes[..got]),
            _ => break,
        }
    }
    let count = count.min(exchange.rest.len());
    exchange.rest.drain(..count).collect()
}

#[test]
fn a_body_arrives_byte_for_byte_however_it_is_cut_and_what_follows_is_a_request() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let body: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut connection = gate.connect();
    for (at, first) in [0, 1, 100, 8 * 1024, 16 * 1024, 500_000].into_iter().enumerate() {
        let mut sent = post(&gate, &cookie, "/up", body.len()).into_bytes();
        sent.extend_from_slice(&body[..first]);
        let before = gate.upstream.bytes();
        connection.write(&sent);
        let asked = Instant::now();
        while gate.upstream.bytes() == before {
            assert!(asked.elapsed() < PATIENCE, "{first}: the head has not arrived");
            std::thread::yield_now();
        }
        let next = format!("GET /next HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
        connection.write([&body[first..], next.as_bytes()].concat());
        assert_eq!(connection.answer().status, 200, "{first}");
        assert_eq!(connection.answer().status, 200, "{first}");
        let requests = gate.upstream.requests();
        assert_eq!(requests.len(), 2 * (at + 1));
        let [up, next] = &requests[2 * at..] else { panic!("{first}") };
        assert!(up.body == body, "{first}: other bytes");
        assert_eq!((up.line(), next.line()), ("POST /up HTTP/1.1", "GET /next HTTP/1.1"));
    }
    // One after the other: the connections were used again.
    assert_eq!(gate.upstream.connections(), 1);
}

#[test]
fn both_directions_go_on_at_once() {
    let upstream = Upstream::answering_heads(|exchange| {
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n");
        for _ in 0..1000 {
            let piece = take(exchange, 4);
            exchange.write(piece);
        }
        true
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    for _ in 0..2 {
        connection.write(post(&gate, &cookie, "/echo", 4000));
        assert_eq!(connection.head().status, 200);
        for number in 0..1000_u32 {
            // The next one is said only when this one has come back.
            connection.write(number.to_le_bytes());
            assert_eq!(connection.exactly(4), number.to_le_bytes());
        }
    }
    assert_eq!(gate.upstream.connections(), 1);
}

#[test]
fn an_upload_that_breaks_off_never_looks_whole_and_its_connection_serves_nobody_else() {
    let (told, ends) = mpsc::channel();
    let told = Mutex::new(told);
    let upstream = Upstream::answering_heads(move |exchange| {
        if exchange.seen.line().starts_with("GET") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            return true;
        }
        let got = take(exchange, 100_000).len();
        told.lock().unwrap().send(got).unwrap();
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    for half in [true, false] {
        let mut connection = gate.connect();
        connection.write(post(&gate, &cookie, "/up", 100_000));
        connection.write(vec![b'x'; 40_000]);
        if half {
            connection.stream().shutdown(Shutdown::Write).unwrap();
        } else {
            drop(connection);
        }
        let got = ends.recv_timeout(PATIENCE).unwrap();
        assert!(got <= 40_000, "{got}");
        assert_eq!(gate.get("/", &cookie).text(), "ok");
    }
}

#[test]
fn what_the_upstream_does_not_take_is_let_go_and_the_client_hears_why() {
    let upstream = Upstream::answering_heads(|_| false);
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(post(&gate, &cookie, "/up", 8_000_000));
    let _ = connection.try_write(vec![b'x'; 8_000_000]);
    let answer = connection.answer();
    assert_eq!(answer.status, 502);
}

#[test]
fn an_early_answer_to_a_body_that_goes_on_leaves_the_connection_in_order() {
    let upstream = Upstream::answering_heads(|exchange| {
        if exchange.seen.line().starts_with("GET") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
            return true;
        }
        exchange.write("HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nearly");
        take(exchange, 300_000);
        true
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(post(&gate, &cookie, "/up", 300_000));
    assert_eq!(connection.answer().text(), "early");
    connection.write(vec![b'x'; 300_000]);
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.answer().text(), "next");
}

#[test]
fn a_client_that_stops_in_the_middle_is_not_waited_for_for_ever() {
    let gate = Gate::before(Upstream::start(), "upstream.idle_timeout = \"300ms\"");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    let asked = Instant::now();
    connection.write(post(&gate, &cookie, "/up", 100_000));
    connection.write("abc");
    assert_eq!(connection.answer().status, 504);
    connection.rest();
    assert!(asked.elapsed() < PATIENCE);
    assert!(asked.elapsed() > Duration::from_millis(290));
}

#[test]
fn an_upload_ends_with_its_session() {
    let upstream = Upstream::answering_heads(|exchange| take(exchange, 1_000_000).len() == 1_000_000);
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(post(&gate, &cookie, "/up", 1_000_000));
    connection.write("abc");
    gate.upstream.wait_for(1);
    assert_eq!(gate.post("/auth/signout", "{}", &cookie).status, 200);
    let ended = Instant::now();
    assert_eq!(connection.answer().status, 401);
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
}

#[test]
fn an_early_answer_is_there_by_tls_while_the_client_holds_back_the_end_of_its_request() {
    const LENGTH: usize = 3_000_000;
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering_heads(move |exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
        exchange.write(vec![b'x'; LENGTH]);
        let _ = gone.lock().unwrap().recv();
        false
    });
    let (gate, papers) = crate::tls::secured_before(upstream, "");
    let cookie = gate.signed_in();
    // What is held back is held back when the socket is full at the last write: mostly it is, in some of them.
    for _ in 0..4 {
        let mut connection =
            crate::support::Raw::narrow(gate.address).by_tls(papers.client(&[]), "localhost");
        connection.write(post(&gate, &cookie, "/up", 100));
        assert_eq!(connection.head().status, 200);
        assert_eq!(connection.exactly(LENGTH).len(), LENGTH);
        let _ = go.send(());
    }
}
