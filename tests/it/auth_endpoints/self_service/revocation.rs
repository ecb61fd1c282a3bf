//! What a user ends is over at once: for cached verifications in both workers, for what is open, after a restart.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::{NEW, change_password, end, id_of, sign_out_everywhere};
use crate::auth_endpoints::cookie;
use crate::support::{Cookies, Gate, PASSWORD, Raw, Upstream};

/// An upstream that answers at once, streams events at `/events` and opens tunnels, both of which never fall silent.
fn upstream() -> Upstream {
    Upstream::answering_heads(|exchange| {
        let event: &[u8] = if exchange.seen.header("upgrade").is_some() {
            exchange
                .write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
            b"hello"
        } else if exchange.seen.line().starts_with("GET /events") {
            exchange.write(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            );
            b"1\r\na\r\n"
        } else {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            return true;
        };
        exchange.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        while exchange.stream.write_all(event).is_ok() {
            if exchange.stream.read(&mut [0; 64]).is_ok_and(|read| read == 0) {
                break;
            }
        }
        false
    })
}

fn ask(gate: &Gate, connection: &mut Raw, session: &Cookies) -> u16 {
    connection.write(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\n{}\r\n",
        gate.address,
        cookie(&session.header())
    ));
    connection.answer().status
}

fn stream(gate: &Gate, session: &Cookies) -> Raw {
    let mut stream = gate.connect();
    stream.write(format!(
        "GET /events HTTP/1.1\r\nHost: {}\r\n{}\r\n",
        gate.address,
        cookie(&session.header())
    ));
    assert_eq!(stream.head().status, 200);
    stream.exactly(12);
    stream
}

/// Jack has two sessions, both busy everywhere; `ending`, done in the first, ends the second (and the first, if it
/// says so).
fn ends_at_once(ending: impl Fn(&Gate, &Cookies, &Cookies), ends_both: bool) {
    let mut gate = Gate::before(upstream(), "");
    let (this, other) = (gate.member("jack@example.com"), gate.sign_in("jack@example.com"));
    // The kernel spreads connections over the two workers: with 16 of them one is left out once in 32,768 runs.
    let mut connections: Vec<_> = (0..16).map(|_| gate.connect()).collect();
    for connection in &mut connections {
        assert_eq!((ask(&gate, connection, &this), ask(&gate, connection, &other)), (200, 200));
    }
    let mut closing = vec![gate.tunnel(&cookie(&other.header())), stream(&gate, &other)];
    let mut kept = vec![gate.tunnel(&cookie(&this.header())), stream(&gate, &this)];
    if ends_both {
        closing.append(&mut kept);
    }
    ending(&gate, &this, &other);
    let ended = Instant::now();
    let expected = (if ends_both { 401 } else { 200 }, 401);
    for connection in &mut connections {
        assert_eq!((ask(&gate, connection, &this), ask(&gate, connection, &other)), expected);
    }
    for connection in &mut closing {
        while !connection.closed_before(1) {
            assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
        }
    }
    for connection in &mut kept {
        // More than was under way when the other session ended.
        connection.exactly(512);
    }
    drop(kept);
    gate.restart();
    let mut connection = gate.connect();
    assert_eq!((ask(&gate, &mut connection, &this), ask(&gate, &mut connection, &other)), expected);
}

#[test]
fn a_session_that_is_ended_from_the_list_is_over_at_once() {
    ends_at_once(|gate, this, other| assert_eq!(end(gate, &id_of(gate, other), this).status, 200), false);
}

#[test]
fn a_changed_password_ends_the_other_sessions_at_once() {
    ends_at_once(|gate, this, _| assert_eq!(change_password(gate, PASSWORD, NEW, this).status, 200), false);
}

#[test]
fn signing_out_everywhere_is_so_at_once() {
    ends_at_once(|gate, this, _| assert_eq!(sign_out_everywhere(gate, this).status, 200), true);
}
