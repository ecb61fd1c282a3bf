//! `POST /auth/signup`

use serde_json::json;

use super::JSON;
use crate::support::{Gate, PASSWORD};

#[test]
fn signing_up_gives_the_next_uid() {
    let gate = Gate::start();
    for uid in 1..=2 {
        let answer = gate.sign_up(&format!("user{uid}@example.com"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(JSON));
        assert_eq!(answer.json(), json!({"status": "ok", "message": "Signup successful.", "uid": uid}));
        assert_eq!(answer.all("set-cookie").len(), 0);
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
        let racers: Vec<_> =
            (0..6).map(|_| scope.spawn(|| gate.sign_up("jack@example.com").status)).collect();
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
        (
            json!({"email": "a", "username": "a", "password": PASSWORD}),
            422,
            "The email address is not valid.",
        ),
        (
            json!({"email": "a@b@c.example", "username": "a", "password": PASSWORD}),
            422,
            "The email address is not valid.",
        ),
        (
            json!({"email": "a@b.example", "username": "a\nb", "password": PASSWORD}),
            422,
            "The username must have 1 to 64 characters, none of them a control character.",
        ),
        (
            json!({"email": "a@b.example", "username": "a", "password": "short"}),
            422,
            "The password must have at least 8 characters.",
        ),
        (
            json!({"email": "a@b.example", "username": "a", "password": "ééééééé"}),
            422,
            "The password must have at least 8 characters.",
        ),
        (
            json!({"email": "a@b.example", "username": "a", "password": long}),
            422,
            "The password must have at most 1024 bytes.",
        ),
        (
            json!({"email": "a@b.example", "username": "a", "password": "Password123"}),
            422,
            "This password is one of the most used ones. Choose another.",
        ),
        (
            json!({"email": "a@b.example", "username": 1, "password": PASSWORD}),
            422,
            "The field `username` must be a string.",
        ),
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
