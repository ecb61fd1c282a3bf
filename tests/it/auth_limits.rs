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
fn an_account_fails_fifty_times_for_nothing_and_then_each_attempt_waits_wherever_it_comes_from() {
    let gate = Gate::with(TRUSTING);
    gate.sign_up("jack@example.com");
    let guess =
        |number: u32| sign_in_from(&gate, &format!("203.0.113.{number}"), "jack@example.com", "wrong").status;
    // The last one begins the first wait.
    for number in 0..51 {
        assert_eq!(guess(number), 401, "{number}");
    }
    let limited = sign_in_from(&gate, "198.51.100.7", "jack@example.com", PASSWORD);
    assert_eq!((limited.status, retry_after(&limited)), (429, 1));
    assert_eq!(limited.header("ratelimit-policy"), Some("\"signin-account\";q=50;w=45000"));
    // Another account is another matter.
    assert_eq!(sign_in_from(&gate, "198.51.100.7", "jill@example.com", "wrong").status, 401);
    // No lock-out: who knows the password waits a second, and their success ends the wait.
    gate.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in_from(&gate, "198.51.100.7", "jack@example.com", PASSWORD).status, 200);
    assert_eq!(sign_in_from(&gate, "198.51.100.7", "jack@example.com", PASSWORD).status, 200);
    let mut waits = Vec::new();
    for number in 51..85 {
        assert_eq!(guess(number), 401, "{number}");
        let limited = sign_in_from(&gate, "198.51.100.8", "jack@example.com", "wrong");
        waits.push(retry_after(&limited));
        gate.clock.advance(Duration::from_secs(retry_after(&limited)));
    }
    assert!(waits.is_sorted() && waits.first() == Some(&1) && waits.last() == Some(&8), "{waits:?}");
}

#[test]
fn parallel_guesses_at_one_account_from_many_addresses_gain_nothing() {
    let gate = Gate::with(&format!("{TRUSTING}limits.signin_failures = \"2/15m\"\n"));
    gate.sign_up("jack@example.com");
    let guess = |number: usize| {
        let gate = &gate;
        move || sign_in_from(gate, &format!("203.0.113.{number}"), "jack@example.com", "wrong").status
    };
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..30).map(|number| scope.spawn(guess(number))).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 11, "{statuses:?}");
}

#[test]
fn weakness_13_made_up_names_lock_nobody_out() {
    let gate = Gate::with(TRUSTING);
    gate.sign_up("jack@example.com");
    // In parallel, since a refusal takes its time.
    std::thread::scope(|scope| {
        for stranger in 0..30 {
            let gate = &gate;
            scope.spawn(move || {
                for number in 0..20 {
                    let name = format!("made-up-{stranger}-{number}@example.com");
                    sign_in_from(gate, &format!("203.1.{stranger}.{number}"), &name, "wrong");
                    sign_in_from(gate, "203.0.113.9", &name, "wrong");
                }
            });
        }
    });
    assert_eq!(sign_in_from(&gate, "203.0.113.9", "jack@example.com", PASSWORD).status, 429);
    assert_eq!(sign_in_from(&gate, "198.51.100.7", "jack@example.com", PASSWORD).status, 200);
    assert_eq!(sign_in_from(&gate, "198.51.100.7", "made-up-1-1@example.com", "wrong").status, 401);
}

#[test]
fn weaknesses_9_and_10_one_account_has_one_counter_however_it_is_spelt() {
    let gate = Gate::with("limits.signin_failures = \"3/15m\"\n");
    gate.sign_up("john@b\u{fc}cher.example");
    for email in ["John@b\u{fc}cher.example", "JOHN@B\u{dc}CHER.example", "john@xn--bcher-kva.EXAMPLE"] {
        assert_eq!(sign_in(&gate, email, "wrong").status, 401, "{email}");
    }
    for email in ["john@bu\u{308}cher.example", "JOHN@XN--BCHER-KVA.example", " john@b\u{fc}cher.example"] {
        assert_eq!(sign_in(&gate, email, PASSWORD).status, 429, "{email}");
    }
}

#[test]
fn weakness_21_an_address_that_no_trusted_proxy_vouches_for_is_not_counted_by() {
    let gate = Gate::with("limits.signin_failures = \"2/15m\"\n");
    let statuses: Vec<_> = (0..4)
        .map(|number| sign_in_from(&gate, &format!("203.0.113.{number}"), "jack@example.com", "wrong").status)
        .collect();
    assert_eq!(statuses, [401, 401, 429, 429]);
    let forwarded = "Forwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n";
    let body = json!({"email": "jack@example.com", "password": "wrong"}).to_string();
    assert_eq!(gate.post("/auth/signin", &body, forwarded).status, 429);
}

#[test]
fn weakness_25_an_address_is_counted_by_what_it_is_and_not_how_it_is_written() {
    let gate = Gate::with(&format!("{TRUSTING}limits.signin_failures = \"2/15m\"\n"));
    for (address, status) in [
        ("203.0.113.9", 401),
        ("::ffff:203.0.113.9", 401),
        ("[::ffff:cb00:7109]:4711", 429),
        ("203.0.113.9:80", 429),
        ("2001:DB8:0:1::1", 401),
        ("2001:db8::1:0:0:0:2", 401),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", 429),
    ] {
        assert_eq!(sign_in_from(&gate, address, "jack@example.com", "wrong").status, status, "{address}");
    }
}

#[test]
fn a_429_names_its_limit_and_lets_pages_of_other_origins_read_it() {
    let gate = Gate::with("limits.signin_failures = \"1/15m\"\nlimits.signup = \"1/1h\"\n");
    gate.sign_up("jack@example.com");
    let origin = "Origin: http://127.0.0.1:5500\r\n";
    let sign_in = json!({"email": "jack@example.com", "password": "wrong"}).to_string();
    let sign_up = json!({"email": "a@example.com", "username": "a", "password": PASSWORD}).to_string();
    let reset = json!({"token": "none", "password": PASSWORD}).to_string();
    for (path, body, policy, left) in [
        ("/auth/signin", &sign_in, "\"signin\";q=1;w=900", "\"signin\";r=0;t=900"),
        ("/auth/signup", &sign_up, "\"signup\";q=1;w=3600", "\"signup\";r=0;t=3600"),
        ("/auth/password/reset", &reset, "\"reset\";q=10;w=900", "\"reset\";r=0;t=90"),
    ] {
        let answers = std::iter::repeat_with(|| gate.post(path, body, origin));
        let limited = answers.take(20).find(|answer| answer.status == 429).unwrap();
        assert_eq!(limited.header("ratelimit-policy"), Some(policy));
        assert_eq!(limited.header("ratelimit"), Some(left));
        let exposed = limited.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("RateLimit, RateLimit-Policy, Retry-After"), "{exposed}");
        let page = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n";
        let form = body.replace(['{', '}', '"'], "").replace(':', "=").replace(',', "&").replace('@', "%40");
        let page = gate.post_as("application/x-www-form-urlencoded", path, &form.replace(' ', "+"), page);
        assert!(page.status == 429 && page.text().contains("Too many attempts."), "{}", page.head);
        assert_eq!((page.header("ratelimit-policy"), page.header("ratelimit")), (Some(policy), Some(left)));
        assert_eq!(page.header("retry-after"), limited.header("retry-after"));
    }
    let network =
        (0..20).map(|n| json!({"email": format!("x{n}@example.com"), "password": "wrong"}).to_string());
    let limited =
        network.map(|body| gate.post("/auth/signin", &body, "")).find(|answer| answer.status == 429);
    assert_eq!(limited.unwrap().header("ratelimit-policy"), Some("\"signin-network\";q=10;w=900"));
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
fn more_sign_ins_than_can_wait_for_a_hash_are_503() {
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
