//! Administration from the command line (contract section 2), while a gate runs and while none does: the same commands,
//! the same answers.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::process::{Process, sidegate};
use crate::support::{PASSWORD, Upstream};

mod backup;
mod data;
mod keys;
mod mailed;
mod sessions;
mod socket;
mod users;

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// One object, of a command that went well.
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs a command in the gate's folder, with something on its standard input.
fn with_input(folder: &Path, arguments: &[&str], input: &str) -> Said {
    let mut child = sidegate(folder).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // A command that fails early reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Said {
    with_input(folder, arguments, "")
}

/// Makes a user with the tests' password; gives their record.
fn add(folder: &Path, email: &str, more: &[&str]) -> Value {
    let arguments =
        [&["users", "add", email, "--username", "jack", "--password-stdin", "--json"], more].concat();
    with_input(folder, &arguments, &format!("{PASSWORD}\n")).json()
}

/// Runs a test's body twice on a database with its configuration: while a gate runs, and while none does.
fn both_ways(body: impl Fn(&Path)) {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let running = Process::serve(folder.path(), &upstream.url(), "");
    body(folder.path());
    drop(running);
    // So that the operator of a machine where the gate is down needs nothing else than their command.
    let folder = tempfile::tempdir().unwrap();
    let mut once = Process::serve(folder.path(), &upstream.url(), "");
    once.terminate();
    once.wait();
    body(folder.path());
}

/// The status of a sign-in with the tests' password.
fn sign_in(process: &Process, email: &str, password: &str) -> crate::support::Answer {
    let body = serde_json::json!({ "email": email, "password": password }).to_string();
    let mut connection = process.connect();
    connection.write(format!(
        "POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        process.address,
        body.len()
    ));
    connection.answer()
}

/// The status of a GET with these cookies.
fn get(process: &Process, path: &str, cookie: &str) -> crate::support::Answer {
    let mut connection = process.connect();
    connection.write(format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", process.address));
    connection.answer()
}

/// Uses a reset link for another password; gives the status.
fn spend(process: &Process, token: &str) -> u16 {
    let body = serde_json::json!({ "token": token, "password": "another good one" }).to_string();
    let mut connection = process.connect();
    connection.write(format!(
        "POST /auth/password/reset HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        process.address,
        body.len()
    ));
    connection.answer().status
}
