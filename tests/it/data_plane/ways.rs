//! A connection changes between the direct way and hyper's with each request that asks for it: nothing is lost, nothing
//! that was a body becomes a request, and whoever reads slowly is waited for on both.

use std::net::Shutdown;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::{Gate, Upstream};

/// Wherever one reader hands over to the other, a request would begin.
#[test]
fn a_body_that_nobody_read_is_never_a_request() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: h\r\n{cookie}\r\n");
    for padding in 0..smuggled.len() {
        let body = format!("{}{}", "x".repeat(padding), smuggled.repeat(20_000 / smuggled.len()));
        let refused =
            format!("POST /auth/nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut connection = gate.connect();
        // What is asked first lets the second be read while the first is answered, or not.
        let first = if padding % 2 == 0 { "/" } else { "/auth/nowhere" };
        connection.write(format!("GET {first} HTTP/1.1\r\nHost: h\r\n{cookie}\r\n{refused}"));
        connection.answer();
        assert!(matches!(connection.answer().status, 403 | 404), "{padding}");
        connection.stream().shutdown(Shutdown::Write).unwrap();
        connection.rest();
    }
    let lines: Vec<_> = gate.upstream.requests().iter().map(|seen| seen.line().to_owned()).collect();
    assert!(lines.iter().all(|line| line == "GET / HTTP/1.1"), "{lines:?}");
}

#[test]
fn any_number_of_own_answers_is_given_to_what_came_at_once() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    for count in [15, 16, 17, 33, 100] {
        let mut connection = gate.connect();
        connection.write("GET /auth/nowhere HTTP/1.1\r\nHost: h\r\n\r\n".repeat(count));
        for number in 0..count {
            assert_eq!(connection.answer().status, 404, "{number} of {count}");
        }
        connection.write(format!("GET / HTTP/1.1\r\nHost: h\r\n{cookie}\r\n"));
        assert_eq!(connection.answer().status, 200, "{count}");
    }
}

#[test]
fn after_a_refused_upload_that_came_whole_the_connection_serves_again() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    for body in [
        "Content-Length: 3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    ] {
        let mut connection = gate.connect();
        for path in ["/", "/auth/nowhere"] {
            connection.write(format!("POST {path} HTTP/1.1\r\nHost: h\r\n{body}"));
            assert!(matches!(connection.answer().status, 401 | 404), "{body:?}");
            connection.write(format!("GET / HTTP/1.1\r\nHost: h\r\n{cookie}\r\n"));
            assert_eq!(connection.answer().status, 200, "after {body:?} to {path}");
        }
    }
}

#[test]
fn a_client_that_says_no_more_after_its_requests_gets_all_their_answers() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.1\r\nHost: h\r\n{cookie}\r\n").repeat(3));
    connection.stream().shutdown(Shutdown::Write).unwrap();
    let answered =
        std::iter::from_fn(|| connection.next_answer()).filter(|answer| answer.status == 200).count();
    assert!(answered >= 1, "{answered}");
}

#[test]
fn who_reads_slowly_but_steadily_gets_the_whole_answer_and_who_stops_is_let_go() {
    const LENGTH: usize = 8 * 1024 * 1024;
    let upstream = Upstream::answering(|exchange| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        exchange.write(head);
        exchange.write(vec![b'x'; LENGTH]);
        true
    });
    let gate = Gate::before(upstream, "upstream.idle_timeout = \"1s\"\n");
    let cookie = gate.signed_in();
    let asked = Instant::now();
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{cookie}\r\n"));
    // Nobody ever sends: it is a clock.
    let (_never, clock) = mpsc::channel::<()>();
    let mut read = 0;
    while asked.elapsed() < Duration::from_secs(3) {
        let _ = clock.recv_timeout(Duration::from_millis(100));
        // By the clock: on a busy machine this thread sleeps for longer, and would not be steady.
        let ticks = usize::try_from(asked.elapsed().as_millis() / 100).unwrap();
        read += connection.exactly((ticks * 64 * 1024).saturating_sub(read)).len();
    }
    read += connection.rest().len();
    assert!((LENGTH..LENGTH + 1024).contains(&read), "{read}");
}
