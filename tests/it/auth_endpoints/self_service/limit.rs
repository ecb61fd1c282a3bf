//! How much a user may change of their own account in how long.

use std::time::Duration;

use serde_json::json;

use super::{NEW, WRONG, audited, change_password, events, patch_me, told};
use crate::auth_endpoints::cookie;
use crate::support::{Answer, Cookies, Gate, PASSWORD};

const LIMITED: &str = "Too many attempts. Try again later.";

fn rename(gate: &Gate, number: usize, session: &Cookies) -> Answer {
    patch_me(gate, &json!({"username": format!("Jack {number}")}), session)
}

/// Seen: changes of the name had no limit, each with a commit and a line in the audit log of its own, so that one user kept
/// the database's writer busy for as long as they wished.
#[test]
fn changes_of_ones_own_account_are_limited_all_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = Gate::with(&audited(&folder));
    let (jack, jill) = (gate.member("jack@example.com"), gate.member("jill@example.com"));
    let other = gate.sign_in("jack@example.com");
    for number in 0..58 {
        assert_eq!(rename(&gate, number, &jack).status, 200, "{number}");
    }
    let taken = json!({"email": "jill@example.com", "password": PASSWORD});
    assert_eq!(patch_me(&gate, &taken, &jack).status, 409);
    assert_eq!(change_password(&gate, PASSWORD, NEW, &jack).status, 200);
    let before = events(&folder).len();
    let limited = rename(&gate, 60, &jack);
    assert_eq!(told(&limited), (429, LIMITED.to_owned()));
    assert_eq!(limited.header("retry-after"), Some("15"));
    assert_eq!(limited.header("ratelimit-policy"), Some(r#""account";q=60;w=900"#));
    assert_eq!(limited.header("ratelimit"), Some(r#""account";r=0;t=15"#));
    assert_eq!(change_password(&gate, NEW, PASSWORD, &jack).status, 429);
    let by_password = json!({"email": "jacques@example.com", "password": NEW});
    assert_eq!(patch_me(&gate, &by_password, &jack).status, 429);
    assert_eq!(events(&folder).len(), before, "what is refused writes nothing");
    assert_eq!(rename(&gate, 60, &jill).status, 200, "each user has their own");
    assert_eq!(rename(&gate, 57, &jack).status, 200, "what is so already is no change");
    assert_eq!(gate.get("/auth/me", &cookie(&other.header())).status, 401);
    gate.restart();
    assert_eq!(rename(&gate, 60, &jack).status, 429, "a restart undoes nothing");
    gate.clock.advance(Duration::from_secs(15));
    assert_eq!(rename(&gate, 60, &jack).status, 200);
    assert_eq!(rename(&gate, 61, &jack).status, 429);
}

/// Seen: a client that asked and left, again and again, grew a backlog of changes that nothing bounded.
#[test]
fn changes_that_nobody_waits_for_count_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::with(&audited(&folder));
    let jack = gate.member("jack@example.com");
    for number in 0..150 {
        let body = json!({"username": format!("Jack {number}")}).to_string();
        let mut connection = gate.connect();
        connection.write(format!(
            "PATCH /auth/me HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{body}",
            gate.address,
            body.len(),
            cookie(&jack.header())
        ));
    }
    let start = std::time::Instant::now();
    while rename(&gate, 1000, &jack).status != 429 {
        assert!(start.elapsed() < crate::support::PATIENCE);
    }
    assert!(events(&folder).len() <= 60, "{}", events(&folder).len());
}

#[test]
fn a_guess_at_the_password_is_a_change_that_was_tried() {
    let gate = Gate::with("limits.signin_failures = \"1000/15m\"\n");
    let jack = gate.member("jack@example.com");
    for _ in 0..60 {
        assert_eq!(told(&change_password(&gate, "wrong", NEW, &jack)), (400, WRONG.to_owned()));
    }
    assert_eq!(change_password(&gate, PASSWORD, NEW, &jack).status, 429);
    assert_eq!(
        gate.post(
            "/auth/signin",
            &json!({"email": "jack@example.com", "password": PASSWORD}).to_string(),
            ""
        )
        .status,
        200
    );
}
