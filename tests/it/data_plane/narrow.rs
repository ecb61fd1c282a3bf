//! Answers whose last part is on its way for longer than an idle connection is kept: they have been given away whole, and
//! their clients are slow.

use std::time::Instant;

use crate::support::{Gate, PATIENCE, Raw, Upstream};

/// More than the sockets take at once, and no more than is given away to be sent later.
const LENGTH: usize = 300_000;

fn gate(settings: &str) -> Gate {
    let upstream = Upstream::answering(|exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n{}", "x".repeat(LENGTH)));
        true
    });
    Gate::before(upstream, &format!("server.workers = 1\n{settings}"))
}

/// Returns when other connections have been idle for too long, one after the other.
fn wait_for_idle_ones(gate: &Gate) {
    for _ in 0..3 {
        let mut idle = gate.connect();
        idle.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
        assert_eq!(idle.answer().status, 200);
        assert!(idle.is_closed());
    }
}

#[test]
fn the_end_of_an_answer_waits_for_its_client_longer_than_an_idle_connection_does() {
    let gate = gate("server.keep_alive = \"300ms\"");
    let cookie = gate.signed_in();
    // What asks for trailers is hyper's.
    for way in ["", "TE: trailers\r\n"] {
        for next in [true, false] {
            let mut slow = Raw::narrow(gate.address);
            slow.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}{way}\r\n", gate.address));
            assert_eq!(slow.head().status, 200);
            wait_for_idle_ones(&gate);
            assert_eq!(slow.exactly(LENGTH).len(), LENGTH, "{way}");
            if next {
                slow.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
                assert_eq!(slow.answer().status, 200, "{way}");
            }
            assert!(slow.is_closed(), "it is idle now: {way}");
        }
    }
}

#[test]
fn a_client_that_takes_nothing_of_the_end_of_its_answer_is_not_waited_for_forever() {
    let gate = gate("upstream.idle_timeout = \"1s\"\nadmin.listen = \"127.0.0.1:0\"");
    let cookie = gate.signed_in();
    for way in ["", "TE: trailers\r\n"] {
        let mut mute = Raw::narrow(gate.address);
        mute.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}{way}\r\n", gate.address));
        assert_eq!(mute.head().status, 200);
        let start = Instant::now();
        while !gate.admin("GET /metrics").text().contains("\nsidegate_connections 0\n") {
            assert!(start.elapsed() < PATIENCE, "{way}");
            std::thread::yield_now();
        }
        assert!(mute.closed_before(LENGTH), "it is no whole answer: {way}");
    }
}
