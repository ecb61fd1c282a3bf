//! `sidegate keys list` and `rotate`, by the binary.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sidegate::config::settings::DatabaseUrl;
use sidegate::store::open;
use sidegate::types::Timestamp;

use super::{add, both_ways, get, run, sign_in};
use crate::support::process::Process;
use crate::support::{Gate, PASSWORD, Upstream};

fn keys(said: &super::Said) -> Vec<Value> {
    said.json().as_array().unwrap().clone()
}

fn published(process: &Process) -> Vec<String> {
    let set = get(process, "/auth/jwks.json", "").json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_rotation_shows_the_new_key_and_until_when_the_old_one_verifies() {
    both_ways(|folder| {
        let first = keys(&run(folder, &["keys", "list", "--json"]));
        let [first] = first.as_slice() else { panic!("one key: {first:?}") };
        assert_eq!((&first["signs"], &first["verifies_until"]), (&true.into(), &Value::Null));

        let said = run(folder, &["keys", "rotate", "--json"]);
        let rotated = keys(&said);
        assert_eq!(rotated.len(), 2, "{rotated:?}");
        assert_eq!((&rotated[0]["kid"], &rotated[0]["signs"]), (&first["kid"], &false.into()));
        assert_eq!((&rotated[1]["signs"], &rotated[1]["algorithm"]), (&true.into(), &"EdDSA".into()));
        assert_eq!(rotated[0]["retired_at"], rotated[1]["created_at"]);
        assert!(rotated[0]["verifies_until"].as_str() > rotated[0]["retired_at"].as_str(), "{rotated:?}");
        assert_eq!(run(folder, &["keys", "list", "--json"]).out, said.out, "as `list` shows them");
        let names: Vec<_> = rotated[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["kid", "algorithm", "signs", "created_at", "retired_at", "verifies_until"]);

        let table = run(folder, &["keys", "rotate"]);
        assert_eq!(table.code, 0, "{table:?}");
        assert_eq!(table.out, run(folder, &["keys", "list"]).out);
        assert_eq!(table.out.lines().count(), 4, "heads and three keys: {}", table.out);
        assert!(table.out.contains("verifies until"), "{}", table.out);
    });
}

#[test]
fn a_rotation_holds_at_once_in_the_gate_that_runs_and_after_a_kill() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let gate = Process::serve(folder.path(), &upstream.url(), "");
    add(folder.path(), "a@example.com", &[]);
    let access = |gate: &Process| {
        let cookies = sign_in(gate, "a@example.com", PASSWORD).cookies();
        format!("access_token={}", cookies.access)
    };
    let before = access(&gate);
    assert_eq!(get(&gate, "/", &before).status, 200);
    let rotated = keys(&run(folder.path(), &["keys", "rotate", "--json"]));
    let expected = [rotated[1]["kid"].as_str().unwrap(), rotated[0]["kid"].as_str().unwrap()];
    assert_eq!(published(&gate), expected);
    let after = access(&gate);
    assert_eq!((get(&gate, "/", &before).status, get(&gate, "/", &after).status), (200, 200));
    // What was answered is on the disk: the key that has signed is there again.
    gate.kill();
    drop(gate);
    let gate = Process::serve(folder.path(), &upstream.url(), "");
    assert_eq!(published(&gate), expected);
    assert_eq!((get(&gate, "/", &before).status, get(&gate, "/", &after).status), (200, 200));
    gate.terminate();
    drop(gate);
    // While none runs, the next one has it.
    let rotated = keys(&run(folder.path(), &["keys", "rotate", "--json"]));
    let gate = Process::serve(folder.path(), &upstream.url(), "");
    assert_eq!(published(&gate)[0], rotated[2]["kid"]);
    assert_eq!((get(&gate, "/", &before).status, get(&gate, "/", &after).status), (200, 200));
}

#[test]
fn with_a_shared_secret_a_rotation_says_what_to_change_instead() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let secret = "tokens.secret = \"0123456789abcdef0123456789abcdef\"\n";
    let mut gate = Process::serve(folder.path(), &upstream.url(), secret);
    let check = || {
        let said = run(folder.path(), &["keys", "rotate"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("with `HS256` the key is `tokens.secret`"), "{said:?}");
        assert!(!said.err.contains("0123456789"), "{said:?}");
    };
    check();
    gate.terminate();
    gate.wait();
    check();
}

#[test]
fn a_private_key_is_in_no_answer_and_in_no_log() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let extra = "log.level = \"trace\"\nlog.audit = \"audit.log\"\n";
    let mut gate = Process::serve(folder.path(), &upstream.url(), extra);
    let mut told = String::new();
    for arguments in [&["keys", "rotate"][..], &["keys", "rotate", "--json"], &["keys", "list", "--json"]] {
        let said = run(folder.path(), arguments);
        told.extend([said.out, said.err]);
    }
    told += &get(&gate, "/auth/jwks.json", "").text();
    gate.terminate();
    told += &gate.rest().join("\n");
    told += &std::fs::read_to_string(folder.path().join("audit.log")).unwrap();
    assert!(told.contains("keys_rotated"), "{told}");

    let database = DatabaseUrl::Redb(folder.path().join("t.redb"));
    let store = open::open(&database, Timestamp::from_secs(1)).unwrap();
    let keys = Gate::wait(store.signing_keys()).unwrap();
    assert_eq!(keys.len(), 3);
    for key in keys {
        // The seed, without the frame that is the same for all keys (RFC 8410 section 7).
        let seed = &key.private.reveal()[16..48];
        let hex = seed.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let list = format!("{seed:?}");
        let list = list.trim_matches(['[', ']']);
        for form in [&URL_SAFE_NO_PAD.encode(seed), &STANDARD.encode(seed), &hex, list] {
            assert!(!told.contains(form), "{} is told", key.kid);
        }
        assert!(told.contains(&key.kid), "its name is no secret");
    }
}
