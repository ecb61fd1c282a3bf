//! `PATCH /auth/me`.

use serde_json::json;
use sidegate::types::UserId;

use super::{NEW, WRONG, audited, events, me, patch_me, sign_in, told};
use crate::auth_endpoints::{BODY_DELIVERY, FORM, bearer, cookie};
use crate::support::{Gate, PASSWORD};

const TAKEN: &str = "Email already registered.";

#[test]
fn a_name_is_changed_by_the_session_alone() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::with(&audited(&folder));
    let jack = gate.member("jack@example.com");
    let answer = patch_me(&gate, &json!({"username": " Jacques ", "roles": ["admin"], "uid": 7}), &jack);
    let record =
        json!({"uid": 1, "email": "jack@example.com", "username": "Jacques", "is_active": true, "roles": []});
    assert_eq!((answer.status, answer.json()), (200, record.clone()));
    assert_eq!(gate.get("/auth/me", &cookie(&jack.header())).json(), record);
    // What is so already is no change.
    assert_eq!(patch_me(&gate, &json!({"username": "Jacques"}), &jack).json(), record);
    let [event] = &events(&folder)[..] else { panic!("{:?}", events(&folder)) };
    assert_eq!(
        (&event["event"], &event["uid"], &event["address"]),
        (&json!("profile_changed"), &json!(1), &json!("127.0.0.1"))
    );
}

#[test]
fn an_address_is_changed_with_the_password_and_is_the_one_to_sign_in_with() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::with(&audited(&folder));
    let jack = gate.member("jack@example.com");
    let change = json!({"email": "jacques@example.com", "password": PASSWORD, "username": "Jacques"});
    let answer = patch_me(&gate, &change, &jack);
    assert_eq!(
        (answer.status, answer.json()),
        (
            200,
            json!({"uid": 1, "email": "jacques@example.com", "username": "Jacques", "is_active": true, "roles": []})
        )
    );
    assert_eq!(answer.all("set-cookie").len(), 0);
    assert_eq!(me(&gate, &jack), 200, "the session goes on");
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 401);
    assert_eq!(sign_in(&gate, "jacques@example.com", PASSWORD).status, 200);
    let told: Vec<_> = events(&folder).iter().map(|event| event["event"].clone()).collect();
    assert_eq!(told, ["profile_changed", "address_changed", "sign_in_failed"]);
    // The old address is free.
    assert_eq!(gate.sign_up("jack@example.com").status, 200);
}

#[test]
fn another_address_is_unproven_and_a_link_to_the_old_one_is_void() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let uid = UserId::new(1).unwrap();
    let link = Gate::wait(gate.services().accounts.reset_link(uid)).unwrap().unwrap();
    let change = json!({"email": "jacques@example.com", "password": PASSWORD});
    assert_eq!(patch_me(&gate, &change, &jack).status, 200);
    let user = Gate::wait(gate.services().accounts.user(uid)).unwrap().unwrap();
    assert!(!user.email_verified);
    let token = link.url.reveal().split_once('=').unwrap().1.to_owned();
    let answer = gate.post("/auth/password/reset", &json!({"token": token, "password": NEW}).to_string(), "");
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("bad_reset_token")));
    assert_eq!(sign_in(&gate, "jacques@example.com", PASSWORD).status, 200);
}

#[test]
fn what_is_missing_or_no_good_is_told_and_changes_nothing() {
    let gate = Gate::with("signup.allowed_domains = [\"example.com\"]\n");
    gate.sign_up("jill@example.com");
    let jack = gate.member("jack@example.com");
    let before = gate.get("/auth/me", &cookie(&jack.header())).json();
    let long = "x".repeat(1025);
    for (body, status, detail) in [
        (json!({}), 400, "Username or email is required."),
        (json!({"username": " ", "email": null}), 400, "Username or email is required."),
        (json!({"password": PASSWORD}), 400, "Username or email is required."),
        (json!({"email": "a@example.com"}), 400, "Email and password are required."),
        (json!({"email": "a@example.com", "username": "x"}), 400, "Email and password are required."),
        (json!({"username": 5}), 422, "The field `username` must be a string."),
        (
            json!({"username": "a\u{7}b"}),
            422,
            "The username must have 1 to 64 characters, none of them a control character.",
        ),
        (
            json!({"username": "x", "email": "a@b@c", "password": PASSWORD}),
            422,
            "The email address is not valid.",
        ),
        (
            json!({"username": "x", "email": "jack@other.example", "password": PASSWORD}),
            422,
            "Addresses of this domain can't sign up here.",
        ),
        (json!({"username": "x", "email": "a@example.com", "password": "wrong"}), 400, WRONG),
        (json!({"username": "x", "email": "a@example.com", "password": long}), 400, WRONG),
        (json!({"username": "x", "email": "JILL@example.com", "password": PASSWORD}), 409, TAKEN),
    ] {
        let answer = patch_me(&gate, &body, &jack);
        assert_eq!(told(&answer), (status, detail.to_owned()), "{body}");
        assert_eq!(answer.all("set-cookie").len(), 0, "{body}");
        assert_eq!(answer.json()["code"] == "wrong_password", detail == WRONG);
    }
    assert_eq!(gate.get("/auth/me", &cookie(&jack.header())).json(), before);
    // Another spelling of one's own address asks for nobody else's.
    let answer = patch_me(&gate, &json!({"email": "Jack@Example.com", "password": PASSWORD}), &jack);
    assert_eq!((answer.status, &answer.json()["email"]), (200, &json!("Jack@Example.com")));
}

#[test]
fn asking_for_addresses_costs_what_sign_ups_cost() {
    let gate = Gate::with("limits.signup = \"4/1h\"\n");
    gate.sign_up("jill@example.com");
    let jack = gate.member("jack@example.com");
    let ask = |email: &str, password: &str| {
        patch_me(&gate, &json!({"email": email, "password": password}), &jack).status
    };
    assert_eq!(ask("jill@example.com", "wrong"), 400, "without the password nothing is asked");
    assert_eq!((ask("jill@example.com", PASSWORD), ask("jill@example.com", PASSWORD)), (409, 409));
    let limited = patch_me(&gate, &json!({"email": "jill@example.com", "password": PASSWORD}), &jack);
    assert_eq!(limited.status, 429);
    assert!(limited.header("retry-after").is_some());
    assert_eq!(gate.sign_up("joe@example.com").status, 429);
    assert_eq!(ask("JACK@example.com", PASSWORD), 200, "one's own address is no question");
}

#[test]
fn a_program_with_a_bearer_and_a_form_may_change_itself() {
    let gate = Gate::with(BODY_DELIVERY);
    gate.sign_up("jack@example.com");
    let access =
        sign_in(&gate, "jack@example.com", PASSWORD).json()["access_token"].as_str().unwrap().to_owned();
    let answer = gate.call("PATCH", "/auth/me", r#"{"username":"one"}"#, &bearer(&access));
    assert_eq!((answer.status, &answer.json()["username"]), (200, &json!("one")));
    let form = gate.send(format!(
        "PATCH /auth/me HTTP/1.1\r\nHost: {}\r\nContent-Type: {FORM}\r\nContent-Length: 12\r\n{}\r\nusername=two",
        gate.address,
        bearer(&access)
    ));
    assert_eq!((form.status, &form.json()["username"]), (200, &json!("two")));
}
