//! `/auth/*` for programs (contract section 4): what each endpoint takes and gives, and what holds for all of them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sidegate::auth::{ROUTES, When, Who};

use crate::support::{Answer, Gate, PASSWORD};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const BODY_DELIVERY: &str = "tokens.delivery = \"body\"\n";

fn cookie(value: &str) -> String {
    format!("Cookie: {value}\r\n")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// The endpoints that a program may call with nothing but a body, and one that they take. A row of the
/// table without a case here fails.
fn body_for(path: &str) -> &'static str {
    match path {
        "/auth/signup" => r#"{"email":"row@example.com","username":"row","password":"correct horse battery"}"#,
        "/auth/signin" => r#"{"email":"row@example.com","password":"correct horse battery"}"#,
        "/auth/login" => r#"{"username":"row@example.com","password":"correct horse battery"}"#,
        "/auth/refresh" | "/auth/signout" => "",
        other => panic!("no case for {other}"),
    }
}

/// Every row, called as it wants to be.
fn call_every_row(gate: &Gate) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for route in ROUTES.iter().filter(|route| route.when != When::BodyDelivery) {
        answers.push((
            route.path,
            match route.method.as_str() {
                "GET" => gate.get(route.path, ""),
                "POST" => gate.post(route.path, body_for(route.path), ""),
                other => panic!("no case for {other}"),
            },
        ));
    }
    answers
}

#[test]
fn no_answer_may_be_stored() {
    let gate = Gate::start();
    for (path, answer) in call_every_row(&gate) {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    for path in ["/auth/nothing", "/auth", "/auth/"] {
        let answer = gate.get(path, "");
        assert_eq!((answer.status, answer.header("cache-control")), (404, Some("no-store")), "{path}");
        assert_eq!(answer.detail(), "There is nothing at this path.");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let gate = Gate::with(BODY_DELIVERY);
    for path in ROUTES.iter().map(|route| route.path) {
        let answer = gate.send(format!("DELETE {path} HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
        assert_eq!(answer.status, 405, "{path}");
        let told: BTreeSet<_> = answer.header("allow").unwrap().split(", ").map(str::to_owned).collect();
        let mut right: BTreeSet<_> = ROUTES
            .iter()
            .filter(|route| route.path == path)
            .map(|route| route.method.to_string())
            .collect();
        if right.contains("GET") {
            right.insert("HEAD".to_owned());
        }
        assert_eq!(told, right, "{path}");
        assert_eq!(answer.detail(), "This path does not take this method.");
    }
}

#[test]
fn what_needs_a_session_is_401_without_one() {
    for (extra, challenge) in [("", "Cookie"), (BODY_DELIVERY, "Bearer")] {
        let gate = Gate::with(extra);
        for route in ROUTES.iter().filter(|route| route.who == Who::SignedIn) {
            assert_eq!(route.method, "GET", "no case for {}", route.path);
            let answer = gate.get(route.path, "");
            assert_eq!(answer.status, 401, "{}", route.path);
            assert_eq!(answer.detail(), "Not authenticated", "{}", route.path);
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{}", route.path);
        }
    }
}

#[test]
fn head_is_get_without_the_body() {
    let gate = Gate::start();
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let got = gate.get(route.path, "");
        let mut connection = gate.connect();
        connection.write(format!("HEAD {} HTTP/1.1\r\nHost: {}\r\n\r\n", route.path, gate.address));
        let head = connection.answer_to("HEAD");
        assert_eq!(head.status, got.status, "{}", route.path);
        assert_eq!(head.header("content-length"), got.header("content-length"), "{}", route.path);
        connection.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
        assert_eq!(connection.answer().status, 200, "{}", route.path);
    }
}

#[test]
fn two_authorization_headers_are_400() {
    for extra in ["", BODY_DELIVERY] {
        let gate = Gate::with(extra);
        let answer = gate.get("/auth/me", "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n");
        assert_eq!((answer.status, answer.detail().as_str()), (400, "The request has more than one Authorization header."));
    }
}

#[test]
fn a_body_is_json_or_a_form() {
    let gate = Gate::start();
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16"] {
        for route in ROUTES.iter().filter(|route| route.method == "POST" && route.when == When::Always) {
            let answer = gate.post_as(kind, route.path, body_for(route.path), "");
            assert_eq!(answer.status, 415, "{kind} {}", route.path);
        }
    }
    let unsaid = format!("POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{{}}", gate.address);
    assert_eq!(gate.send(unsaid).status, 415);
    let nothing = format!("POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", gate.address);
    assert_eq!(gate.send(nothing).detail(), "Email and password are required.");
    assert_eq!(gate.post_as("application/json; charset=UTF-8", "/auth/signout", "{}", "").status, 200);
}

#[test]
fn a_body_that_is_no_json_object_is_422() {
    let gate = Gate::start();
    for body in ["{", "[]", "\"x\"", "null", r#"{"email":"a@b.example","email":"c@d.example","password":"x"}"#] {
        let answer = gate.post("/auth/signin", body, "");
        assert_eq!(answer.status, 422, "{body}");
        assert!(answer.json()["detail"].is_string(), "{body}");
    }
    let answer = gate.post("/auth/signin", r#"{"email":5,"password":"x"}"#, "");
    assert_eq!((answer.status, answer.detail().as_str()), (422, "The field `email` must be a string."));
}

#[test]
fn a_body_over_the_limit_is_413_whether_it_says_so_or_not() {
    let gate = Gate::with("limits.body = \"1KiB\"\n");
    let large = format!(r#"{{"email":"a@b.example","password":"{}"}}"#, "x".repeat(1024));
    assert_eq!(gate.post("/auth/signin", &large, "").status, 413);
    let mut connection = gate.connect();
    connection.write(format!(
        "POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n",
        gate.address
    ));
    connection.write(format!("{:x}\r\n{large}\r\n", large.len()));
    assert_eq!(connection.answer().status, 413);
    // Nothing of a body is asked for that says that it is too large.
    let mut connection = gate.connect();
    connection.write(format!(
        "POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Type: {JSON}\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n",
        gate.address
    ));
    assert_eq!(connection.head().status, 413);
}

#[test]
fn signing_up_gives_the_next_uid() {
    let gate = Gate::start();
    for uid in 1..=2 {
        let answer = gate.sign_up(&format!("user{uid}@example.com"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(JSON));
        assert_eq!(answer.json(), json!({"status": "ok", "message": "Signup successful.", "uid": uid}));
        assert_eq!(answer.all("set-cookie").count(), 0);
    }
}

#[test]
fn an_address_signs_up_once_in_whatever_spelling() {
    let gate = Gate::start();
    assert_eq!(gate.sign_up("Jack@Example.com").status, 200);
    for again in ["Jack@Example.com", "jack@example.com", " JACK@EXAMPLE.COM "] {
        let answer = gate.sign_up(again);
        assert_eq!((answer.status, answer.detail().as_str()), (409, "Email already registered."), "{again}");
    }
}

#[test]
fn of_two_sign_ups_that_race_for_an_address_one_wins() {
    let gate = Gate::start();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..6).map(|_| scope.spawn(|| gate.sign_up("jack@example.com").status)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
}

#[test]
fn a_sign_up_with_a_field_missing_is_400_and_with_a_bad_value_422() {
    let gate = Gate::with("passwords.block_common = true\n");
    let missing = "Email, username, and password are required.";
    let long = "x".repeat(1025);
    for (body, status, detail) in [
        (json!({}), 400, missing),
        (json!({"email": "a@b.example", "username": "a"}), 400, missing),
        (json!({"email": "a@b.example", "username": " ", "password": PASSWORD}), 400, missing),
        (json!({"email": "a@b.example", "username": null, "password": PASSWORD}), 400, missing),
        (json!({"email": "a@b.example", "username": "a", "password": ""}), 400, missing),
        (json!({"email": "a", "username": "a", "password": PASSWORD}), 422, "The email address is not valid."),
        (json!({"email": "a@b@c.example", "username": "a", "password": PASSWORD}), 422, "The email address is not valid."),
        (json!({"email": "a@b.example", "username": "a\nb", "password": PASSWORD}), 422, "The username must have 1 to 64 characters, none of them a control character."),
        (json!({"email": "a@b.example", "username": "a", "password": "short"}), 422, "The password must have at least 8 characters."),
        (json!({"email": "a@b.example", "username": "a", "password": "ééééééé"}), 422, "The password must have at least 8 characters."),
        (json!({"email": "a@b.example", "username": "a", "password": long}), 422, "The password must have at most 1024 bytes."),
        (json!({"email": "a@b.example", "username": "a", "password": "Password123"}), 422, "This password is one of the most used ones. Choose another."),
        (json!({"email": "a@b.example", "username": 1, "password": PASSWORD}), 422, "The field `username` must be a string."),
    ] {
        let answer = gate.post("/auth/signup", &body.to_string(), "");
        assert_eq!((answer.status, answer.detail().as_str()), (status, detail), "{body:.80}");
    }
    assert_eq!(gate.sign_up("a@b.example").json()["uid"], 1, "a refused sign-up takes no number");
}

#[test]
fn a_closed_sign_up_is_403_whatever_is_sent() {
    let gate = Gate::with("signup.open = false\n");
    for body in ["{}", r#"{"email":"a@b.example","username":"a","password":"correct horse battery"}"#] {
        let answer = gate.post("/auth/signup", body, "");
        assert_eq!((answer.status, answer.detail().as_str()), (403, "Sign-up is closed."));
    }
}

#[test]
fn only_the_allowed_domains_sign_up() {
    let gate = Gate::with("signup.allowed_domains = [\"example.com\"]\n");
    for (email, status) in [
        ("a@example.com", 200),
        ("b@EXAMPLE.com", 200),
        ("a@sub.example.com", 422),
        ("a@example.com.evil.com", 422),
        ("a@evil.com@example.com", 422),
        ("a@badexample.com", 422),
    ] {
        assert_eq!(gate.sign_up(email).status, status, "{email}");
    }
}

#[test]
fn signing_in_gives_both_cookies() {
    let gate = Gate::start();
    gate.sign_up("Jack@example.com");
    let answer = gate.post("/auth/signin", &format!(r#"{{"email":"JACK@example.com","password":"{PASSWORD}"}}"#), "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"status": "ok", "email": "Jack@example.com", "username": "jack", "uid": 1}));
    let set: Vec<_> = answer.all("set-cookie").collect();
    assert_eq!(set.len(), 2);
    for (name, age) in [("access_token", 15 * 60), ("refresh_token", 30 * 24 * 60 * 60)] {
        let cookie = set.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).unwrap();
        let attributes: BTreeSet<_> = cookie.split("; ").skip(1).map(str::to_owned).collect();
        let age = format!("Max-Age={age}");
        assert_eq!(attributes, ["HttpOnly", "SameSite=Lax", "Path=/", &age].map(str::to_owned).into());
    }
}

#[test]
fn a_form_signs_in_as_json_does() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let body = "email=jack%40example.com&password=correct+horse+battery";
    let answer = gate.post_as(FORM, "/auth/signin", body, "");
    assert_eq!((answer.status, answer.json()["uid"].clone()), (200, json!(1)));
}

#[test]
fn unknown_address_wrong_password_and_disabled_user_are_one_answer() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    gate.sign_up("gone@example.com");
    let gone = gate.services().store.clone();
    let uid = sidegate::types::UserId::new(2).unwrap();
    Gate::wait(async { gone.user(uid).await.unwrap().unwrap() });
    Gate::wait(gate.services().accounts.set_active(uid, false)).unwrap().unwrap();
    let long = "x".repeat(1025);
    let mut heads = BTreeSet::new();
    for (email, password) in [
        ("nobody@example.com", PASSWORD),
        ("jack@example.com", "wrong"),
        ("jack@example.com", "correct horse battery "),
        ("gone@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("jack@example.com", long.as_str()),
    ] {
        let answer = gate.post("/auth/signin", &json!({"email": email, "password": password}).to_string(), "");
        assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid email or password."), "{email}");
        let head = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
        heads.insert(format!("{:?} {}", head.collect::<Vec<_>>(), answer.text()));
    }
    assert_eq!(heads.len(), 1, "{heads:?}");
}

#[test]
fn a_sign_in_with_a_field_missing_is_400() {
    let gate = Gate::start();
    for body in ["{}", r#"{"email":"a@b.example"}"#, r#"{"password":"x"}"#, r#"{"email":" ","password":"x"}"#, ""] {
        let answer = gate.post("/auth/signin", body, "");
        assert_eq!((answer.status, answer.detail().as_str()), (400, "Email and password are required."), "{body}");
    }
}

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
    Gate::wait(gate.services().accounts.set_active(sidegate::types::UserId::new(1).unwrap(), false)).unwrap().unwrap();
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
    assert_eq!(gate.get("/auth/me", &cookie(&other.header())).status, 200, "another browser's session lives on");
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
        assert_eq!(gate.post("/auth/refresh", "", &cookie(&cookies.header())).detail(), "Invalid token", "{which}");
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
fn a_sign_in_ends_the_session_that_it_replaces_in_that_browser() {
    let gate = Gate::start();
    let first = gate.member("jack@example.com");
    let elsewhere = gate.sign_in("jack@example.com");
    let body = format!(r#"{{"email":"jack@example.com","password":"{PASSWORD}"}}"#);
    let second = gate.post("/auth/signin", &body, &cookie(&first.header())).cookies();
    assert_eq!(gate.get("/auth/me", &cookie(&first.header())).detail(), "Invalid token");
    assert_eq!(gate.get("/auth/me", &cookie(&second.header())).status, 200);
    assert_eq!(gate.get("/auth/me", &cookie(&elsewhere.header())).status, 200);
    // A failed one replaces nothing.
    let wrong = r#"{"email":"jack@example.com","password":"wrong"}"#;
    assert_eq!(gate.post("/auth/signin", wrong, &cookie(&second.header())).status, 401);
    assert_eq!(gate.get("/auth/me", &cookie(&second.header())).status, 200);
}

#[test]
fn oauth2_login_is_there_with_body_delivery_alone() {
    let form = "grant_type=password&username=jack%40example.com&password=correct+horse+battery&scope=";
    let gate = Gate::start();
    assert_eq!(gate.post_as(FORM, "/auth/login", form, "").header("allow"), Some("GET, HEAD"));
    assert_eq!(Gate::with("pages.enabled = false\n").post_as(FORM, "/auth/login", form, "").status, 404);

    let gate = Gate::with(BODY_DELIVERY);
    gate.sign_up("jack@example.com");
    let answer = gate.post_as(FORM, "/auth/login", form, "");
    let body = answer.json();
    let names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!((answer.status, names), (200, ["access_token", "expires_in", "token_type"].map(str::to_owned).to_vec()));
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(900)));
    assert_eq!(answer.all("set-cookie").count(), 1);
    assert!(answer.cookie("refresh_token").is_some());
    let me = gate.get("/auth/me", &bearer(body["access_token"].as_str().unwrap()));
    assert_eq!(me.json()["uid"], 1);
    let wrong = gate.post_as(FORM, "/auth/login", "username=jack%40example.com&password=wrong", "");
    assert_eq!((wrong.status, wrong.detail().as_str()), (401, "Invalid email or password."));
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn body_delivery_gives_the_access_token_in_the_body_and_reads_it_from_the_bearer() {
    let gate = Gate::with(BODY_DELIVERY);
    gate.sign_up("jack@example.com");
    let answer = gate.post("/auth/signin", &format!(r#"{{"email":"jack@example.com","password":"{PASSWORD}"}}"#), "");
    let body = answer.json();
    let access = body["access_token"].as_str().unwrap();
    assert_eq!((&body["status"], &body["uid"], &body["token_type"]), (&json!("ok"), &json!(1), &json!("bearer")));
    assert_eq!(answer.all("set-cookie").count(), 1);
    assert_eq!(gate.get("/auth/me", &bearer(access)).status, 200);
    assert_eq!(gate.get("/auth/me", &cookie(&format!("access_token={access}"))).detail(), "Not authenticated");
    assert_eq!(gate.get("/auth/me", &bearer("garbage")).detail(), "Invalid token");
    assert_eq!(gate.get("/auth/me", "Authorization: Basic YTpi\r\n").detail(), "Not authenticated");

    let refresh = answer.cookie("refresh_token").unwrap();
    let by_body = gate.post("/auth/refresh", &json!({"refresh_token": refresh}).to_string(), "");
    assert_eq!((by_body.status, by_body.json()["token_type"].clone()), (200, json!("bearer")));
    let by_cookie = gate.post("/auth/refresh", "", &cookie(&format!("refresh_token={refresh}")));
    assert_eq!(by_cookie.status, 200);
    let two = gate.post("/auth/refresh", r#"{"refresh_token":"x"}"#, &cookie(&format!("refresh_token={refresh}")));
    assert_eq!((two.status, two.detail().as_str()), (401, "Not authenticated"));
    assert_eq!(gate.post("/auth/signout", "", &bearer(access)).status, 200);
    assert_eq!(gate.get("/auth/me", &bearer(access)).detail(), "Invalid token");
}

#[test]
fn in_cookie_delivery_a_refresh_token_in_the_body_is_not_looked_at() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let answer = gate.post("/auth/refresh", &json!({"refresh_token": cookies.refresh}).to_string(), "");
    assert_eq!((answer.status, answer.detail().as_str()), (401, "Not authenticated"));
}

#[test]
fn anybody_may_ask_for_health_and_keys() {
    let gate = Gate::start();
    let health = gate.get("/auth/healthz", "");
    assert_eq!((health.status, health.json()), (200, json!({"status": "ok"})));
    let keys = gate.get("/auth/jwks.json", "").json();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["d"]), (&json!("OKP"), &json!(null)));
    let secret = "0123456789abcdef0123456789abcdef";
    let gate = Gate::with(&format!("tokens.secret = \"{secret}\"\n"));
    assert_eq!(gate.get("/auth/jwks.json", "").text(), r#"{"keys":[]}"#);
}

#[test]
fn an_imported_hash_is_renewed_at_sign_in() {
    // Of Python's argon2-cffi, of the password below.
    let imported = "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$ovQkBJ4yTKsiPLFgbCDe8auKlIA3iMcDLWkNLVsb57M";
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let store = gate.services().store.clone();
    let email = sidegate::types::Email::parse("jack@example.com").unwrap();
    let hash = |text: &str| sidegate::types::Secret::new(text.to_owned());
    Gate::wait(async {
        let user = store.user_by_email(email.key()).await.unwrap().unwrap();
        assert!(store.renew_password_hash(user.id, user.password.unwrap(), hash(imported)).await.unwrap());
    });
    let body = json!({"email": "jack@example.com", "password": "correct horse é"}).to_string();
    for _ in 0..2 {
        assert_eq!(gate.post("/auth/signin", &body, "").status, 200);
        let user = Gate::wait(store.user_by_email(email.key())).unwrap().unwrap();
        assert!(user.password.unwrap().reveal().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    }
}

fn assert_cleared(answer: &Answer) {
    assert_eq!(answer.cookie("access_token").as_deref(), Some(""), "{}", answer.head);
    assert_eq!(answer.cookie("refresh_token").as_deref(), Some(""), "{}", answer.head);
    assert!(answer.all("set-cookie").all(|cookie| cookie.contains("Max-Age=0") && cookie.contains("Path=/")));
}
