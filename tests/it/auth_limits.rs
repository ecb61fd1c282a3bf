//! How often signing in and up may be tried (contract sections 3 and 5).

use std::time::Duration;

use serde_json::json;
use sidegate::types::{Secret, UserId};

use crate::support::{Answer, Gate, PASSWORD};

/// The client's address is told by a proxy that is trusted.
const TRUSTING: &str = "server.trusted_proxies = [\"127.0.0.1/32\"]\n";

fn sign_in_from(gate: &Gate, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    gate.post("/auth/signin", &body, &format!("X-Forwarded-For: {address}\r\n"))
}

fn sign_in(gate: &Gate, email: &str, password: &str) -> Answer {
    gate.post("/auth/signin", &json!({"email": email, "password": password}).to_string(), "")
}

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").and_then(|value| value.parse().ok()).expect("whole seconds")
}

#[test]
fn the_eleventh_wrong_password_is_429_and_so_is_the_right_one_then() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    for _ in 0..10 {
        assert_eq!(sign_in(&gate, "jack@example.com", "wrong").status, 401);
    }
    let limited = sign_in(&gate, "jack@example.com", PASSWORD);
    assert_eq!((limited.status, limited.detail().as_str()), (429, "Too many attempts. Try again later."));
    let wait = retry_after(&limited);
    assert!((1..=90).contains(&wait), "{wait}");
    gate.clock.advance(Duration::from_secs(wait));
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 200);
}

#[test]
fn spellings_of_one_address_have_one_counter() {
    let gate = Gate::with("limits.signin_failures = \"2/15m\"\n");
    gate.sign_up("jack@example.com");
    for email in ["jack@example.com", "JACK@example.com"] {
        assert_eq!(sign_in(&gate, email, "wrong").status, 401, "{email}");
    }
    for email in ["Jack@EXAMPLE.com", "jack@example.com", " jack@example.com"] {
        assert_eq!(sign_in(&gate, email, "wrong").status, 429, "{email}");
    }
}

#[test]
fn an_unknown_address_is_counted_as_a_known_one_is() {
    let gate = Gate::with("limits.signin_failures = \"2/15m\"\n");
    let statuses: Vec<_> = (0..3).map(|_| sign_in(&gate, "nobody@example.com", "wrong").status).collect();
    assert_eq!(statuses, [401, 401, 429]);
}

#[test]
fn who_signs_in_is_never_counted() {
    let gate = Gate::with("limits.signin_failures = \"2/15m\"\n");
    gate.sign_up("jack@example.com");
    for _ in 0..50 {
        assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 200);
    }
}

#[test]
fn a_strangers_guesses_lock_nobody_out_elsewhere() {
    let gate = Gate::with(&format!("{TRUSTING}limits.signin_failures = \"2/15m\"\n"));
    gate.sign_up("jack@example.com");
    for _ in 0..3 {
        sign_in_from(&gate, "203.0.113.9", "jack@example.com", "wrong");
    }
    assert_eq!(sign_in_from(&gate, "203.0.113.9", "jack@example.com", PASSWORD).status, 429);
    assert_eq!(sign_in_from(&gate, "198.51.100.7", "jack@example.com", PASSWORD).status, 200);
}

#[test]
fn one_network_has_ten_times_one_accounts_attempts() {
    let gate = Gate::with(&format!("{TRUSTING}limits.signin_failures = \"2/15m\"\n"));
    for guess in 0..20 {
        let answer = sign_in_from(&gate, "203.0.113.9", &format!("user{guess}@example.com"), "wrong");
        assert_eq!(answer.status, 401, "{guess}");
    }
    assert_eq!(sign_in_from(&gate, "203.0.113.9", "another@example.com", "wrong").status, 429);
    assert_eq!(sign_in_from(&gate, "203.0.113.10", "another@example.com", "wrong").status, 401);
}

#[test]
fn an_ipv6_network_is_one_address() {
    let gate = Gate::with(&format!("{TRUSTING}limits.signin_failures = \"2/15m\"\n"));
    for (address, status) in [
        ("2001:db8:0:1::1", 401),
        ("2001:db8:0:1:ffff::2", 401),
        ("2001:db8:0:1::3", 429),
        ("2001:db8:0:2::1", 401),
    ] {
        assert_eq!(sign_in_from(&gate, address, "jack@example.com", "wrong").status, status, "{address}");
    }
}

#[test]
fn parallel_guesses_gain_nothing() {
    let gate = Gate::with("limits.signin_failures = \"3/15m\"\n");
    gate.sign_up("jack@example.com");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guesses: Vec<_> =
            (0..12).map(|_| scope.spawn(|| sign_in(&gate, "jack@example.com", "wrong").status)).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 3, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 9, "{statuses:?}");
}

#[test]
fn sign_ups_from_one_address_are_limited() {
    let gate = Gate::with("limits.signup = \"3/1h\"\n");
    for (email, status) in [("a", 200), ("b", 200), ("a", 409), ("c", 429)] {
        assert_eq!(gate.sign_up(&format!("{email}@example.com")).status, status, "{email}");
    }
    let limited = gate.sign_up("c@example.com");
    assert!((1..=1200).contains(&retry_after(&limited)));
    gate.clock.advance(Duration::from_mins(20));
    assert_eq!(gate.sign_up("c@example.com").status, 200);
}

#[test]
fn a_sign_up_that_is_refused_for_its_values_costs_no_attempt() {
    let gate = Gate::with("limits.signup = \"1/1h\"\n");
    for _ in 0..5 {
        let body = r#"{"email":"a@example.com","username":"a","password":"short"}"#;
        assert_eq!(gate.post("/auth/signup", body, "").status, 422);
    }
    assert_eq!(gate.sign_up("a@example.com").status, 200);
}

#[test]
fn more_sign_ins_than_can_wait_for_a_hash_are_503_at_once() {
    let gate = Gate::with("passwords.queue = 1\nlimits.signin_failures = \"100/15m\"\n");
    gate.sign_up("jack@example.com");
    // Of Python's argon2-cffi: a thousand times the work of this gate's own, so that its threads are busy.
    let slow =
        "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$ovQkBJ4yTKsiPLFgbCDe8auKlIA3iMcDLWkNLVsb57M";
    let (store, slow) = (gate.services().store.clone(), Secret::new(slow.to_owned()));
    Gate::wait(async {
        let user = store.user(UserId::new(1).unwrap()).await.unwrap().unwrap();
        assert!(store.renew_password_hash(user.id, user.password.unwrap(), slow).await.unwrap());
    });
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..16).map(|_| scope.spawn(|| sign_in(&gate, "jack@example.com", "wrong"))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty() && answers.iter().all(|answer| matches!(answer.status, 401 | 503)));
    for answer in busy {
        assert_eq!(answer.detail(), "The service is busy. Try again shortly.");
        assert!(retry_after(answer) >= 1);
    }
}

#[test]
fn a_client_that_hammers_is_refused_at_a_walking_pace() {
    let gate = Gate::with("limits.signin_failures = \"1/15m\"\n");
    assert_eq!(sign_in(&gate, "jack@example.com", "wrong").status, 401);
    let begun = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(sign_in(&gate, "jack@example.com", "wrong").status, 429);
    }
    // Refused at once, it would have asked a thousand times.
    assert!(begun.elapsed() >= Duration::from_millis(600), "{:?}", begun.elapsed());
}
