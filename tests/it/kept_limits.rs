//! Limits survive a restart: who crashes the gate begins no new round of guesses.

use std::time::Duration;

use serde_json::json;

use crate::support::process::Process;
use crate::support::{Answer, Gate, PASSWORD, Upstream};

const TRUSTING: &str = "server.trusted_proxies = [\"127.0.0.1/32\"]\n";

fn post(process: &Process, path: &str, body: &serde_json::Value) -> Answer {
    let (mut connection, body) = (process.connect(), body.to_string());
    connection.write(format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        process.address,
        body.len()
    ));
    connection.answer()
}

fn sign_in(gate: &Gate, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    gate.post("/auth/signin", &body, &format!("X-Forwarded-For: {address}\r\n"))
}

#[test]
fn killing_the_process_gives_back_no_attempt() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let extra = "limits.signin_failures = \"4/1h\"\nlimits.signup = \"4/1h\"\n";
    let process = Process::serve(folder.path(), &upstream.url(), extra);
    let sign_up =
        |name: &str| json!({"email": format!("{name}@example.com"), "username": name, "password": PASSWORD});
    let guess = |name: &str| json!({"email": format!("{name}@example.com"), "password": "wrong"});
    let token = json!({"token": "none", "password": PASSWORD});
    for name in ["a", "b", "a", "c"] {
        assert_ne!(post(&process, "/auth/signup", &sign_up(name)).status, 429);
    }
    for _ in 0..4 {
        assert_eq!(post(&process, "/auth/signin", &guess("a")).status, 401);
        assert_eq!(post(&process, "/auth/signin", &guess("nobody")).status, 401);
    }
    for _ in 0..40 {
        assert_eq!(post(&process, "/auth/password/reset", &token).status, 400);
    }
    process.kill();
    drop(process);
    let process = Process::serve(folder.path(), &upstream.url(), extra);
    for email in ["a", "A", "nobody"] {
        assert_eq!(post(&process, "/auth/signin", &guess(email)).status, 429, "{email}");
    }
    assert_eq!(post(&process, "/auth/signup", &sign_up("d")).status, 429);
    assert_eq!(post(&process, "/auth/password/reset", &token).status, 429);
    // Others are not kept out by it.
    assert_eq!(post(&process, "/auth/signin", &guess("b")).status, 401);
}

#[test]
fn the_waits_of_an_account_and_a_devices_attempts_go_on_after_a_restart() {
    let mut gate = Gate::with(&format!("{TRUSTING}limits.signin_failures = \"2/15m\"\n"));
    gate.sign_up("jack@example.com");
    let known = sign_in(&gate, "192.0.2.1", "jack@example.com", PASSWORD).cookie("device_token").unwrap();
    for address in 0..11 {
        let answer = sign_in(&gate, &format!("203.0.113.{address}"), "jack@example.com", "wrong");
        assert_eq!(answer.status, 401, "{address}");
    }
    let by_device = |gate: &Gate, password: &str| {
        let body = json!({"email": "jack@example.com", "password": password}).to_string();
        gate.post("/auth/signin", &body, &format!("Cookie: device_token={known}\r\n")).status
    };
    assert_eq!([by_device(&gate, "wrong"), by_device(&gate, "wrong")], [401, 401]);
    gate.restart();
    let limited = sign_in(&gate, "203.0.113.99", "jack@example.com", "wrong");
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")));
    assert_eq!(limited.header("ratelimit-policy"), Some("\"signin-account\";q=10;w=9000"));
    assert_eq!(by_device(&gate, PASSWORD), 429, "its own are used up, and then it is a stranger");
    gate.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&gate, "203.0.113.99", "jack@example.com", "wrong").status, 401);
    gate.clock.advance(Duration::from_mins(8));
    assert_eq!(by_device(&gate, PASSWORD), 200);
}

/// Seen: a counter below its half was not kept, so that a guess, a crash and so on was never counted.
#[test]
fn a_crash_after_each_guess_gives_back_none() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let guess = json!({"email": "jack@example.com", "password": "wrong"});
    let statuses: Vec<_> = (0..4)
        .map(|_| {
            let process =
                Process::serve(folder.path(), &upstream.url(), "limits.signin_failures = \"3/1h\"\n");
            let status = post(&process, "/auth/signin", &guess).status;
            process.kill();
            status
        })
        .collect();
    assert_eq!(statuses, [401, 401, 401, 429]);
}

#[test]
fn each_failure_is_one_write_and_what_is_right_or_refused_is_none() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let store = gate.services().store.clone();
    let commits = |status: u16, guesses: usize| {
        let before = store.commits();
        for _ in 0..guesses {
            assert_eq!(sign_in(&gate, "", "jack@example.com", "wrong").status, status);
        }
        store.commits() - before
    };
    // Each with all that it counts.
    assert_eq!(commits(401, 10), 10);
    assert_eq!(commits(429, 3), 0);
    gate.clock.advance(Duration::from_mins(15));
    let before = store.commits();
    assert_eq!(sign_in(&gate, "", "jack@example.com", PASSWORD).status, 200);
    assert_eq!(store.commits() - before, 1, "the session");
}

#[test]
fn what_was_kept_is_over_when_it_would_be_without_a_restart_and_is_reclaimed() {
    let mut gate = Gate::with("limits.signin_failures = \"2/15m\"\n");
    gate.sign_up("jack@example.com");
    for _ in 0..2 {
        assert_eq!(sign_in(&gate, "", "jack@example.com", "wrong").status, 401);
    }
    let kept = |gate: &Gate| {
        let store = gate.services().store.clone();
        Gate::wait(store.kept_limits(sidegate::types::Timestamp::from_secs(0))).unwrap().len()
    };
    assert_eq!(kept(&gate), 4, "by account and network, by each of them, and the sign-up");
    gate.restart();
    assert_eq!(sign_in(&gate, "", "jack@example.com", PASSWORD).status, 429);
    gate.clock.advance(Duration::from_secs(451));
    assert_eq!(sign_in(&gate, "", "jack@example.com", PASSWORD).status, 200);
    gate.clock.advance(Duration::from_mins(30));
    Gate::wait(gate.services().sessions.sweep_once()).unwrap();
    assert_eq!(kept(&gate), 0);
}

#[test]
fn a_success_after_failures_never_makes_a_restart_lock_out_for_longer() {
    let mut gate = Gate::with("limits.signin_failures = \"4/15m\"\n");
    gate.sign_up("jack@example.com");
    for _ in 0..3 {
        assert_eq!(sign_in(&gate, "", "jack@example.com", "wrong").status, 401);
    }
    for _ in 0..5 {
        assert_eq!(sign_in(&gate, "", "jack@example.com", PASSWORD).status, 200);
    }
    gate.restart();
    assert_eq!(sign_in(&gate, "", "jack@example.com", "wrong").status, 401);
    assert_eq!(sign_in(&gate, "", "jack@example.com", PASSWORD).status, 429);
}

/// Seen: counters of a longer rate were full anew with each question, and after each restart, for all of their time.
#[test]
fn a_shorter_rate_at_a_restart_keeps_nobody_out_for_longer_than_it_says() {
    let mut gate = Gate::with("limits.signin_failures = \"2/10h\"\n");
    gate.sign_up("jack@example.com");
    let guess = |gate: &Gate| sign_in(gate, "", "jack@example.com", "wrong");
    assert_eq!([guess(&gate).status, guess(&gate).status], [401, 401]);
    let short = "limits.signin_failures = \"2/1m\"\n";
    gate.restart_with(short);
    assert_eq!(guess(&gate).status, 429);
    gate.clock.advance(Duration::from_secs(30));
    assert_eq!(guess(&gate).status, 401);
    gate.clock.advance(Duration::from_mins(1));
    gate.restart_with(short);
    assert_eq!(guess(&gate).status, 401, "what was kept is of the present rate, too");
}
