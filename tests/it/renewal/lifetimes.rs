//! A session's two ends, since its last use and since its beginning, to the second wherever it is used.

use std::time::{Duration, Instant};

use super::{echoing, get, refresh};
use crate::support::{Answer, Gate};

const MILLISECOND: Duration = Duration::from_millis(1);
/// After it, an hour has a millisecond left.
const ALMOST: Duration = Duration::from_millis(3_600_000 - 1);

fn is_expired(answer: &Answer) {
    assert_eq!((answer.status, answer.detail().as_str()), (401, "Token has expired"));
}

#[test]
fn an_unused_session_ends_to_the_second_for_each_way_of_renewing() {
    let gate = Gate::with("tokens.refresh_ttl = \"1h\"");
    let mut cookies = gate.member("jack@example.com");
    for _ in 0..3 {
        gate.clock.advance(Duration::from_secs(3599));
        cookies = get(&gate, &cookies).cookies();
    }
    gate.clock.advance(ALMOST);
    let renewed = refresh(&gate, &cookies.refresh);
    assert_eq!(renewed.status, 200);
    let cookies = renewed.cookies();
    // Renewed at ….999; its end is cut to the second, as its token says it.
    gate.clock.advance(Duration::from_secs(3599));
    assert_eq!(refresh(&gate, &cookies.refresh).status, 200);
    gate.clock.advance(MILLISECOND);
    is_expired(&get(&gate, &cookies));
    is_expired(&refresh(&gate, &cookies.refresh));
    is_expired(&gate.get("/", &format!("Cookie: access_token={}\r\n", cookies.access)));
    is_expired(&gate.get("/auth/me", &format!("Cookie: {}\r\n", cookies.header())));
    assert_eq!(gate.upstream.requests().len(), 3);
}

#[test]
fn a_busy_session_ends_to_the_second_after_its_beginning() {
    let gate = Gate::with("tokens.session_ttl = \"1h\"");
    let mut cookies = gate.member("jack@example.com");
    let mut line = gate.connect();
    let mut ask = |access: &str| {
        line.write(format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nCookie: access_token={access}\r\n\r\n",
            gate.address
        ));
        line.answer()
    };
    for _ in 0..5 {
        gate.clock.advance(Duration::from_mins(10));
        cookies = refresh(&gate, &cookies.refresh).cookies();
    }
    let last = refresh(&gate, &cookies.refresh);
    let lifetimes: Vec<_> =
        last.all("set-cookie").into_iter().map(|line| line.contains("Max-Age=600")).collect();
    assert_eq!(lifetimes, [true, true], "neither token outlives the session: {}", last.head);
    let cookies = last.cookies();
    gate.clock.advance(Duration::from_millis(600_000 - 1));
    assert_eq!(ask(&cookies.access).status, 200);
    let renewed = refresh(&gate, &cookies.refresh);
    assert_eq!(renewed.status, 200, "there is a millisecond left");
    gate.clock.advance(MILLISECOND);
    for cookies in [cookies, renewed.cookies()] {
        is_expired(&ask(&cookies.access));
        is_expired(&refresh(&gate, &cookies.refresh));
        is_expired(&get(&gate, &cookies));
    }
}

#[test]
fn an_open_tunnel_ends_with_either_lifetime_and_not_before() {
    for settings in ["tokens.session_ttl = \"1h\"", "tokens.refresh_ttl = \"1h\""] {
        let gate = Gate::before(echoing(), settings);
        let mut tunnel = gate.tunnel(&gate.signed_in());
        gate.clock.advance(ALMOST);
        // Two sweeps go by: it is not too early.
        let before = Instant::now();
        while before.elapsed() < Duration::from_millis(1200) {
            tunnel.write("still here");
            assert_eq!(tunnel.exactly(10), b"still here", "{settings}");
            std::thread::sleep(Duration::from_millis(100));
        }
        gate.clock.advance(Duration::from_secs(1));
        let over = Instant::now();
        assert!(tunnel.is_closed());
        assert!(over.elapsed() < Duration::from_secs(3), "{settings}: {:?}", over.elapsed());
    }
}
