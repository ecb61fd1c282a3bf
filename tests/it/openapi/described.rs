//! Answers of the running gate, held against the document that it serves: a handler without a case here does not compile.

use std::time::Duration;

use serde_json::{Value, json};
use sidegate::auth::{Handler, ROUTES, Route, When};
use sidegate::store::{NewOneTime, Purpose};
use sidegate::tokens::OneTimeToken;
use sidegate::types::UserId;

use super::{PATH, document};
use crate::support::schema::assert_described;
use crate::support::{Answer, Gate, PASSWORD};

/// As many may sign up from one address as there are rows.
const ROOM: &str = "limits.signup = \"1000/1h\"\n";
const BODY: &str = "tokens.delivery = \"body\"\n";
const FORM: &str = "application/x-www-form-urlencoded";
const BROWSER: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n";
const TWO: &str = "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n";
const NEW: &str = "a quite different one";

fn signs_in(gate: &Gate, email: &str, password: &str) -> Answer {
    gate.post("/auth/signin", &json!({ "email": email, "password": password }).to_string(), "")
}

/// The header lines of somebody who has just signed up and in.
fn member(gate: &Gate, email: &str) -> String {
    assert_eq!(gate.sign_up(email).status, 200);
    let answer = signs_in(gate, email, PASSWORD);
    let refresh = answer.cookie("refresh_token").unwrap();
    match answer.json()["access_token"].as_str() {
        Some(access) => format!("Authorization: Bearer {access}\r\nCookie: refresh_token={refresh}\r\n"),
        None => format!(
            "Cookie: access_token={}; refresh_token={refresh}\r\n",
            answer.cookie("access_token").unwrap()
        ),
    }
}

fn reset_token(gate: &Gate, uid: u64) -> String {
    let link = Gate::wait(gate.services().accounts.reset_link(UserId::new(uid).unwrap())).unwrap().unwrap();
    link.url.reveal().split_once("token=").unwrap().1.to_owned()
}

/// As a mail would bring it.
fn proof_token(gate: &Gate, uid: u64) -> String {
    let store = &gate.services().store;
    let user = Gate::wait(store.user(UserId::new(uid).unwrap())).unwrap().unwrap();
    let (token, purpose, now) = (OneTimeToken::random(), Purpose::AddressProof, gate.clock.now());
    let (email, expires) = (user.email.key().clone(), now.plus(Duration::from_mins(1)));
    let link = NewOneTime { token: token.hash(purpose), user: user.id, email, purpose, expires };
    Gate::wait(store.put_one_time(link, now)).unwrap().unwrap();
    token.text().reveal().clone()
}

/// A row, called so that it does what it is for, and called otherwise.
fn both(gate: &Gate, route: &Route, email: &str) -> [Answer; 2] {
    let me = member(gate, email);
    let json =
        |body: Value, headers: &str| gate.call(route.method.as_str(), route.path, &body.to_string(), headers);
    let plain = |headers: &str| gate.call(route.method.as_str(), route.path, "", headers);
    match route.handler {
        Handler::SignUp => {
            let body = json!({ "email": format!("new-{email}"), "username": "new", "password": PASSWORD });
            [json(body.clone(), ""), json(body, "")]
        }
        Handler::SignIn => {
            let body = |password: &str| json!({ "email": email, "password": password });
            [json(body(PASSWORD), ""), json(body("wrong"), "")]
        }
        Handler::Login => {
            let form = |password: &str| {
                gate.post_as(FORM, route.path, &format!("username={email}&password={password}"), "")
            };
            [form(&PASSWORD.replace(' ', "+")), form("wrong")]
        }
        Handler::SignOut => [plain(&me), plain("Sec-Fetch-Site: cross-site\r\n")],
        Handler::Refresh | Handler::SignOutAll | Handler::Me | Handler::Sessions => [plain(&me), plain("")],
        Handler::ChangeMe => [json(json!({ "username": "other" }), &me), json(json!({}), &me)],
        Handler::Password => {
            let body = json!({ "current": PASSWORD, "new": NEW });
            [json(body.clone(), &me), json(body, &me)]
        }
        Handler::EndSession => {
            let listed = gate.get("/auth/sessions", &me).json();
            let end = |id: &str| gate.call("DELETE", &route.path.replace("{id}", id), "", &me);
            let refused = end("none");
            [end(listed[0]["id"].as_str().unwrap()), refused]
        }
        Handler::PasswordForgot => [json(json!({ "email": email }), ""), json(json!({}), "")],
        Handler::EmailVerify => {
            let uid = gate.get("/auth/me", &me).json()["uid"].as_u64().unwrap();
            let body = json!({ "token": proof_token(gate, uid) });
            [json(body.clone(), &me), json(body, &me)]
        }
        Handler::EmailResend => [json(json!({ "email": email }), ""), plain("")],
        Handler::AccountForm => {
            let form = |form: &str| gate.post_as(FORM, route.path, form, &me);
            [form("do=name&username=other"), form("do=name")]
        }
        Handler::PasswordReset => {
            let uid = gate.get("/auth/me", &me).json()["uid"].as_u64().unwrap();
            let body = json!({ "token": reset_token(gate, uid), "password": NEW });
            [json(body.clone(), ""), json(body, "")]
        }
        Handler::Health
        | Handler::KeySet
        | Handler::OpenApi
        | Handler::LoginPage
        | Handler::SignUpPage
        | Handler::ForgotPage
        | Handler::ResetPage
        | Handler::ProofPage => [gate.get(route.path, ""), gate.get(route.path, TWO)],
        Handler::AccountPage => [gate.get(route.path, &me), gate.get(route.path, TWO)],
    }
}

#[test]
fn each_endpoint_does_and_refuses_as_the_document_says() {
    for extra in ["", BODY] {
        let gate = Gate::with(&format!("{ROOM}{extra}"));
        let document = document(&gate);
        let there = |route: &&Route| route.when != When::BodyDelivery || extra == BODY;
        for (number, route) in ROUTES.iter().filter(there).enumerate() {
            let [done, refused] = both(&gate, route, &format!("user{number}@example.com"));
            let right = if route.handler == Handler::AccountForm { 303 } else { 200 };
            assert_eq!(done.status, right, "{} {}: {done:?}", route.method, route.path);
            assert!(refused.status >= 400, "{} {}: {refused:?}", route.method, route.path);
            for answer in [done, refused] {
                assert_described(&document, &route.method.as_str().to_lowercase(), route.path, &answer);
            }
        }
    }
}

#[test]
fn what_holds_for_all_is_described_at_each() {
    let gate = Gate::with("limits.body = \"1KiB\"\n");
    let document = document(&gate);
    let large = json!({ "email": "x".repeat(2000) }).to_string();
    for route in ROUTES.iter().filter(|route| route.method == "POST" && route.when == When::Always) {
        for (kind, body, headers) in [
            ("text/plain", "x", ""),
            ("application/json", "[]", ""),
            ("application/json", large.as_str(), ""),
            ("application/json", "{}", TWO),
            ("application/json", "{}", "Sec-Fetch-Site: cross-site\r\n"),
        ] {
            let answer = gate.post_as(kind, route.path, body, headers);
            assert_described(&document, "post", route.path, &answer);
        }
    }
}

#[test]
fn a_page_and_its_form_are_described() {
    let gate = Gate::with(ROOM);
    let document = document(&gate);
    gate.sign_up("jack@example.com");
    let password = PASSWORD.replace(' ', "+");
    for (path, done, refused) in [
        (
            "/auth/signup",
            format!("email=jill@example.com&username=jill&password={password}"),
            "email=x&username=y&password=z",
        ),
        (
            "/auth/signin",
            format!("email=jack@example.com&password={password}&next=/x"),
            "email=jack@example.com&password=x",
        ),
        ("/auth/signout", String::new(), ""),
        // Before the reset, which voids every link.
        (
            "/auth/email/verify",
            format!("token={}&password={password}", proof_token(&gate, 1)),
            "token=x&password=y",
        ),
        (
            "/auth/password/reset",
            format!("token={}&password={password}", reset_token(&gate, 1)),
            "token=x&password=a+new+one",
        ),
        ("/auth/password/forgot", "email=jack@example.com".to_owned(), "email="),
        ("/auth/email/resend", "email=jack@example.com".to_owned(), ""),
    ] {
        let answer = gate.post_as(FORM, path, &done, BROWSER);
        assert_eq!(answer.status, 303, "{path} {answer:?}");
        assert_described(&document, "post", path, &answer);
        assert_described(&document, "post", path, &gate.post_as(FORM, path, refused, BROWSER));
        let foreign =
            gate.post_as(FORM, path, refused, "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n");
        assert_eq!(
            (foreign.status, foreign.header("content-type")),
            (403, Some("text/html; charset=utf-8")),
            "{path}"
        );
        assert_described(&document, "post", path, &foreign);
    }
}

#[test]
fn a_page_that_leads_elsewhere_is_described() {
    let gate = Gate::start();
    let document = document(&gate);
    let answer = gate.get("/auth/account", BROWSER);
    assert_eq!(answer.status, 303);
    assert_described(&document, "get", "/auth/account", &answer);
    let me = member(&gate, "jack@example.com");
    gate.post("/auth/email/verify", &json!({ "token": proof_token(&gate, 1) }).to_string(), &me);
    let answer = gate.get("/auth/verify-email", &format!("{BROWSER}{me}"));
    assert_eq!(answer.status, 303);
    assert_described(&document, "get", "/auth/verify-email", &answer);
}

#[test]
fn what_is_known_already_and_what_comes_too_often_are_described() {
    let gate = Gate::with("limits.signin_failures = \"1/15m\"\n");
    let document = document(&gate);
    for path in [PATH, "/auth/jwks.json"] {
        let tag = gate.get(path, "").header("etag").unwrap().to_owned();
        let known = gate.get(path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(known.status, 304, "{path}");
        assert_described(&document, "get", path, &known);
    }
    gate.sign_up("jack@example.com");
    assert_eq!(signs_in(&gate, "jack@example.com", "wrong").status, 401);
    let often = signs_in(&gate, "jack@example.com", "wrong");
    assert_eq!((often.status, often.header("retry-after").is_some()), (429, true), "{often:?}");
    assert_described(&document, "post", "/auth/signin", &often);
}

#[test]
fn what_a_front_proxy_is_told_is_described() {
    let rules = "[[rules]]\npath = \"/open/*\"\nallow = \"anyone\"\n[[rules]]\npath = \"/gone/*\"\nallow = \"deny\"\n";
    for (source, method, target) in [
        ("forwarded", "X-Forwarded-Method", "X-Forwarded-Uri"),
        ("original", "X-Original-Method", "X-Original-URL"),
    ] {
        let gate = Gate::with(&format!(
            "server.trusted_proxies = [\"127.0.0.1/32\"]\nidentity.email = \"X-User-Email\"\nverify.source = \"{source}\"\n{rules}"
        ));
        let document = document(&gate);
        let me = gate.signed_in();
        let refresh = format!("Cookie: {}\r\n", me.trim_end().split_once("; ").unwrap().1);
        let forwarded = source == "forwarded";
        for (path, headers, status) in [
            ("/x", me.as_str(), 200),
            ("/x", &refresh, 200),
            ("/open/x", "", 200),
            ("/x", "", 401),
            ("/x", "Sec-Fetch-Mode: navigate\r\n", if forwarded { 303 } else { 401 }),
            ("/gone/x", &me, 403),
            ("/gone/x", "Accept: text/html\r\n", 403),
            ("/x", TWO, 400),
            ("/auth/me", "", 403),
        ] {
            let asked = format!("{method}: GET\r\n{target}: {path}\r\n{headers}");
            let answer = gate.get("/auth/verify", &asked);
            assert_eq!(answer.status, status, "{source} {path} {headers} {answer:?}");
            assert_described(&document, "get", "/auth/verify", &answer);
        }
    }
}
