//! What went wrong in comparable systems, one test for each line of the list of their weaknesses, which its name and its
//! comment give. Lines 9, 10, 13, 21 and 25 are about limits and stand with those, 1 to 5, 8, 11, 17, 19 and 20 with paths, hosts
//! and sub-requests, of 26 the floods with HTTP/2.

mod accounts;
mod framing;
mod shown;
mod tokens;

use serde_json::json;
use sidegate::store::UserChange;
use sidegate::types::{Role, UserId};

use crate::support::{Answer, Gate};

fn set_roles(gate: &Gate, uid: u64, names: &[&str]) {
    let roles = names.iter().map(|name| Role::parse(name).unwrap()).collect();
    let change = UserChange { roles: Some(roles), ..UserChange::default() };
    Gate::wait(gate.services().accounts.change(UserId::new(uid).unwrap(), change)).unwrap();
}

/// The token of a reset link for this user.
fn reset_token(gate: &Gate, uid: u64) -> String {
    let link = Gate::wait(gate.services().accounts.reset_link(UserId::new(uid).unwrap())).unwrap().unwrap();
    link.url.reveal().split_once("token=").unwrap().1.to_owned()
}

fn reset(gate: &Gate, token: &str, password: &str) -> Answer {
    gate.post("/auth/password/reset", &json!({"token": token, "password": password}).to_string(), "")
}

fn sign_in(gate: &Gate, email: &str, password: &str, cookies: &str) -> Answer {
    gate.post("/auth/signin", &json!({"email": email, "password": password}).to_string(), cookies)
}
