//! The admin socket, and what commands do where there is none.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use super::{add, run};
use crate::support::Upstream;
use crate::support::process::{Process, sidegate};

#[test]
fn the_socket_stands_beside_the_database_for_its_owner_alone_and_goes_with_the_gate() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut gate = Process::serve(folder.path(), &upstream.url(), "");
    let socket = folder.path().join("t.redb.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    gate.terminate();
    gate.wait();
    assert!(!socket.exists());
}

#[test]
fn a_killed_gates_socket_is_in_nobodys_way() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut gate = Process::serve(folder.path(), &upstream.url(), "");
    gate.kill();
    gate.wait();
    assert!(folder.path().join("t.redb.sock").exists());
    add(folder.path(), "a@example.com", &[]);
    let _gate = Process::serve(folder.path(), &upstream.url(), "");
    add(folder.path(), "b@example.com", &[]);
    assert_eq!(run(folder.path(), &["users", "list", "--json"]).json().as_array().unwrap().len(), 2);
}

#[test]
fn administration_never_makes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["users", "list"][..],
        &["users", "show", "1"],
        &["sessions", "list"],
        &["keys", "list"],
        &["backup", "b.redb"],
    ] {
        let said = run(folder.path(), arguments);
        assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
        assert!(said.err.contains("there is no database `sidegate.redb`\nhint: "), "{said:?}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_socket_that_can_not_be_made_is_told_with_the_key_to_set() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let upstream = upstream.url();
    let serve = |socket: &str| {
        let variables = [
            ("SIDEGATE_UPSTREAM_URL", upstream.as_str()),
            ("SIDEGATE_SERVER_LISTEN", "127.0.0.1:0"),
            ("SIDEGATE_ADMIN_LISTEN", ""),
            ("SIDEGATE_ADMIN_SOCKET", socket),
        ];
        let output = sidegate(folder.path()).arg("serve").envs(variables).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = serve("gone/x.sock");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("gone/x.sock") && text.contains("`admin.socket`"), "{text}");
    let (code, text) = serve(&format!("{}.sock", "x".repeat(120)));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("admin.socket") && text.contains("too long"), "{text}");
    std::fs::write(folder.path().join("notes"), "mine").unwrap();
    let (code, text) = serve("notes");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`notes` is no socket"), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path().join("notes")).unwrap(), "mine");
    let _other = UnixListener::bind(folder.path().join("other.sock")).unwrap();
    let (code, text) = serve("other.sock");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("belongs to another gate"), "{text}");
}

#[test]
fn a_command_that_meets_a_gate_with_another_socket_says_what_to_give_it() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let _gate = Process::serve(folder.path(), &upstream.url(), "");
    let elsewhere = sidegate(folder.path())
        .args(["users", "list"])
        .env("SIDEGATE_ADMIN_SOCKET", "elsewhere.sock")
        .output()
        .unwrap();
    let text = String::from_utf8(elsewhere.stderr).unwrap();
    assert_eq!(elsewhere.status.code(), Some(1), "{text}");
    assert!(text.contains("elsewhere.sock") && text.contains("in use by another process"), "{text}");
    assert!(text.contains("hint: "), "{text}");
}

#[test]
fn administration_needs_no_upstream_in_its_configuration() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let _gate = Process::serve(folder.path(), &upstream.url(), "");
    std::fs::remove_file(folder.path().join("sidegate.toml")).unwrap();
    let listed = sidegate(folder.path())
        .args(["users", "list", "--json"])
        .env("SIDEGATE_DATABASE_URL", "redb:t.redb")
        .output()
        .unwrap();
    assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    assert_eq!(listed.stdout, b"[]\n");
}
