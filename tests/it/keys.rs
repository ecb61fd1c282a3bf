//! The rotation of signing keys, as the running server shows it: nobody is signed out, nothing outlives its key.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::streaming::shouting;
use crate::support::{Answer, Gate, PATIENCE, Raw};

/// An access token's lifetime by default, and how much longer its key is published.
const ACCESS: Duration = Duration::from_mins(15);
const SLACK: Duration = Duration::from_secs(61);
const SECOND: Duration = Duration::from_secs(1);

fn rotate(gate: &Gate) {
    Gate::wait(gate.services().sessions.rotate_keys()).unwrap();
}

/// The names in the published set, as it has them.
fn published(gate: &Gate) -> Vec<String> {
    let set = gate.get("/auth/jwks.json", "").json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The name of the key that signed a token.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Asks with an access token alone, so that nothing is renewed; over one connection it is one worker that answers.
fn ask(gate: &Gate, connection: &mut Raw, access: &str) -> Answer {
    let cookie = format!("Cookie: access_token={access}");
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n\r\n", gate.address));
    connection.answer()
}

fn status(gate: &Gate, access: &str) -> u16 {
    ask(gate, &mut gate.connect(), access).status
}

fn refresh(gate: &Gate, token: &str) -> Answer {
    gate.post("/auth/refresh", "", &format!("Cookie: refresh_token={token}\r\n"))
}

/// What the keeper does once a second has a bound, and no moment.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_rotation_lets_a_new_key_sign_at_once_and_the_old_tokens_stay_good_until_they_expire() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let gate = Gate::with(&format!("tokens.algorithm = \"{algorithm}\""));
        let before = gate.member("jack@example.com").access;
        let mut connection = gate.connect();
        assert_eq!(ask(&gate, &mut connection, &before).status, 200);
        rotate(&gate);
        let after = gate.sign_in("jack@example.com").access;
        assert_ne!(kid(&before), kid(&after));
        assert_eq!(published(&gate), [kid(&after), kid(&before)], "both, the newest first");
        // A worker that has verified it, and whichever comes.
        assert_eq!(ask(&gate, &mut connection, &before).status, 200);
        assert_eq!((status(&gate, &before), status(&gate, &after)), (200, 200));
        gate.clock.advance(Duration::from_secs(15 * 60 - 1));
        assert_eq!(ask(&gate, &mut connection, &before).status, 200);
        gate.clock.advance(SECOND);
        assert_eq!(ask(&gate, &mut connection, &before).status, 401);
        assert_eq!(ask(&gate, &mut connection, &after).status, 401, "it is as old");
    }
}

#[test]
fn a_retired_key_is_gone_once_the_last_token_that_it_signed_is_over() {
    let gate = Gate::start();
    let old = kid(&gate.member("jack@example.com").access);
    rotate(&gate);
    let new = kid(&gate.sign_in("jack@example.com").access);
    gate.clock.advance(ACCESS + SLACK);
    // Whatever the keeper's next round is, this one changes nothing yet.
    Gate::wait(gate.services().sessions.keep_keys(None)).unwrap();
    assert_eq!(published(&gate), [new.clone(), old]);
    gate.clock.advance(Duration::from_millis(1));
    until("the old key goes", || published(&gate) == [new.clone()]);
    let kept = Gate::wait(gate.services().store.signing_keys()).unwrap();
    assert_eq!(kept.iter().map(|key| &key.kid).collect::<Vec<_>>(), [&new], "from the disk as well");
    assert_eq!(status(&gate, &gate.sign_in("jack@example.com").access), 200);
}

/// Line 18 of the known weaknesses: nothing that is cached outlives a change of keys.
#[test]
fn a_token_whose_key_is_gone_is_refused_though_it_is_cached_and_has_not_expired() {
    let gate = Gate::start();
    let old = gate.member("jack@example.com").access;
    let mut connection = gate.connect();
    assert_eq!(ask(&gate, &mut connection, &old).status, 200);
    rotate(&gate);
    assert_eq!(ask(&gate, &mut connection, &old).status, 200, "cached, and verified under both keys");
    let new = gate.sign_in("jack@example.com").access;
    assert_eq!(ask(&gate, &mut connection, &new).status, 200);
    // As another process at the same database would drop it: long before its time.
    let end_of_time = sidegate::types::Timestamp::from_millis(u64::MAX);
    assert!(Gate::wait(gate.services().store.drop_retired_keys(end_of_time)).unwrap().is_some());
    until("the cached token is refused", || ask(&gate, &mut connection, &old).status == 401);
    assert_eq!(published(&gate), [kid(&new)]);
    assert_eq!(ask(&gate, &mut connection, &new).status, 200);
    let me = gate.get("/auth/me", &format!("Cookie: access_token={old}\r\n"));
    assert_eq!((me.status, me.detail().as_str()), (401, "Invalid token"));
}

#[test]
fn a_tunnel_and_a_session_outlive_the_key_that_they_began_with() {
    let gate = Gate::before(shouting(), "");
    let cookies = gate.member("jack@example.com");
    let mut tunnel = gate.tunnel(&format!("Cookie: {}\r\n", cookies.header()));
    for _ in 0..3 {
        rotate(&gate);
        gate.clock.advance(ACCESS + SLACK + SECOND);
        until("the old key goes", || published(&gate).len() == 1);
    }
    tunnel.write("still here");
    assert_eq!(tunnel.exactly(10), b"STILL HERE");
    let renewed = refresh(&gate, &cookies.refresh);
    assert_eq!(renewed.status, 200);
    assert_eq!(published(&gate), [kid(&renewed.cookies().access)]);
    // The answer to a replay of it is the same refresh token: a rotation of keys changes nothing about them.
    assert_eq!(refresh(&gate, &cookies.refresh).cookies().refresh, renewed.cookies().refresh);
    assert_eq!(Gate::wait(gate.services().sessions.count()).unwrap(), 1);
}

#[test]
fn keys_are_the_same_after_a_restart_in_the_middle_of_a_rotation() {
    let mut gate = Gate::start();
    let before = gate.member("jack@example.com").access;
    rotate(&gate);
    let after = gate.sign_in("jack@example.com").access;
    gate.restart();
    assert_eq!((status(&gate, &before), status(&gate, &after)), (200, 200));
    assert_eq!(published(&gate), [kid(&after), kid(&before)]);
    assert_eq!(kid(&gate.sign_in("jack@example.com").access), kid(&after));
    // What has run out is not accepted for as much as one request of the next start.
    gate.clock.advance(ACCESS + SLACK + SECOND);
    gate.restart();
    assert_eq!(published(&gate), [kid(&after)]);
}

#[test]
fn a_key_is_rotated_when_it_is_as_old_as_the_setting_says_and_not_before() {
    let gate = Gate::with("tokens.rotate_keys = \"1h\"");
    let first = published(&gate);
    assert_eq!(first.len(), 1);
    gate.clock.advance(Duration::from_secs(3600 - 1));
    Gate::wait(gate.services().sessions.keep_keys(Some(Duration::from_hours(1)))).unwrap();
    assert_eq!(published(&gate), first);
    gate.clock.advance(SECOND);
    until("a new key signs", || published(&gate).len() == 2);
    let second = published(&gate)[0].clone();
    assert_eq!(published(&gate), [second.clone(), first[0].clone()]);
    assert_eq!(kid(&gate.member("jack@example.com").access), second);
    // Its own time counts from when it was made.
    gate.clock.advance(Duration::from_secs(3600 - 1));
    until("the first one is gone", || published(&gate) == [second.clone()]);
    gate.clock.advance(SECOND);
    until("a third one signs", || published(&gate).len() == 2 && published(&gate)[1] == second);
}

#[test]
fn a_key_that_grew_too_old_while_no_gate_ran_is_rotated_at_the_start() {
    let mut gate = Gate::start();
    let first = published(&gate);
    gate.clock.advance(Duration::from_hours(48));
    gate.restart();
    Gate::wait(gate.services().sessions.keep_keys(None)).unwrap();
    assert_eq!(published(&gate), first, "without the setting a key has no age");
    gate.restart_with("tokens.rotate_keys = \"1d\"");
    until("a new key signs", || published(&gate).len() == 2);
    assert_eq!(published(&gate)[1], first[0]);
}

#[test]
fn with_a_shared_secret_nothing_is_rotated_nor_published() {
    let gate = Gate::with("tokens.secret = \"0123456789abcdef0123456789abcdef\"");
    let access = gate.member("jack@example.com").access;
    let sessions = &gate.services().sessions;
    assert!(Gate::wait(sessions.rotate_keys()).is_err());
    Gate::wait(sessions.keep_keys(Some(Duration::from_hours(1)))).unwrap();
    assert_eq!(gate.get("/auth/jwks.json", "").text(), r#"{"keys":[]}"#);
    assert_eq!(status(&gate, &access), 200);
}

#[test]
fn a_rotation_is_told_to_the_audit_log_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.log");
    let gate = Gate::with(&format!("tokens.rotate_keys = \"1h\"\nlog.audit = \"{}\"", log.display()));
    let lines = || {
        let text = std::fs::read_to_string(&log).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["event"] == "keys_rotated").collect::<Vec<_>>()
    };
    rotate(&gate);
    gate.clock.advance(Duration::from_hours(1));
    until("the schedule rotates", || lines().len() == 2);
    let lines = lines();
    assert_eq!((&lines[0]["by"], &lines[1]["by"]), (&"operator".into(), &"schedule".into()));
    assert_eq!(lines[1]["kid"], published(&gate)[0]);
    assert_eq!(lines[0].as_object().unwrap().len(), 4, "time, event, kid, by: {}", lines[0]);
}

#[test]
fn rotations_under_load_refuse_nobody() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 5 * THREADS;
    let gate = Gate::with("server.workers = 2\nlimits.signup = \"1000/1h\"");
    let (rounds, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut rotations = 0;
    let seen: Vec<HashSet<String>> = std::thread::scope(|scope| {
        let (gate, rounds, enough) = (&gate, &rounds, &enough);
        let visitors: Vec<_> = (0..THREADS)
            .map(|number| {
                scope.spawn(move || {
                    let email = format!("u{number}@example.com");
                    let mut cookies = gate.member(&email);
                    let (mut connection, mut kids) = (gate.connect(), HashSet::new());
                    while !enough.load(Ordering::Relaxed) {
                        let former = cookies.access.clone();
                        cookies = gate.sign_in(&email);
                        for access in [&cookies.access, &former, &cookies.access] {
                            let answer = ask(gate, &mut connection, access);
                            // A sign-in from another connection, without the cookie, replaces no session.
                            assert_eq!(answer.status, 200, "{answer:?}");
                        }
                        let renewed = refresh(gate, &cookies.refresh);
                        assert_eq!(renewed.status, 200, "{renewed:?}");
                        cookies = renewed.cookies();
                        kids.insert(kid(&cookies.access));
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                    kids
                })
            })
            .collect();
        // One that has failed goes no more rounds.
        while rounds.load(Ordering::Relaxed) < ROUNDS && !visitors.iter().any(ScopedJoinHandle::is_finished) {
            rotate(gate);
            rotations += 1;
        }
        enough.store(true, Ordering::Relaxed);
        visitors.into_iter().map(|visitor| visitor.join().unwrap()).collect()
    });
    assert_eq!(published(&gate).len(), rotations + 1);
    assert!(seen.iter().flatten().collect::<HashSet<_>>().len() > 1, "the rotations came in between");
    let known: HashSet<_> = published(&gate).into_iter().collect();
    assert!(seen.iter().flatten().all(|kid| known.contains(kid)));
}

#[test]
fn who_has_the_key_set_already_is_told_so_and_gets_another_one_after_a_rotation() {
    let gate = Gate::start();
    let whole = gate.get("/auth/jwks.json", "");
    let etag = whole.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "a strong one: {etag}");
    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\" , {etag}"), "*".to_owned()] {
        for method in ["GET", "HEAD"] {
            let mut connection = gate.connect();
            connection.write(format!(
                "{method} /auth/jwks.json HTTP/1.1\r\nHost: {}\r\nIf-None-Match: {known}\r\n\r\n",
                gate.address
            ));
            let answer = connection.answer_to(method);
            assert_eq!((answer.status, answer.header("etag")), (304, Some(etag.as_str())), "{known}");
            for name in ["cache-control", "cdn-cache-control"] {
                assert_eq!(answer.header(name), whole.header(name), "{name}");
            }
            // RFC 9110 section 8.6: none, or the one that a 200 would have.
            let length = answer.header("content-length");
            assert!(length.is_none() || length == whole.header("content-length"), "{}", answer.head);
            // Nothing follows: the connection is good for another request.
            connection.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
            assert_eq!(connection.answer().status, 200);
        }
    }
    assert_eq!(whole.header("cache-control"), Some("no-store"));
    // Seen: with `max-age=60` a shared cache gave backends the set of before for a minute after a rotation, and they refused
    // every fresh token.
    assert_eq!(whole.header("cdn-cache-control"), Some("public, no-cache"));
    for other in ["\"x\"", "x", ""] {
        let answer = gate.get("/auth/jwks.json", &format!("If-None-Match: {other}\r\n"));
        assert_eq!((answer.status, answer.text()), (200, whole.text()), "{other}");
    }
    rotate(&gate);
    let answer = gate.get("/auth/jwks.json", &format!("If-None-Match: {etag}\r\n"));
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("etag").unwrap(), etag);
    assert!(!answer.text().contains("\"d\""), "{}", answer.text());
}

/// Seen: the private key of an algorithm that was set before stayed in the database for ever.
#[test]
fn the_key_of_a_former_algorithm_is_gone_once_its_last_token_is_over_and_does_not_come_back() {
    let kept = |gate: &Gate| {
        let keys = Gate::wait(gate.services().store.signing_keys()).unwrap();
        keys.into_iter().map(|key| key.kid).collect::<Vec<_>>()
    };
    let secret = "tokens.secret = \"an HMAC secret of more than 32 bytes\"";
    for other in ["tokens.algorithm = \"ES256\"", secret] {
        let mut gate = Gate::start();
        let cookies = gate.member("jack@example.com");
        let old = kid(&cookies.access);
        gate.restart_with(other);
        assert_eq!(status(&gate, &cookies.access), 401);
        let renewed = refresh(&gate, &cookies.refresh);
        assert_eq!(renewed.status, 200, "nobody is signed out");
        assert_eq!(status(&gate, &renewed.cookies().access), 200);
        gate.clock.advance(ACCESS + SLACK);
        Gate::wait(gate.services().sessions.keep_keys(None)).unwrap();
        assert!(kept(&gate).contains(&old), "who goes back at once has lost nothing");
        gate.clock.advance(Duration::from_millis(1));
        until("the old key goes", || !kept(&gate).contains(&old));
        gate.restart_with("");
        let again = gate.sign_in("jack@example.com").access;
        assert_ne!(kid(&again), old, "{other}");
        assert_eq!((status(&gate, &again), published(&gate)), (200, vec![kid(&again)]));
    }
}

#[test]
fn who_goes_back_to_an_algorithm_at_once_finds_the_old_tokens_good_and_signs_with_another_key() {
    let mut gate = Gate::start();
    let before = gate.member("jack@example.com").access;
    gate.restart_with("tokens.algorithm = \"ES256\"");
    gate.restart_with("");
    let after = gate.sign_in("jack@example.com").access;
    assert_eq!((status(&gate, &before), status(&gate, &after)), (200, 200));
    assert_eq!(published(&gate), [kid(&after), kid(&before)]);
}
