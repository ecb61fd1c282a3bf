//! A session at work: `GET /auth/me`, `POST /auth/refresh`, `POST /auth/signout`.

use std::time::Duration;

use serde_json::json;
use sidegate::types::UserId;

use super::{assert_cleared, bearer, cookie};
use crate::support::{Gate, PASSWORD};

#[test]
fn me_is_the_record_of_who_is_signed_in() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let answer = gate.get("/auth/me", &cookie(&cookies.header()));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"uid": 1, "email": "jack@example.com", "username": "jack", "is_active": true, "roles": []})
    );
}

#[test]
fn me_says_what_is_wrong_with_a_token() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let me = |value: &str| {
        let answer = gate.get("/auth/me", &cookie(value));
        (answer.status, answer.detail())
    };
    for (value, detail) in [
        (String::new(), "Not authenticated"),
        ("access_token=".to_owned(), "Not authenticated"),
        (format!("refresh_token={}", cookies.refresh), "Not authenticated"),
        (format!("access_token={}; access_token=x", cookies.access), "Not authenticated"),
        (format!("access_token={}", cookies.refresh), "Invalid token"),
        (format!("access_token={}x", cookies.access), "Invalid token"),
        ("access_token=garbage".to_owned(), "Invalid token"),
    ] {
        assert_eq!(me(&value), (401, detail.to_owned()), "{value:.60}");
    }
    assert_eq!(gate.get("/auth/me", &bearer(&cookies.access)).detail(), "Not authenticated");
    gate.clock.advance(Duration::from_mins(15));
    assert_eq!(me(&cookies.header()), (401, "Token has expired".to_owned()));
}

#[test]
fn a_disabled_users_token_opens_nothing_from_the_next_request_on() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    Gate::wait(gate.services().accounts.set_active(UserId::new(1).unwrap(), false)).unwrap().unwrap();
    let answer = gate.get("/auth/me", &cookie(&cookies.header()));
    assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"));
    let answer = gate.post("/auth/refresh", "", &cookie(&cookies.header()));
    assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"));
}

#[test]
fn a_refresh_gives_a_new_pair() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    gate.clock.advance(Duration::from_secs(5));
    let answer = gate.post("/auth/refresh", "", &cookie(&first.header()));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["uid"], 1);
    let second = answer.cookies();
    assert_ne!((&first.access, &first.refresh), (&second.access, &second.refresh));
    assert_eq!(gate.get("/auth/me", &cookie(&second.header())).status, 200);
}

#[test]
fn a_refresh_without_a_good_token_is_401_and_clears_the_cookies() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    for (value, detail) in [
        (String::new(), "Not authenticated"),
        (format!("refresh_token={}; refresh_token=x", cookies.refresh), "Not authenticated"),
        (format!("refresh_token={}", cookies.access), "Invalid token"),
        ("refresh_token=garbage".to_owned(), "Invalid token"),
    ] {
        let answer = gate.post("/auth/refresh", "", &cookie(&value));
        assert_eq!((answer.status, answer.detail().as_str()), (401, detail), "{value:.60}");
        assert_cleared(&answer);
    }
    gate.clock.advance(Duration::from_hours(30 * 24));
    let answer = gate.post("/auth/refresh", "", &cookie(&cookies.header()));
    assert_eq!((answer.status, answer.detail().as_str()), (401, "Token has expired"));
    assert_cleared(&answer);
}

#[test]
fn a_rotated_token_within_the_grace_is_answered_with_the_current_pair() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    let second = gate.post("/auth/refresh", "", &cookie(&first.header())).cookies();
    let again = gate.post("/auth/refresh", "", &cookie(&first.header()));
    assert_eq!((again.status, again.cookies().refresh), (200, second.refresh));
}

#[test]
fn a_stolen_refresh_token_ends_the_session_when_it_is_used() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    let second = gate.post("/auth/refresh", "", &cookie(&first.header())).cookies();
    assert_eq!(gate.get("/auth/me", &cookie(&second.header())).status, 200);
    gate.clock.advance(Duration::from_millis(10_001));
    let theft = gate.post("/auth/refresh", "", &cookie(&first.header()));
    assert_eq!((theft.status, theft.detail().as_str()), (401, "Invalid token"));
    assert_eq!(gate.get("/auth/me", &cookie(&second.header())).detail(), "Invalid token");
    assert_eq!(gate.post("/auth/refresh", "", &cookie(&second.header())).status, 401);
}

#[test]
fn signing_out_ends_the_session_at_once() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let other = gate.sign_in("jack@example.com");
    let answer = gate.post("/auth/signout", "", &cookie(&cookies.header()));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"status": "ok", "message": "Signed out."}));
    assert_cleared(&answer);
    assert_eq!(gate.get("/auth/me", &cookie(&cookies.header())).detail(), "Invalid token");
    assert_eq!(gate.post("/auth/refresh", "", &cookie(&cookies.header())).status, 401);
    assert_eq!(
        gate.get("/auth/me", &cookie(&other.header())).status,
        200,
        "another browser's session lives on"
    );
}

#[test]
fn signing_out_works_with_either_token_even_an_expired_one() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    for which in ["access_token", "refresh_token"] {
        let cookies = gate.sign_in("jack@example.com");
        gate.clock.advance(Duration::from_mins(16));
        let token = if which == "access_token" { &cookies.access } else { &cookies.refresh };
        assert_eq!(gate.post("/auth/signout", "", &cookie(&format!("{which}={token}"))).status, 200);
        assert_eq!(
            gate.post("/auth/refresh", "", &cookie(&cookies.header())).detail(),
            "Invalid token",
            "{which}"
        );
    }
}

#[test]
fn signing_out_without_a_session_is_fine_too() {
    let gate = Gate::start();
    for value in ["", "access_token=garbage; refresh_token=garbage", "access_token=a; access_token=b"] {
        let answer = gate.post("/auth/signout", "", &cookie(value));
        assert_eq!(answer.json(), json!({"status": "ok", "message": "Signed out."}), "{value}");
        assert_cleared(&answer);
    }
}

#[test]
fn a_store_that_fails_is_503_and_a_sign_out_tells_no_lie() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    Gate::wait(gate.services().store.close()).unwrap();
    let sign_in = format!(r#"{{"email":"jack@example.com","password":"{PASSWORD}"}}"#);
    let sign_up = format!(r#"{{"email":"jill@example.com","username":"jill","password":"{PASSWORD}"}}"#);
    for (path, body) in [
        ("/auth/signin", sign_in.as_str()),
        ("/auth/signup", &sign_up),
        ("/auth/refresh", ""),
        ("/auth/signout", ""),
    ] {
        let answer = gate.post(path, body, &cookie(&cookies.header()));
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.header("retry-after").is_some(), "{path}");
        assert_eq!(answer.all("set-cookie").len(), 0, "{path}: it can be tried again");
    }
    assert_eq!(gate.post("/auth/signout", "", "").status, 200, "where no session is named none has to end");
}

/// Seen: `fetch` with an empty text sends `text/plain`, got 415, and nobody was signed out.
#[test]
fn a_sign_out_is_one_whatever_comes_with_it() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    for (kind, body) in [
        ("text/plain", ""),
        ("text/plain", "bye"),
        ("application/json", "{bad"),
        ("application/json", "[]"),
        ("multipart/form-data; boundary=x", "--x--"),
    ] {
        let cookie = format!("Cookie: {}\r\n", gate.sign_in("jack@example.com").header());
        let answer = gate.post_as(kind, "/auth/signout", body, &cookie);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, r#"{"status":"ok","message":"Signed out."}"#)
        );
        assert_eq!(gate.get("/auth/me", &cookie).status, 401, "{kind} {body}");
    }
}

#[test]
fn a_sign_out_does_not_wait_for_its_body() {
    let gate = Gate::start();
    let cookie = format!("Cookie: {}\r\n", gate.member("jack@example.com").header());
    let mut connection = gate.connect();
    connection.write(format!(
        "POST /auth/signout HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        gate.address
    ));
    assert_eq!(connection.answer().status, 200);
    assert_eq!(gate.get("/auth/me", &cookie).status, 401);
}
