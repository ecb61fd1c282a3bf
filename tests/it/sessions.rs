//! A session's life through the running server: rotation, the grace, replays, lifetimes, restarts (contract section 5).

use std::collections::HashSet;
use std::time::Duration;

use crate::support::{Answer, Cookies, Gate};

const DAY: Duration = Duration::from_hours(24);

fn refresh(gate: &Gate, token: &str) -> Answer {
    gate.post("/auth/refresh", "", &format!("Cookie: refresh_token={token}\r\n"))
}

fn renewed(gate: &Gate, token: &str) -> Cookies {
    let answer = refresh(gate, token);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.cookies()
}

#[test]
fn two_hundred_parallel_refreshes_of_one_token_give_one_successor() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    let successors: HashSet<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = gate.connect();
                    let request = format!(
                        "POST /auth/refresh HTTP/1.1\r\nHost: {}\r\nCookie: refresh_token={}\r\nContent-Length: 0\r\n\r\n",
                        gate.address, first.refresh
                    );
                    (0..25).map(|_| {
                        connection.write(&request);
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
    assert_eq!(successors.len(), 1, "{successors:?}");
    assert!(!successors.contains(&first.refresh));
}

#[test]
fn a_lost_answer_logs_nobody_out_however_late_it_is_asked_for_again() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    let lost = renewed(&gate, &first.refresh);
    gate.clock.advance(DAY);
    assert_eq!(renewed(&gate, &first.refresh).refresh, lost.refresh, "the same successor again");
}

#[test]
fn a_token_whose_successor_was_used_more_than_ten_seconds_ago_ends_the_session_for_everybody() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    let second = renewed(&gate, &first.refresh);
    let third = renewed(&gate, &second.refresh);
    gate.clock.advance(Duration::from_secs(10));
    assert_eq!(renewed(&gate, &first.refresh).refresh, third.refresh, "ten seconds are within the grace");
    gate.clock.advance(Duration::from_millis(1));
    let replay = refresh(&gate, &first.refresh);
    assert_eq!((replay.status, replay.detail().as_str()), (401, "Invalid token"));
    assert_eq!(refresh(&gate, &third.refresh).status, 401, "the owner's newest token is dead, too");
    assert_eq!(gate.get("/", &format!("Cookie: access_token={}\r\n", third.access)).status, 401);
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn the_successors_access_token_starts_the_grace_as_well() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    let second = renewed(&gate, &first.refresh);
    assert_eq!(gate.get("/", &format!("Cookie: access_token={}\r\n", second.access)).status, 200);
    let uid = sidegate::types::UserId::new(1).unwrap();
    let start = std::time::Instant::now();
    while Gate::wait(gate.services().store.sessions_of(uid)).unwrap()[0].presented.is_empty() {
        assert!(start.elapsed() < crate::support::PATIENCE);
    }
    gate.clock.advance(Duration::from_millis(10_001));
    assert_eq!(refresh(&gate, &first.refresh).status, 401);
    assert_eq!(refresh(&gate, &second.refresh).status, 401);
}

#[test]
fn a_session_lasts_thirty_days_since_its_use_and_ninety_since_sign_in_to_the_second() {
    let gate = Gate::start();
    let mut cookies = gate.member("idle@example.com");
    gate.clock.advance(Duration::from_secs(30 * 86_400 - 1));
    cookies = renewed(&gate, &cookies.refresh);
    gate.clock.advance(DAY * 30);
    let idle = refresh(&gate, &cookies.refresh);
    assert_eq!((idle.status, idle.detail().as_str()), (401, "Token has expired"));

    let mut cookies = gate.member("busy@example.com");
    for _ in 0..3 {
        gate.clock.advance(DAY * 29);
        cookies = renewed(&gate, &cookies.refresh);
    }
    gate.clock.advance(Duration::from_secs(3 * 86_400 - 1));
    let last = refresh(&gate, &cookies.refresh);
    assert_eq!(last.status, 200);
    assert!(last.all("set-cookie").iter().any(|cookie| cookie.contains("Max-Age=1")), "{}", last.head);
    gate.clock.advance(Duration::from_secs(1));
    assert_eq!(refresh(&gate, &last.cookies().refresh).status, 401);
}

#[test]
fn tokens_outlive_a_restart() {
    let mut gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.restart();
    assert_eq!(gate.get("/", &format!("Cookie: access_token={}\r\n", cookies.access)).status, 200);
    assert_eq!(refresh(&gate, &cookies.refresh).status, 200);
}

#[test]
fn each_algorithm_serves_and_a_change_of_it_ends_the_old_tokens_alone() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let gate = Gate::with(&format!("tokens.algorithm = \"{algorithm}\""));
        let cookies = gate.member("jack@example.com");
        assert_eq!(gate.get("/", &format!("Cookie: access_token={}\r\n", cookies.access)).status, 200);
        let keys = gate.get("/auth/jwks.json", "").json();
        assert_eq!(keys["keys"][0]["alg"], algorithm);
        assert!(keys["keys"][0].get("d").is_none(), "{keys}");
    }
    let gate = Gate::with("tokens.secret = \"an HMAC secret of more than 32 bytes\"");
    let cookies = gate.member("jack@example.com");
    assert_eq!(gate.get("/", &format!("Cookie: access_token={}\r\n", cookies.access)).status, 200);
    assert_eq!(gate.get("/auth/jwks.json", "").text(), r#"{"keys":[]}"#);
}
