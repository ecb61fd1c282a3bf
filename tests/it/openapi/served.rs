//! Who serves the document, and the command that prints it.

use serde_json::Value;

use super::{PATH, document};
use crate::support::process::{Process, sidegate};
use crate::support::{Gate, Upstream};

#[test]
fn anybody_may_have_it_and_who_has_it_is_told_so() {
    let mut gate = Gate::start();
    let answer = gate.get(PATH, "");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("cdn-cache-control"), None, "the keys' alone");
    let tag = answer.header("etag").unwrap().to_owned();
    gate.restart();
    let known = gate.get(PATH, &format!("If-None-Match: \"x\", W/{tag}\r\n"));
    assert_eq!((known.status, known.text().as_str(), known.header("etag")), (304, "", Some(tag.as_str())));
    assert_eq!(known.header("cache-control"), Some("no-store"));
    gate.restart_with("tokens.delivery = \"body\"\n");
    assert_eq!(gate.get(PATH, &format!("If-None-Match: {tag}\r\n")).status, 200);
}

#[test]
fn the_command_prints_what_a_gate_with_the_same_settings_serves() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let extra =
        "tokens.delivery = \"body\"\ncookies.refresh = \"rt\"\nserver.public_url = \"http://127.0.0.1:8123\"";
    let process = Process::serve(folder.path(), &upstream.url(), extra);
    let mut connection = process.connect();
    connection.write(format!("GET {PATH} HTTP/1.1\r\nHost: {}\r\n\r\n", process.address));
    let served = connection.answer().json();
    assert_eq!(served["servers"][0]["url"], "http://127.0.0.1:8123");
    let output = sidegate(folder.path()).arg("openapi").output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), served);
}

#[test]
fn without_any_configuration_the_command_prints_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let output = sidegate(folder.path()).arg("openapi").output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, document(&Gate::start()));
    assert!(output.stdout.ends_with(b"}\n") && std::fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_configuration_that_is_wrong_is_told_and_nothing_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let output = sidegate(folder.path()).args(["openapi", "--config", "gone.toml"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(String::from_utf8(output.stderr).unwrap().contains("gone.toml"));
}
