//! Whatever becomes of an answer on its way, nobody is signed out by it.

use std::collections::HashSet;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::{LAPSED, echoing, get, record, refresh, wait_until_noted};
use crate::support::{Cookies, Gate, Raw, Upstream};

const DAY: Duration = Duration::from_hours(24);

/// A request whose session was renewed in passing, and whose answer the upstream holds back until it is told to `go`.
struct HeldBack {
    gate: Gate,
    /// The cookies that it came with.
    old: Cookies,
    waiting: Raw,
    go: mpsc::Sender<()>,
}

fn held_back(extra: &str) -> HeldBack {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        if exchange.seen.line().starts_with("GET /slow") {
            gone.lock().unwrap().recv().unwrap();
        }
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        true
    });
    let gate = Gate::before(upstream, extra);
    let old = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let mut waiting = gate.connect();
    let head = format!("GET /slow HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", gate.address, old.header());
    waiting.write(head);
    gate.upstream.wait_for(1);
    HeldBack { gate, old, waiting, go }
}

#[test]
fn an_answer_that_takes_a_minute_signs_nobody_out() {
    let HeldBack { gate, old, mut waiting, go } = held_back("");
    assert_eq!(record(&gate).generation, 2, "it was renewed before it was forwarded");
    // All that the browser can send until then are the old cookies.
    for _ in 0..12 {
        gate.clock.advance(Duration::from_secs(5));
        assert_eq!(get(&gate, &old).status, 200);
        assert_eq!(refresh(&gate, &old.refresh).status, 200);
    }
    go.send(()).unwrap();
    let answer = waiting.answer();
    assert_eq!((answer.status, record(&gate).generation), (200, 2));
    let late = answer.cookies();
    assert_eq!(get(&gate, &late).status, 200);
    assert_eq!(refresh(&gate, &late.refresh).status, 200);
}

/// Seen: an answer that took its time brought the pair of when it was asked for. It overwrote newer cookies, whose next use
/// then looked like a thief's, and the session was over.
#[test]
fn a_late_answer_never_puts_older_cookies_in_the_place_of_newer_ones() {
    let HeldBack { gate, old, mut waiting, go } = held_back("");
    let second = get(&gate, &old).cookies();
    let third = refresh(&gate, &second.refresh).cookies();
    assert_eq!(get(&gate, &third).status, 200);
    wait_until_noted(&gate);
    gate.clock.advance(Duration::from_secs(11));
    go.send(()).unwrap();
    let late = waiting.answer();
    assert_eq!((late.status, late.all("set-cookie").len()), (200, 0), "{}", late.head);
    assert_eq!(refresh(&gate, &third.refresh).status, 200, "nobody is logged out");
}

#[test]
fn a_late_answer_brings_an_access_token_that_is_good_from_then_on() {
    let HeldBack { gate, mut waiting, go, .. } = held_back("upstream.response_timeout = \"1h\"\n");
    gate.clock.advance(LAPSED);
    go.send(()).unwrap();
    let late = waiting.answer().cookies();
    let access = gate.get("/auth/me", &format!("Cookie: access_token={}\r\n", late.access));
    assert_eq!(access.status, 200, "{access:?}");
}

#[test]
fn a_client_that_takes_no_cookies_from_a_101_comes_back_for_hours() {
    let gate = Gate::before(echoing(), "");
    let cookies = gate.member("jack@example.com");
    for round in 0..20 {
        gate.clock.advance(Duration::from_hours(1));
        let mut tunnel = gate.tunnel(&format!("Cookie: {}\r\n", cookies.header()));
        tunnel.write("hello");
        assert_eq!(tunnel.exactly(5), b"hello", "{round}");
    }
    assert_eq!(record(&gate).generation, 2);
    assert_eq!(refresh(&gate, &cookies.refresh).status, 200);
}

#[test]
fn a_laptop_that_slept_for_three_weeks_goes_on_and_may_lose_the_answer() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(DAY * 21);
    assert_eq!(get(&gate, &cookies).status, 200);
    // It went back to sleep before the answer had come; its token is good for thirty days, to the second.
    gate.clock.advance(Duration::from_millis(9 * 86_400_000 - 1));
    let again = get(&gate, &cookies);
    assert_eq!((again.status, record(&gate).generation), (200, 2));
    gate.clock.advance(Duration::from_millis(1));
    let over = get(&gate, &cookies);
    assert_eq!((over.status, over.detail().as_str()), (401, "Token has expired"));
    assert_eq!(get(&gate, &again.cookies()).status, 200, "the session itself goes on");
}

#[test]
fn tabs_that_are_pairs_apart_come_together_at_the_current_one() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let second = get(&gate, &first).cookies();
    assert_eq!(get(&gate, &second).status, 200);
    wait_until_noted(&gate);
    gate.clock.advance(Duration::from_secs(5));
    let third = refresh(&gate, &second.refresh).cookies();
    gate.clock.advance(Duration::from_secs(5));
    // Ten seconds after the second pair was first seen, two tabs still come with the first and the second.
    for late in [&first, &second] {
        let answer = get(&gate, late);
        assert_eq!(answer.status, 200);
        let answer = refresh(&gate, &late.refresh);
        assert_eq!((answer.status, answer.cookies().refresh), (200, third.refresh.clone()));
    }
    assert_eq!(record(&gate).generation, 3);
    assert_eq!(get(&gate, &third).status, 200);
}

#[test]
fn two_hundred_parallel_renewals_of_both_kinds_over_twenty_connections_give_one_successor() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let successors: HashSet<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..20)
            .map(|client| {
                let (gate, first) = (&gate, &first);
                scope.spawn(move || {
                    let mut connection = gate.connect();
                    let ask = |line: &str| {
                        format!(
                            "{line} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Length: 0\r\n\r\n",
                            gate.address,
                            first.header()
                        )
                    };
                    (0..10)
                        .map(|round| {
                            let in_passing = (client + round) % 2 == 0;
                            connection.write(ask(if in_passing { "PUT /" } else { "POST /auth/refresh" }));
                            let answer = connection.answer();
                            assert_eq!(answer.status, 200, "{answer:?}");
                            answer.cookies().refresh
                        })
                        .collect::<HashSet<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!((successors.len(), record(&gate).generation), (1, 2), "{successors:?}");
    assert_eq!(gate.upstream.requests().len(), 100);
    let successor = successors.into_iter().next().unwrap();
    assert_eq!(refresh(&gate, &successor).status, 200);
}
