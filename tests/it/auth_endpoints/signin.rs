//! `POST /auth/signin`

use std::collections::BTreeSet;

use serde_json::json;
use sidegate::types::{Email, Secret, UserId};

use super::{FORM, cookie};
use crate::support::{Gate, PASSWORD};

#[test]
fn signing_in_gives_both_cookies_and_then_the_one_by_which_the_browser_is_known() {
    let gate = Gate::start();
    gate.sign_up("Jack@example.com");
    let answer =
        gate.post("/auth/signin", &format!(r#"{{"email":"JACK@example.com","password":"{PASSWORD}"}}"#), "");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"status": "ok", "email": "Jack@example.com", "username": "jack", "uid": 1})
    );
    let set: Vec<_> = answer.all("set-cookie");
    assert_eq!(set.len(), 3);
    for (cookie, (name, path, age)) in set.iter().zip([
        ("access_token", "Path=/", 15 * 60),
        ("refresh_token", "Path=/", 30 * 24 * 60 * 60),
        ("device_token", "Path=/auth", 180 * 24 * 60 * 60),
    ]) {
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        let attributes: BTreeSet<_> = cookie.split("; ").skip(1).map(str::to_owned).collect();
        let age = format!("Max-Age={age}");
        assert_eq!(attributes, ["HttpOnly", "SameSite=Lax", path, &age].map(str::to_owned).into());
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
    Gate::wait(gate.services().accounts.set_active(UserId::new(2).unwrap(), false)).unwrap().unwrap();
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
        let answer =
            gate.post("/auth/signin", &json!({"email": email, "password": password}).to_string(), "");
        assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid email or password."), "{email}");
        let head =
            answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
        heads.insert(format!("{:?} {}", head.collect::<Vec<_>>(), answer.text()));
    }
    assert_eq!(heads.len(), 1, "{heads:?}");
}

#[test]
fn a_sign_in_with_a_field_missing_is_400() {
    let gate = Gate::start();
    for body in
        ["{}", r#"{"email":"a@b.example"}"#, r#"{"password":"x"}"#, r#"{"email":" ","password":"x"}"#, ""]
    {
        let answer = gate.post("/auth/signin", body, "");
        assert_eq!(
            (answer.status, answer.detail().as_str()),
            (400, "Email and password are required."),
            "{body}"
        );
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
fn an_imported_hash_is_renewed_at_sign_in() {
    // Of Python's argon2-cffi, of the password below.
    let imported =
        "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$ovQkBJ4yTKsiPLFgbCDe8auKlIA3iMcDLWkNLVsb57M";
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let store = gate.services().store.clone();
    let email = Email::parse("jack@example.com").unwrap();
    let hash = |text: &str| Secret::new(text.to_owned());
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

#[test]
fn sign_ins_at_once_never_swap_users() {
    let gate = Gate::start();
    for uid in 1..=8 {
        gate.sign_up(&format!("user{uid}@example.com"));
    }
    std::thread::scope(|scope| {
        for uid in 1..=8 {
            let gate = &gate;
            scope.spawn(move || {
                for _ in 0..5 {
                    let cookies = gate.sign_in(&format!("user{uid}@example.com"));
                    let me = gate.get("/auth/me", &cookie(&cookies.header())).json();
                    assert_eq!(me["uid"], uid);
                }
            });
        }
    });
}
