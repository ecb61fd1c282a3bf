//! What holds for each row of the table: a row without a case here fails.

use std::collections::BTreeSet;

use serde_json::json;
use sidegate::auth::{ROUTES, Route, When, Who};

use super::{BODY_DELIVERY, body_for, example};
use crate::support::{Answer, Gate};

/// Every row, called as it wants to be.
fn call_every_row(gate: &Gate) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for route in ROUTES.iter().filter(|route| route.when != When::BodyDelivery) {
        answers.push((route.path, call(gate, route, "")));
    }
    answers
}

/// A row, called as it wants to be, with further header lines.
fn call(gate: &Gate, route: &Route, headers: &str) -> Answer {
    let path = example(route.path);
    match route.method.as_str() {
        "GET" => gate.get(&path, headers),
        "POST" | "PATCH" | "DELETE" => gate.call(route.method.as_str(), &path, body_for(route.path), headers),
        other => panic!("no case for {other}"),
    }
}

#[test]
fn no_answer_may_be_stored() {
    let gate = Gate::start();
    for (path, answer) in call_every_row(&gate) {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    for path in ["/auth/nothing", "/auth", "/auth/", "/auth/sessions/", "/auth/sessions/a/b", "/auth/me/"] {
        let answer = gate.get(path, "");
        assert_eq!((answer.status, answer.header("cache-control")), (404, Some("no-store")), "{path}");
        assert_eq!(answer.detail(), "There is nothing at this path.");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let gate = Gate::with(BODY_DELIVERY);
    for path in ROUTES.iter().map(|route| route.path) {
        let asked = example(path);
        let answer = gate.send(format!("PUT {asked} HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
        assert_eq!(answer.status, 405, "{path}");
        let told: BTreeSet<_> = answer.header("allow").unwrap().split(", ").map(str::to_owned).collect();
        let mut right: BTreeSet<_> =
            ROUTES.iter().filter(|route| route.path == path).map(|route| route.method.to_string()).collect();
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
            let answer = call(&gate, route, "");
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
        assert_eq!(
            (answer.status, answer.detail().as_str()),
            (400, "The request has more than one Authorization header.")
        );
    }
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
