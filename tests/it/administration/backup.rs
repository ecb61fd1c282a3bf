//! `sidegate backup FILE`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::{add, both_ways, get, run, sign_in};
use crate::support::process::Process;
use crate::support::{PASSWORD, Upstream};

#[test]
fn a_backup_is_a_database_with_everything_in_it() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let gate = Process::serve(folder.path(), &upstream.url(), "");
    add(folder.path(), "a@example.com", &["--role", "admin"]);
    let cookies = sign_in(&gate, "a@example.com", PASSWORD).cookies().header();
    let said = run(folder.path(), &["backup", "copy.redb", "--json"]).json();
    let copy = folder.path().join("copy.redb");
    assert_eq!(said["bytes"], copy.metadata().unwrap().len());
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    add(folder.path(), "later@example.com", &[]);

    let restored = tempfile::tempdir().unwrap();
    std::fs::copy(&copy, restored.path().join("t.redb")).unwrap();
    let gate = Process::serve(restored.path(), &upstream.url(), "");
    assert_eq!(get(&gate, "/", &cookies).status, 200, "sessions and keys are in it, too");
    let users = run(restored.path(), &["users", "list", "--json"]).json();
    assert_eq!(users.as_array().unwrap().len(), 1);
    assert_eq!(users[0]["roles"][0], "admin");
}

/// A copy that is put back must not let a link be used again that was used meanwhile.
#[test]
fn a_backup_holds_no_one_time_links() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let gate = Process::serve(folder.path(), &upstream.url(), "");
    add(folder.path(), "a@example.com", &[]);
    let link = run(folder.path(), &["users", "reset", "1", "--json"]).json();
    assert_eq!(run(folder.path(), &["backup", "copy.redb"]).code, 0);
    drop(gate);
    let restored = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("copy.redb"), restored.path().join("t.redb")).unwrap();
    let gate = Process::serve(restored.path(), &upstream.url(), "");
    let token = link["url"].as_str().unwrap().rsplit('=').next().unwrap();
    assert_eq!(super::spend(&gate, token), 400);
}

#[test]
fn a_backup_overwrites_nothing_unless_it_is_told_to() {
    both_ways(|folder| {
        std::fs::write(folder.join("precious"), "mine").unwrap();
        let said = run(folder, &["backup", "precious"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("`precious` exists already\nhint: "), "{said:?}");
        assert_eq!(std::fs::read_to_string(folder.join("precious")).unwrap(), "mine");
        assert_eq!(run(folder, &["backup", "precious", "--force"]).code, 0);
        assert!(folder.join("precious").metadata().unwrap().len() > 1000);
        let said = run(folder, &["backup", "gone/x"]);
        assert!(said.code == 1 && said.err.contains("gone/x"), "{said:?}");
        let left: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("backup")), "{left:?}");
    });
}

/// Seen: with `--force` a backup took the place of the database that the gate went on writing to, and an export destroyed it.
#[test]
fn nothing_is_ever_written_over_the_database_itself() {
    both_ways(|folder| {
        add(folder, "a@example.com", &[]);
        std::os::unix::fs::symlink("t.redb", folder.join("link")).unwrap();
        let before = std::fs::metadata(folder.join("t.redb")).unwrap().ino();
        for path in ["t.redb", "./t.redb", "link", "t.redb.sock"] {
            for arguments in [&["backup", path, "--force"][..], &["users", "export", path, "--force"]] {
                let said = run(folder, arguments);
                assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
                assert!(said.err.contains("the gate's own"), "{said:?}");
            }
        }
        assert_eq!(std::fs::metadata(folder.join("t.redb")).unwrap().ino(), before);
        assert_eq!(run(folder, &["users", "list", "--json"]).json().as_array().unwrap().len(), 1);
    });
}
