//! What users do with their own account over the API: name, address, password and sessions (contract section 4).

use serde_json::{Value, json};

use super::{BODY_DELIVERY, bearer, cookie};
use crate::support::{Answer, Cookies, Gate, PASSWORD};

mod limit;
mod password;
mod profile;
mod revocation;
mod sessions;

const NEW: &str = "a quite different one";
const WRONG: &str = "The current password is wrong.";

/// Tells the audit log to go to a file in this folder, beside the database.
fn audited(folder: &tempfile::TempDir) -> String {
    format!("log.audit = \"{}\"\n", folder.path().join("audit.log").display())
}

/// What the audit log says, without the sign-ups and sign-ins.
fn events(folder: &tempfile::TempDir) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path().join("audit.log")).unwrap();
    assert!(!text.contains(PASSWORD) && !text.contains(NEW) && !text.contains("eyJ"), "{text}");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| !["signed_up", "signed_in"].contains(&line["event"].as_str().unwrap())).collect()
}

fn patch_me(gate: &Gate, body: &Value, session: &Cookies) -> Answer {
    gate.call("PATCH", "/auth/me", &body.to_string(), &cookie(&session.header()))
}

fn change_password(gate: &Gate, current: &str, new: &str, session: &Cookies) -> Answer {
    let body = json!({"current": current, "new": new}).to_string();
    gate.post("/auth/password", &body, &cookie(&session.header()))
}

fn end(gate: &Gate, id: &str, session: &Cookies) -> Answer {
    gate.call("DELETE", &format!("/auth/sessions/{id}"), "", &cookie(&session.header()))
}

fn sign_out_everywhere(gate: &Gate, session: &Cookies) -> Answer {
    gate.call("POST", "/auth/signout/all", "", &cookie(&session.header()))
}

fn listed(gate: &Gate, session: &Cookies) -> Vec<Value> {
    let answer = gate.get("/auth/sessions", &cookie(&session.header()));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().unwrap().clone()
}

/// The id of the session that these cookies are of.
fn id_of(gate: &Gate, session: &Cookies) -> String {
    let listed = listed(gate, session);
    let current: Vec<_> = listed.iter().filter(|session| session["current"] == true).collect();
    let [current] = current[..] else { panic!("{listed:?}") };
    current["id"].as_str().unwrap().to_owned()
}

fn me(gate: &Gate, session: &Cookies) -> u16 {
    gate.get("/auth/me", &cookie(&session.header())).status
}

fn refresh(gate: &Gate, session: &Cookies) -> u16 {
    gate.post("/auth/refresh", "", &cookie(&session.header())).status
}

fn sign_in(gate: &Gate, email: &str, password: &str) -> Answer {
    gate.post("/auth/signin", &json!({"email": email, "password": password}).to_string(), "")
}

/// A gate that delivers tokens in bodies, and the `Authorization` lines of two sessions of one user.
fn programs() -> (Gate, String, String) {
    let gate = Gate::with(BODY_DELIVERY);
    gate.sign_up("jack@example.com");
    let enter = || {
        let answer = sign_in(&gate, "jack@example.com", PASSWORD);
        bearer(answer.json()["access_token"].as_str().unwrap())
    };
    let (one, other) = (enter(), enter());
    (gate, one, other)
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.detail())
}
