//! Connections to the upstream that wait for their next request: they are used again while they are young, and closed before
//! the upstream would.

use std::io::Read as _;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::{Gate, PATIENCE, Upstream};

#[test]
fn a_connection_that_has_waited_for_too_long_is_closed_and_not_used_again() {
    std::thread::scope(|scope| {
        // What asks for trailers is hyper's, and has connections of its own.
        for way in ["", "TE: trailers\r\n"] {
            scope.spawn(move || check(way));
        }
    });
}

fn check(way: &str) {
    let (told, ended) = mpsc::channel();
    let told = Mutex::new(told);
    let upstream = Upstream::answering(move |exchange| {
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if exchange.seen.line().contains("/last") {
            let answered = Instant::now();
            let is_closed = matches!(exchange.stream.read(&mut [0; 64]), Ok(0));
            told.lock().unwrap().send((is_closed, answered.elapsed())).unwrap();
            return false;
        }
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let lines = format!("{}{way}", gate.signed_in());
    for path in ["/first", "/second", "/last"] {
        assert_eq!(gate.get(path, &lines).text(), "ok", "{way:?} {path}");
    }
    assert_eq!(gate.upstream.connections(), 1, "{way:?}: it is used again at once");
    let (is_closed, waited) = ended.recv_timeout(PATIENCE).expect("it is closed in time");
    assert!(is_closed, "{way:?}: in order, and without another request");
    // Not too early either. A second more than this is said nowhere, and a busy machine may need more.
    assert!(waited > Duration::from_millis(3900), "{way:?}: {waited:?}");
    assert_eq!(gate.get("/next", &lines).text(), "ok", "{way:?}");
    assert_eq!(gate.upstream.connections(), 2, "{way:?}: the next request has another one");
}
