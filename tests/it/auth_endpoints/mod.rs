//! `/auth/*` for programs (contract section 4): what each endpoint takes and gives, and what holds for all of them.

use crate::support::Answer;

mod bodies;
mod body_delivery;
mod every_row;
mod imported;
mod self_service;
mod session;
mod signin;
mod signup;

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
        "/auth/signup" => {
            r#"{"email":"row@example.com","username":"row","password":"correct horse battery"}"#
        }
        "/auth/signin" => r#"{"email":"row@example.com","password":"correct horse battery"}"#,
        "/auth/login" => r#"{"username":"row@example.com","password":"correct horse battery"}"#,
        "/auth/password/reset" | "/auth/email/verify" => {
            r#"{"token":"none","password":"correct horse battery"}"#
        }
        "/auth/password/forgot" | "/auth/email/resend" => r#"{"email":"row@example.com"}"#,
        "/auth/me" => r#"{"username":"row"}"#,
        "/auth/account" => r#"{"do":"name","username":"row"}"#,
        "/auth/password" => r#"{"current":"correct horse battery","new":"a quite different one"}"#,
        "/auth/refresh" | "/auth/signout" | "/auth/signout/all" | "/auth/sessions/{id}" => "",
        other => panic!("no case for {other}"),
    }
}

/// A path that a row of this path answers.
pub(crate) fn example(path: &str) -> String {
    path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
}

fn assert_cleared(answer: &Answer) {
    assert_eq!(answer.cookie("access_token").as_deref(), Some(""), "{}", answer.head);
    assert_eq!(answer.cookie("refresh_token").as_deref(), Some(""), "{}", answer.head);
    assert!(
        answer
            .all("set-cookie")
            .iter()
            .all(|cookie| cookie.contains("Max-Age=0") && cookie.contains("Path=/"))
    );
}
