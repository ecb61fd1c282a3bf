//! `GET /auth/sessions`, `DELETE /auth/sessions/{id}`, `POST /auth/signout/all`.

use std::time::Duration;

use serde_json::json;

use super::{audited, end, events, id_of, listed, me, programs, refresh, sign_out_everywhere, told};
use crate::auth_endpoints::{assert_cleared, cookie};
use crate::support::{Cookies, Gate, PASSWORD};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const NO_SUCH: &str = "There is no such session.";

fn sign_in_with(gate: &Gate, headers: &str) -> Cookies {
    let body = json!({"email": "jack@example.com", "password": PASSWORD}).to_string();
    gate.post("/auth/signin", &body, headers).cookies()
}

#[test]
fn sessions_are_listed_for_people_the_last_used_one_first() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    gate.member("jill@example.com");
    let first = sign_in_with(&gate, &format!("User-Agent: {FIREFOX}\r\n"));
    gate.clock.advance(Duration::from_mins(1));
    let second = sign_in_with(&gate, "User-Agent: curl/8.16.0\r\n");
    let ids = (id_of(&gate, &first), id_of(&gate, &second));
    let entry = |id: &str, created: &str, used: &str, device: &str, current: bool| {
        json!({
            "id": id, "created_at": format!("2027-01-15T{created}.000Z"), "last_used_at": format!("2027-01-15T{used}.000Z"),
            "address": "127.0.0.1", "device": device, "current": current
        })
    };
    let one = |used, current| entry(&ids.0, "08:00:00", used, "Firefox on Linux", current);
    let two = |current| entry(&ids.1, "08:01:00", "08:01:00", "curl", current);
    assert_eq!(listed(&gate, &first), [two(false), one("08:00:00", true)]);
    assert_eq!(listed(&gate, &second), [two(true), one("08:00:00", false)]);
    gate.clock.advance(Duration::from_mins(1));
    assert_eq!(refresh(&gate, &first), 200);
    assert_eq!(listed(&gate, &second), [one("08:02:00", false), two(true)]);
    let names: Vec<_> = one("", true).as_object().unwrap().keys().cloned().collect();
    let told: Vec<_> = listed(&gate, &first)[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(told, names);
}

#[test]
fn a_session_that_has_run_out_is_not_listed() {
    let gate = Gate::with("tokens.refresh_ttl = \"1h\"\n");
    let old = gate.member("jack@example.com");
    gate.clock.advance(Duration::from_mins(30));
    let new = gate.sign_in("jack@example.com");
    assert_eq!(listed(&gate, &new).len(), 2);
    gate.clock.advance(Duration::from_mins(14));
    assert_eq!(listed(&gate, &new).len(), 2);
    let renewed = gate.post("/auth/refresh", "", &cookie(&new.header())).cookies();
    gate.clock.advance(Duration::from_mins(16));
    let renewed = gate.post("/auth/refresh", "", &cookie(&renewed.header())).cookies();
    let listed = listed(&gate, &renewed);
    assert_eq!((listed.len(), &listed[0]["current"]), (1, &json!(true)), "{listed:?}");
    assert_eq!(refresh(&gate, &old), 401);
}

#[test]
fn the_address_is_what_a_trusted_proxy_vouches_for_and_else_the_peers() {
    for (trusted, expected) in
        [("server.trusted_proxies = [\"127.0.0.1/32\"]\n", "203.0.113.7"), ("", "127.0.0.1")]
    {
        let gate = Gate::with(trusted);
        gate.sign_up("jack@example.com");
        let jack = sign_in_with(&gate, "X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n");
        assert_eq!(listed(&gate, &jack)[0]["address"], expected);
    }
}

#[test]
fn a_hostile_user_agent_comes_out_harmless() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let device = |session: &Cookies| {
        let listed = listed(&gate, session);
        listed.iter().find(|session| session["current"] == true).unwrap()["device"].clone()
    };
    for (agent, expected) in [
        ("<script>alert(1)</script>", "Unknown device"),
        ("x\"onload=alert(1)//\t\u{fc}", "Unknown device"),
        ("<b>Firefox/1 Linux</b>", "Firefox on Linux"),
        ("", "Unknown device"),
    ] {
        let jack = sign_in_with(&gate, &format!("User-Agent: {agent}\r\n"));
        assert_eq!(device(&jack), expected, "{agent}");
    }
    assert_eq!(device(&gate.sign_in("jack@example.com")), "Unknown device", "without the header");
}

#[test]
fn a_session_is_ended_by_its_id_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::with(&audited(&folder));
    let (this, other) = (gate.member("jack@example.com"), gate.sign_in("jack@example.com"));
    let (id, own) = (id_of(&gate, &other), id_of(&gate, &this));
    let answer = end(&gate, &id, &this);
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok", "message": "Session ended."})));
    assert_eq!(answer.all("set-cookie").len(), 0);
    assert_eq!((me(&gate, &this), me(&gate, &other), refresh(&gate, &other)), (200, 401, 401));
    assert_eq!(told(&end(&gate, &id, &this)), (404, NO_SUCH.to_owned()), "it is gone");
    let answer = end(&gate, &own, &this);
    assert_eq!(answer.status, 200);
    assert_cleared(&answer);
    assert_eq!((me(&gate, &this), refresh(&gate, &this)), (401, 401));
    let told: Vec<_> = events(&folder)
        .iter()
        .map(|event| {
            (event["event"].clone(), event["uid"].clone(), event["session"].clone(), event["address"].clone())
        })
        .collect();
    let ended = |id: &str| (json!("session_ended"), json!(1), json!(id), json!("127.0.0.1"));
    assert_eq!(told, [ended(&id), ended(&own)]);
}

#[test]
fn another_users_session_is_answered_like_none_and_lives_on() {
    let gate = Gate::start();
    let (jack, jill) = (gate.member("jack@example.com"), gate.member("jill@example.com"));
    let (of_jack, of_jill) = (id_of(&gate, &jack), id_of(&gate, &jill));
    assert_eq!((listed(&gate, &jack).len(), listed(&gate, &jill).len()), (1, 1));
    let expected = end(&gate, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &jack);
    assert_eq!(told(&expected), (404, NO_SUCH.to_owned()));
    let encoded = format!("%{:02X}{}", of_jack.as_bytes()[0], &of_jack[1..]);
    for id in [
        of_jill.as_str(),
        "x",
        "..",
        "%2e%2e",
        &encoded,
        &of_jack[1..],
        &format!("{of_jack}="),
        &format!("{of_jack};x"),
        &format!("{of_jack}%00"),
        &format!("{of_jack}%2F"),
        &format!("{of_jack}{of_jill}"),
        &"a".repeat(2000),
    ] {
        let answer = end(&gate, id, &jack);
        assert_eq!((answer.status, answer.text()), (404, expected.text()), "{id}");
        assert_eq!(answer.all("set-cookie").len(), 0, "{id}");
    }
    assert_eq!((me(&gate, &jack), me(&gate, &jill)), (200, 200));
    for path in
        ["/auth/sessions/", &format!("/auth/sessions/{of_jack}/"), &format!("/auth/sessions//{of_jack}")]
    {
        let answer = gate.call("DELETE", path, "", &cookie(&jack.header()));
        assert_eq!(told(&answer), (404, "There is nothing at this path.".to_owned()), "{path}");
    }
    let wrong = gate.get(&format!("/auth/sessions/{of_jack}"), &cookie(&jack.header()));
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("DELETE")));
    assert_eq!(me(&gate, &jack), 200);
}

#[test]
fn signing_out_everywhere_ends_all_sessions_of_the_user_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = Gate::with(&audited(&folder));
    let (this, other) = (gate.member("jack@example.com"), gate.sign_in("jack@example.com"));
    let jill = gate.member("jill@example.com");
    let answer = sign_out_everywhere(&gate, &this);
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"status": "ok", "message": "Signed out everywhere."}))
    );
    assert_cleared(&answer);
    for session in [&this, &other] {
        assert_eq!((me(&gate, session), refresh(&gate, session)), (401, 401));
    }
    let again = sign_out_everywhere(&gate, &this);
    assert_eq!(told(&again), (401, "Invalid token".to_owned()));
    assert_eq!(again.all("set-cookie").len(), 0);
    let [event] = &events(&folder)[..] else { panic!("{:?}", events(&folder)) };
    assert_eq!(
        (&event["event"], &event["uid"], &event["address"], &event["sessions"]),
        (&json!("signed_out_everywhere"), &json!(1), &json!("127.0.0.1"), &json!(2))
    );
    gate.restart();
    assert_eq!((me(&gate, &this), me(&gate, &other), me(&gate, &jill)), (401, 401, 200));
}

#[test]
fn an_expired_access_token_is_not_renewed_in_passing_here() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let id = id_of(&gate, &jack);
    gate.clock.advance(Duration::from_mins(15));
    for (method, path) in [
        ("GET", "/auth/sessions"),
        ("PATCH", "/auth/me"),
        ("POST", "/auth/password"),
        ("POST", "/auth/signout/all"),
        ("DELETE", &format!("/auth/sessions/{id}")),
    ] {
        for (value, detail) in [
            (jack.header(), "Token has expired"),
            ("access_token=garbage".to_owned(), "Invalid token"),
            (format!("refresh_token={}", jack.refresh), "Not authenticated"),
        ] {
            let answer = gate.call(method, path, r#"{"username":"x"}"#, &cookie(&value));
            assert_eq!(told(&answer), (401, detail.to_owned()), "{method} {path}");
            assert_eq!(answer.all("set-cookie").len(), 0, "{method} {path}");
        }
    }
    assert_eq!(refresh(&gate, &jack), 200);
}

#[test]
fn a_store_that_fails_tells_no_lie_and_clears_no_cookies() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let id = id_of(&gate, &jack);
    Gate::wait(gate.services().store.close()).unwrap();
    for answer in [sign_out_everywhere(&gate, &jack), end(&gate, &id, &jack)] {
        assert_eq!((answer.status, answer.all("set-cookie").len()), (503, 0));
    }
}

#[test]
fn a_program_with_a_bearer_lists_and_ends_its_sessions() {
    let (gate, this, other) = programs();
    let listed = gate.get("/auth/sessions", &this).json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let id = listed.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap();
    assert_eq!(gate.call("DELETE", &format!("/auth/sessions/{id}"), "", &this).status, 200);
    assert_eq!((gate.get("/", &this).status, gate.get("/", &other).status), (200, 401));
    let answer = gate.call("POST", "/auth/signout/all", "", &this);
    assert_eq!(answer.status, 200);
    assert_cleared(&answer);
    assert_eq!(gate.get("/", &this).status, 401);
}

/// Seen: 180,000 sign-ins of one account without cookies made as many sessions, and `GET /auth/sessions` blocked a worker.
#[test]
fn a_sign_in_too_many_ends_the_session_that_was_used_least_recently() {
    let gate = Gate::with("passwords.memory = \"1MiB\"\n");
    gate.sign_up("jack@example.com");
    let enter = || {
        gate.clock.advance(Duration::from_secs(1));
        gate.sign_in("jack@example.com")
    };
    let mut sessions: Vec<_> = (0..256).map(|_| enter()).collect();
    assert_eq!(me(&gate, &sessions[0]), 200);
    assert_eq!(listed(&gate, &sessions[255]).len(), 256);
    sessions.push(enter());
    assert_eq!(me(&gate, &sessions[0]), 401, "the very next request is refused");
    assert_eq!(refresh(&gate, &sessions[0]), 401);
    assert!(sessions[1..].iter().all(|session| me(&gate, session) == 200), "the newest 256 go on");
    // The oldest of them is used, and so the next one goes.
    let answer = gate.post("/auth/refresh", "", &cookie(&sessions[1].header()));
    sessions[1] = answer.cookies();
    sessions.push(enter());
    assert_eq!((me(&gate, &sessions[1]), me(&gate, &sessions[2]), me(&gate, &sessions[3])), (200, 401, 200));
    assert_eq!(listed(&gate, &sessions[257]).len(), 256);
}
