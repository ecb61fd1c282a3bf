//! A stolen refresh token: once its successor has been in use for more than ten seconds, whoever comes with it ends the session.

use std::time::{Duration, Instant};

use super::{LAPSED, echoing, get, refresh, wait_until_noted};
use crate::support::{Cookies, Gate};

/// A gate whose audit log is a file, an owner whose session was renewed, and the copy that a thief has from before.
fn robbed() -> (Gate, tempfile::TempDir, Cookies, Cookies) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let gate = Gate::before(echoing(), &format!("log.audit = \"{}\"\n", file.display()));
    let stolen = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let owners = get(&gate, &stolen).cookies();
    assert_eq!(get(&gate, &owners).status, 200);
    wait_until_noted(&gate);
    (gate, folder, stolen, owners)
}

fn replays(folder: &tempfile::TempDir) -> usize {
    let text = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    text.lines()
        .filter(|line| {
            line.contains(r#""event":"refresh_replayed","uid":1"#)
                && line.contains(r#""address":"127.0.0.1""#)
        })
        .count()
}

#[test]
fn a_replay_ends_the_session_for_thief_and_owner_and_is_audited_once() {
    let (gate, folder, stolen, owners) = robbed();
    let cookie = format!("Cookie: {}\r\n", owners.header());
    let (mut tunnel, mut cached) = (gate.tunnel(&cookie), gate.connect());
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    for _ in 0..2 {
        cached.write(&request);
        assert_eq!(cached.answer().status, 200);
    }
    gate.clock.advance(Duration::from_secs(10));
    assert_eq!(refresh(&gate, &stolen.refresh).status, 200, "ten seconds may be a parallel tab's");
    assert_eq!(replays(&folder), 0);
    gate.clock.advance(Duration::from_millis(1));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let thieves: Vec<_> = (0..16)
            .map(|thief| {
                let (gate, stolen) = (&gate, &stolen);
                scope.spawn(move || {
                    if thief % 2 == 0 { refresh(gate, &stolen.refresh) } else { get(gate, stolen) }.status
                })
            })
            .collect();
        thieves.into_iter().map(|thief| thief.join().unwrap()).collect()
    });
    let ended = Instant::now();
    assert_eq!(statuses, [401; 16]);
    cached.write(&request);
    let refused = cached.answer();
    assert_eq!((refused.status, refused.detail().as_str()), (401, "Invalid token"), "though it was cached");
    assert!(tunnel.is_closed());
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
    for cookies in [&owners, &stolen] {
        assert_eq!(get(&gate, cookies).status, 401);
        assert_eq!(refresh(&gate, &cookies.refresh).status, 401);
        let renewal = gate.get("/", &format!("Cookie: refresh_token={}\r\n", cookies.refresh));
        assert_eq!(renewal.status, 401);
    }
    assert_eq!(replays(&folder), 1);
}

#[test]
fn a_thief_who_comes_first_is_found_out_by_the_owner() {
    let gate = Gate::before(echoing(), "");
    let owners = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    // The thief has the copy, and is first to renew by it and to use what it gives.
    let thiefs = refresh(&gate, &owners.refresh).cookies();
    assert_eq!(get(&gate, &thiefs).status, 200);
    wait_until_noted(&gate);
    gate.clock.advance(Duration::from_millis(10_001));
    assert_eq!(get(&gate, &owners).status, 401);
    assert_eq!(get(&gate, &thiefs).status, 401, "the thief is out, too");
    assert_eq!(refresh(&gate, &thiefs.refresh).status, 401);
}

#[test]
fn a_theft_that_was_found_out_stays_so_after_a_restart() {
    let (mut gate, folder, stolen, owners) = robbed();
    gate.clock.advance(Duration::from_millis(10_001));
    assert_eq!(refresh(&gate, &stolen.refresh).status, 401);
    gate.restart();
    for cookies in [&owners, &stolen] {
        assert_eq!(get(&gate, cookies).status, 401);
        assert_eq!(refresh(&gate, &cookies.refresh).status, 401);
    }
    assert_eq!(replays(&folder), 1);
}

#[test]
fn the_grace_runs_on_while_the_gate_is_down() {
    let (mut gate, folder, stolen, owners) = robbed();
    gate.restart();
    gate.clock.advance(Duration::from_millis(10_001));
    assert_eq!(refresh(&gate, &stolen.refresh).status, 401, "when the successor was seen is on disk");
    assert_eq!(get(&gate, &owners).status, 401);
    assert_eq!(replays(&folder), 1);
}
