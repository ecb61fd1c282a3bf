//! `sidegate users`: add, list, show, set, reset, disable, enable, remove.

use serde_json::json;

use super::{add, both_ways, get, run, sign_in, spend, with_input};
use crate::support::process::Process;
use crate::support::{PASSWORD, Upstream};

#[test]
fn a_user_is_added_shown_changed_and_removed_whether_a_gate_runs_or_not() {
    both_ways(|folder| {
        let added = add(folder, "Jack@Example.com", &["--role", "editor", "--role", "admin"]);
        assert_eq!(added["uid"], 1);
        let keys: Vec<_> = added.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["uid", "email", "username", "is_active", "roles", "email_verified", "created_at", "updated_at"]
        );
        assert_eq!(added["email"], "Jack@Example.com");
        assert_eq!(added["roles"], json!(["admin", "editor"]));
        assert_eq!(added["is_active"], true);

        for who in ["1", "jack@EXAMPLE.com"] {
            assert_eq!(run(folder, &["users", "show", who, "--json"]).json(), added);
        }
        assert_eq!(run(folder, &["users", "list", "--json"]).json(), json!([added]));

        let set = [
            "users",
            "set",
            "1",
            "--username",
            "Jill",
            "--roles",
            "viewer",
            "--email",
            "jill@example.com",
            "--json",
        ];
        let changed = run(folder, &set).json();
        assert_eq!((&changed["username"], &changed["roles"]), (&json!("Jill"), &json!(["viewer"])));
        assert_eq!(changed["email"], "jill@example.com");
        assert_eq!(run(folder, &["users", "set", "1", "--roles", "", "--json"]).json()["roles"], json!([]));

        assert_eq!(run(folder, &["users", "disable", "1", "--json"]).json()["is_active"], false);
        assert_eq!(run(folder, &["users", "enable", "1", "--json"]).json()["is_active"], true);
        assert_eq!(run(folder, &["users", "remove", "jill@example.com", "--json"]).json()["uid"], 1);
        assert_eq!(run(folder, &["users", "list", "--json"]).json(), json!([]));
        assert_eq!(add(folder, "jill@example.com", &[])["uid"], 2, "a number is never used again");
    });
}

#[test]
fn people_get_tables() {
    both_ways(|folder| {
        assert_eq!(run(folder, &["users", "list"]).out, "no users\n");
        add(folder, "jack@example.com", &["--role", "admin"]);
        let table = run(folder, &["users", "list"]).out;
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 2, "{table}");
        for head in ["uid", "email", "username", "active", "roles"] {
            assert!(lines[0].contains(head), "{table}");
        }
        assert!(lines[1].contains("jack@example.com") && lines[1].contains("admin"), "{table}");
        let one = run(folder, &["users", "show", "1"]).out;
        assert!(
            one.lines().any(|line| line.starts_with("email") && line.ends_with("jack@example.com")),
            "{one}"
        );
    });
}

#[test]
fn what_is_wrong_is_told_with_its_reason_and_a_remedy() {
    both_ways(|folder| {
        add(folder, "jack@example.com", &[]);
        for (arguments, input, code, said) in [
            (&["users", "show", "7"][..], "", 1, "there is no user `7`"),
            (&["users", "show", "nobody@example.com"], "", 1, "there is no user `nobody@example.com`"),
            (&["users", "show", "jack"], "", 2, "a number or an e-mail address"),
            (&["users", "show", "0"], "", 2, "a number or an e-mail address"),
            (&["users", "set", "1"], "", 2, "required"),
            (&["users", "set", "1", "--roles", "a b"], "", 2, "that is no role"),
            (&["users", "add", "x@example.com"], "", 2, "--username"),
            (&["users", "add", "not an address", "--username", "x"], "", 2, "that is no e-mail address"),
            (
                &["users", "add", "x@example.com", "--username", "x", "--password-stdin"],
                "short\n",
                1,
                "8 characters",
            ),
            (&["users", "add", "x@example.com", "--username", "x", "--password-stdin"], "", 1, "password"),
            (&["users", "add", "x@example.com", "--username", "x"], "", 1, "--password-stdin"),
            (
                &["users", "add", "JACK@example.com", "--username", "x", "--password-stdin"],
                "long enough for all\n",
                1,
                "belongs to another user",
            ),
            (
                &["users", "add", "x@example.com", "--username", "x", "--invite"],
                "",
                1,
                "no mail is sent here",
            ),
            (&["users", "set", "9", "--username", "x"], "", 1, "there is no user `9`"),
            (&["users", "reset", "9"], "", 1, "there is no user `9`"),
            (&["users", "remove", "9"], "", 1, "there is no user `9`"),
            (&["users", "disable", "9"], "", 1, "there is no user `9`"),
        ] {
            let answer = with_input(folder, arguments, input);
            assert_eq!(answer.code, code, "{arguments:?}: {answer:?}");
            assert!(answer.err.contains(said), "{arguments:?}: {answer:?}");
            assert!(answer.out.is_empty() && !answer.err.contains("panicked"), "{answer:?}");
        }
        assert_eq!(run(folder, &["users", "list", "--json"]).json().as_array().unwrap().len(), 1);
    });
}

#[test]
fn what_an_operator_does_holds_in_the_running_gate_from_the_next_request_on() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let gate = Process::serve(folder.path(), &upstream.url(), "identity.roles = \"X-User-Roles\"");
    let folder = folder.path();
    add(folder, "jack@example.com", &["--role", "admin"]);
    let cookies = sign_in(&gate, "jack@example.com", PASSWORD).cookies().header();
    assert_eq!(get(&gate, "/", &cookies).status, 200);
    assert_eq!(upstream.last().header("x-user-roles").as_deref(), Some("admin"));

    run(folder, &["users", "set", "1", "--roles", "viewer", "--json"]).json();
    let renewed = get(&gate, "/", &cookies);
    assert_eq!(renewed.status, 200);
    assert_eq!(upstream.last().header("x-user-roles").as_deref(), Some("viewer"));

    run(folder, &["users", "disable", "1"]);
    let cookies = renewed.cookies().header();
    assert_eq!(get(&gate, "/", &cookies).status, 401);
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 401);
    run(folder, &["users", "enable", "1"]);
    assert_eq!(get(&gate, "/", &cookies).status, 401, "what has ended stays so");
    let cookies = sign_in(&gate, "jack@example.com", PASSWORD).cookies().header();
    run(folder, &["users", "remove", "1"]);
    assert_eq!(get(&gate, "/", &cookies).status, 401);
}

#[test]
fn a_reset_link_sets_a_new_password_once_and_ends_what_was_open() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let gate =
        Process::serve(folder.path(), &upstream.url(), "server.public_url = \"http://127.0.0.1:8000\"");
    add(folder.path(), "jack@example.com", &[]);
    let before = sign_in(&gate, "jack@example.com", PASSWORD).cookies().header();
    let link = run(folder.path(), &["users", "reset", "jack@example.com", "--json"]).json();
    let url = link["url"].as_str().unwrap();
    let token = url.strip_prefix("http://127.0.0.1:8000/auth/reset?token=").unwrap();
    let text = run(folder.path(), &["users", "reset", "jack@example.com"]).out;
    assert!(text.starts_with("http://127.0.0.1:8000/auth/reset?token="), "{text}");
    let newest = text.lines().next().unwrap().rsplit('=').next().unwrap().to_owned();
    let spend = |token: &str| spend(&gate, token);
    assert_eq!(spend(token), 400, "a newer link takes the place of an older one");
    assert_eq!(spend(&newest), 200);
    assert_eq!(spend(&newest), 400);
    assert_eq!(get(&gate, "/", &before).status, 401);
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 401);
    assert_eq!(sign_in(&gate, "jack@example.com", "another good one").status, 200);
}
