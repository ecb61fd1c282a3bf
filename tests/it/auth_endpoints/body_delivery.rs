//! `delivery = "body"`, and `POST /auth/login`.

use serde_json::json;

use super::{BODY_DELIVERY, FORM, bearer, cookie};
use crate::support::{Gate, PASSWORD};

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
    assert_eq!(
        (answer.status, names),
        (200, ["access_token", "token_type", "expires_in"].map(str::to_owned).to_vec())
    );
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(900)));
    // And the one by which the browser is known again, which opens nothing.
    assert_eq!(answer.all("set-cookie").len(), 2);
    assert!(answer.cookie("refresh_token").is_some() && answer.cookie("device_token").is_some());
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
    let answer =
        gate.post("/auth/signin", &format!(r#"{{"email":"jack@example.com","password":"{PASSWORD}"}}"#), "");
    let body = answer.json();
    let access = body["access_token"].as_str().unwrap();
    assert_eq!(
        (&body["status"], &body["uid"], &body["token_type"]),
        (&json!("ok"), &json!(1), &json!("bearer"))
    );
    assert!(answer.all("set-cookie").iter().all(|cookie| !cookie.starts_with("access_token=")));
    assert_eq!(gate.get("/auth/me", &bearer(access)).status, 200);
    assert_eq!(
        gate.get("/auth/me", &cookie(&format!("access_token={access}"))).detail(),
        "Not authenticated"
    );
    assert_eq!(gate.get("/auth/me", &bearer("garbage")).detail(), "Invalid token");
    assert_eq!(gate.get("/auth/me", "Authorization: Basic YTpi\r\n").detail(), "Not authenticated");

    let refresh = answer.cookie("refresh_token").unwrap();
    let by_body = gate.post("/auth/refresh", &json!({"refresh_token": refresh}).to_string(), "");
    assert_eq!((by_body.status, by_body.json()["token_type"].clone()), (200, json!("bearer")));
    let by_cookie = gate.post("/auth/refresh", "", &cookie(&format!("refresh_token={refresh}")));
    assert_eq!(by_cookie.status, 200);
    let two =
        gate.post("/auth/refresh", r#"{"refresh_token":"x"}"#, &cookie(&format!("refresh_token={refresh}")));
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
