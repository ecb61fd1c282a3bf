//! What is read, and how much of it.

use sidegate::auth::{ROUTES, When};

use super::{JSON, body_for};
use crate::support::Gate;

#[test]
fn a_body_is_json_or_a_form() {
    let gate = Gate::start();
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
    ] {
        for route in ROUTES.iter().filter(|route| route.method == "POST" && route.when == When::Always) {
            let body = Some(body_for(route.path)).filter(|body| !body.is_empty()).unwrap_or("x");
            let answer = gate.post_as(kind, route.path, body, "");
            // A sign-out is one whatever comes with it.
            let status = match route.path {
                "/auth/signout" => 200,
                "/auth/signout/all" => 401,
                _ => 415,
            };
            assert_eq!(answer.status, status, "{kind} {}", route.path);
        }
        assert_eq!(gate.post_as(kind, "/auth/refresh", "", "").status, 401, "an empty body is none");
    }
    let unsaid =
        format!("POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{{}}", gate.address);
    assert_eq!(gate.send(unsaid).status, 415);
    let nothing =
        format!("POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", gate.address);
    assert_eq!(gate.send(nothing).detail(), "Email and password are required.");
    assert_eq!(gate.post_as("application/json; charset=UTF-8", "/auth/signout", "{}", "").status, 200);
}

#[test]
fn a_body_that_is_no_json_object_is_422() {
    let gate = Gate::start();
    for body in
        ["{", "[]", "\"x\"", "null", r#"{"email":"a@b.example","email":"c@d.example","password":"x"}"#]
    {
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
fn a_body_that_does_not_come_is_408() {
    let gate = Gate::with("limits.header_timeout = \"500ms\"\n");
    let mut connection = gate.connect();
    connection.write(format!(
        "POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Type: {JSON}\r\nContent-Length: 20\r\n\r\n{{",
        gate.address
    ));
    assert_eq!(connection.answer().status, 408);
}

#[test]
fn a_body_of_a_type_that_is_not_taken_is_not_asked_for() {
    let gate = Gate::start();
    for kind in ["Content-Type: text/plain\r\n", "Content-Type: multipart/form-data; boundary=x\r\n", ""] {
        let mut connection = gate.connect();
        connection.write(format!(
            "POST /auth/signin HTTP/1.1\r\nHost: {}\r\n{kind}Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
            gate.address
        ));
        assert_eq!(connection.head().status, 415, "{kind}");
    }
}
