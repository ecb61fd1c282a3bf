//! `kill -9` at any moment loses no answered write and leaves nothing that nobody asked for (contract section 7).

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::process::Process;
use crate::support::{Answer, PASSWORD, Raw, Upstream};

const ROUNDS: usize = 6;
const THREADS: usize = 4;

/// What clients know: who was told that they are users, and each session's newest refresh token.
#[derive(Default)]
struct Told {
    users: Mutex<Vec<(String, u64)>>,
    sessions: Mutex<Vec<String>>,
    asked: AtomicUsize,
}

/// Posts JSON; `None` once the gate is dead.
fn post(connection: &mut Raw, process: &Process, path: &str, json: &str, headers: &str) -> Option<Answer> {
    let request = format!(
        "POST /auth/{path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{json}",
        process.address,
        json.len()
    );
    connection.try_write(request).ok()?;
    // A head that was cut off is no answer.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| connection.answer())).ok()
}

fn sign_up(told: &Told, connection: &mut Raw, process: &Process) -> Option<()> {
    let email = format!("u{}@example.com", told.asked.fetch_add(1, Ordering::SeqCst));
    let body = format!(r#"{{"email":"{email}","username":"u","password":"{PASSWORD}"}}"#);
    let answer = post(connection, process, "signup", &body, "")?;
    assert_eq!(answer.status, 200, "{answer:?}");
    told.users.lock().unwrap().push((email.clone(), answer.json()["uid"].as_u64().unwrap()));
    let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
    let answer = post(connection, process, "signin", &body, "")?;
    let mut refresh = answer.cookies().refresh;
    for _ in 0..3 {
        let cookie = format!("Cookie: refresh_token={refresh}\r\n");
        let Some(answer) = post(connection, process, "refresh", "", &cookie) else {
            // The newest token that was told counts; an answer that was lost logs nobody out.
            told.sessions.lock().unwrap().push(refresh);
            return None;
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        refresh = answer.cookies().refresh;
    }
    told.sessions.lock().unwrap().push(refresh);
    Some(())
}

#[test]
fn every_answered_write_outlives_a_kill_and_nothing_else_is_there() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let extra = "limits.signup = \"1000000/1h\"\n";
    let told = Told::default();
    for round in 0..ROUNDS {
        let process = Process::serve(folder.path(), &upstream.url(), extra);
        let answered = told.users.lock().unwrap().len();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut connection = process.connect();
                    while sign_up(&told, &mut connection, &process).is_some() {}
                });
            }
            // Another number of answers in each round, so that the kill meets another moment.
            while told.users.lock().unwrap().len() < answered + 5 + 7 * round {
                std::thread::yield_now();
            }
            process.kill();
        });
        drop(process);
        check(&told, &Process::serve(folder.path(), &upstream.url(), extra));
    }
}

/// Everybody who was told so is a user under their own number, every session goes on, and numbers that were never
/// told belong to sign-ups that were asked for.
fn check(told: &Told, process: &Process) {
    let mut connection = process.connect();
    let users = told.users.lock().unwrap();
    let numbers: HashSet<_> = users.iter().map(|(_, uid)| *uid).collect();
    assert_eq!(numbers.len(), users.len(), "a number was given twice");
    for (email, uid) in users.iter() {
        let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
        let answer = post(&mut connection, process, "signin", &body, "").unwrap();
        assert_eq!((answer.status, answer.json()["uid"].as_u64()), (200, Some(*uid)), "{email}");
    }
    let mut sessions = told.sessions.lock().unwrap();
    for refresh in sessions.drain(..) {
        let cookie = format!("Cookie: refresh_token={refresh}\r\n");
        let answer = post(&mut connection, process, "refresh", "", &cookie).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let asked = told.asked.fetch_add(1, Ordering::SeqCst);
    let body = format!(r#"{{"email":"check{asked}@example.com","username":"u","password":"{PASSWORD}"}}"#);
    let next = post(&mut connection, process, "signup", &body, "").unwrap().json()["uid"].as_u64().unwrap();
    assert!(next <= asked as u64 + 1, "{next} users after {asked} sign-ups");
}
