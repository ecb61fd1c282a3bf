//! The access log of a running gate: each request once, whole, in its order, and only where it is wanted.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::Value;

use crate::support::process::{Process, sidegate};
use crate::support::{PATIENCE, Upstream};

/// A gate's log after so many requests to `path` over one connection, sent at once; their ids count up.
fn logged(extra: &str, path: &str, requests: usize) -> Vec<String> {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut process = Process::serve(folder.path(), &upstream.url(), extra);
    let mut connection = process.connect();
    for number in 0..requests {
        connection.write(format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nX-Request-Id: number-{number}\r\n\r\n",
            process.address
        ));
        assert_eq!(connection.answer().status, 401);
    }
    process.terminate();
    process.rest()
}

#[test]
fn each_request_is_logged_once_and_in_order_and_none_is_lost_at_the_end() {
    let requests = 500;
    for extra in ["", "log.format = \"json\"", "log.level = \"trace\""] {
        let lines = logged(extra, "/page?secret=1", requests);
        let ids: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("/page"))
            .map(|line| line.split("number-").nth(1).unwrap().split('"').next().unwrap().to_owned())
            .collect();
        assert_eq!(ids, (0..requests).map(|number| number.to_string()).collect::<Vec<_>>(), "{extra}");
        assert!(lines.iter().all(|line| !line.contains("secret=1")));
        let last = lines.last().unwrap();
        assert!(last.contains("stopped"), "what is said last is written last: {last}");
    }
}

#[test]
fn a_line_has_the_fields_that_it_always_had_in_their_order() {
    let lines = logged("", "/page", 1);
    let line = lines.iter().find(|line| line.contains("/page")).unwrap();
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.len() == 27 && time.ends_with('Z'), "{line}");
    let (before, after) = (
        "INFO access: method=\"GET\" path=\"/page\" status=401 version=HTTP/1.1 peer=127.0.0.1 \
         outcome=\"refused\" bytes=",
        " complete=true ms=",
    );
    assert!(rest.trim_start().starts_with(before) && rest.contains(after), "{line}");
    assert!(rest.ends_with(" id=\"number-0\""), "{line}");

    let lines = logged("log.format = \"json\"", "/page", 1);
    let line = lines.iter().find(|line| line.contains("/page")).unwrap();
    let object: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
    let names: Vec<_> = object.keys().map(String::as_str).collect();
    let expected = "timestamp level method path status version peer outcome bytes complete ms id target";
    assert_eq!(names, expected.split(' ').collect::<Vec<_>>(), "{line}");
}

/// What a client writes into its path must not begin a line, end a text or reach a terminal.
#[test]
fn a_hostile_path_stays_inside_of_its_field() {
    let path = "/a\"b{}\u{e9}\u{85}\u{202e}|x";
    let lines = logged("", path, 1);
    let line = lines.iter().find(|line| line.contains("number-0")).unwrap();
    assert!(line.contains("path=\"/a\\\"b{}\u{e9}\\u{85}\\u{202e}|x\""), "{line}");
    let lines = logged("log.format = \"json\"", path, 1);
    let line = lines.iter().find(|line| line.contains("number-0")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["path"], path, "{line}");
}

/// The whole log of a gate with these settings (nobody is told where it listens), after one request.
fn said(extra: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gate.sock");
    let text = format!(
        "server.listen = \"unix:{}\"\nserver.public_url = \"http://127.0.0.1:8000\"\nadmin.listen = \"\"\n\
         upstream.url = \"http://127.0.0.1:1\"\n{extra}",
        socket.display()
    );
    std::fs::write(folder.path().join("sidegate.toml"), text).unwrap();
    let child = sidegate(folder.path()).arg("serve").spawn().unwrap();
    let start = Instant::now();
    let mut client = loop {
        match UnixStream::connect(&socket) {
            Ok(client) => break client,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::yield_now();
    };
    client.write_all(b"GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
}

#[test]
fn requests_are_logged_at_info_and_finer_and_not_where_they_are_unwanted() {
    for (extra, wanted) in [
        ("", true),
        ("log.level = \"debug\"", true),
        ("log.level = \"warn\"", false),
        ("log.level = \"error\"\nlog.format = \"json\"", false),
        ("log.access = false", false),
        ("log.access = false\nlog.level = \"trace\"\nlog.format = \"json\"", false),
    ] {
        let said = said(extra);
        assert_eq!(said.contains("/page"), wanted, "{extra}: {said}");
    }
}
