//! `sidegate sessions` and `sidegate keys`.

use serde_json::json;

use super::{add, both_ways, get, run, sign_in};
use crate::support::process::Process;
use crate::support::{PASSWORD, Upstream};

#[test]
fn sessions_are_listed_and_ended_by_id_by_user_and_all() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let gate = Process::serve(folder.path(), &upstream.url(), "");
    let folder = folder.path();
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        add(folder, email, &[]);
    }
    let enter = |email| sign_in(&gate, email, PASSWORD).cookies().header();
    let (a, b, c) = (enter("a@example.com"), enter("b@example.com"), enter("c@example.com"));
    let all = run(folder, &["sessions", "list", "--json"]).json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    let of_a = run(folder, &["sessions", "list", "--user", "a@example.com", "--json"]).json();
    let session = &of_a.as_array().unwrap()[0];
    assert_eq!((&session["uid"], &session["email"]), (&json!(1), &json!("a@example.com")));
    assert_eq!(session["address"], "127.0.0.1");
    let id = session["id"].as_str().unwrap();

    assert_eq!(run(folder, &["sessions", "revoke", id, "--json"]).json(), json!({ "revoked": 1 }));
    assert_eq!(get(&gate, "/", &a).status, 401);
    let again = run(folder, &["sessions", "revoke", id]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("there is no session"), "{again:?}");
    assert_eq!(get(&gate, "/", &b).status, 200);

    assert_eq!(run(folder, &["sessions", "revoke", "--user", "2"]).out, "1 session ended\n");
    assert_eq!(get(&gate, "/", &b).status, 401);
    assert_eq!(get(&gate, "/", &c).status, 200);
    enter("a@example.com");
    assert_eq!(run(folder, &["sessions", "revoke", "--all", "--json"]).json(), json!({ "revoked": 2 }));
    assert_eq!(get(&gate, "/", &c).status, 401);
    assert_eq!(run(folder, &["sessions", "list"]).out, "no sessions\n");
}

#[test]
fn a_session_that_was_ended_while_no_gate_ran_is_over_when_one_does() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut gate = Process::serve(folder.path(), &upstream.url(), "");
    add(folder.path(), "a@example.com", &[]);
    let cookies = sign_in(&gate, "a@example.com", PASSWORD).cookies().header();
    assert_eq!(get(&gate, "/", &cookies).status, 200);
    gate.terminate();
    gate.wait();
    assert_eq!(
        run(folder.path(), &["sessions", "revoke", "--all", "--json"]).json(),
        json!({ "revoked": 1 })
    );
    let gate = Process::serve(folder.path(), &upstream.url(), "");
    assert_eq!(get(&gate, "/", &cookies).status, 401);
}

#[test]
fn which_sessions_are_meant_has_to_be_said_once() {
    both_ways(|folder| {
        for arguments in [
            &["sessions", "revoke"][..],
            &["sessions", "revoke", "--all", "--user", "1"],
            &["sessions", "revoke", "nonsense"],
        ] {
            assert_eq!(run(folder, arguments).code, 2, "{arguments:?}");
        }
    });
}

#[test]
fn keys_are_listed_without_anything_secret() {
    both_ways(|folder| {
        let keys = run(folder, &["keys", "list", "--json"]).json();
        let key = &keys.as_array().unwrap()[0];
        let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["kid", "algorithm", "signs", "created_at", "retired_at", "verifies_until"]);
        assert_eq!((&key["algorithm"], &key["signs"]), (&json!("EdDSA"), &json!(true)));
        let table = run(folder, &["keys", "list"]).out;
        assert!(table.contains(key["kid"].as_str().unwrap()), "{table}");
    });
}
