//! Whose word counts, and what is done where it is ambiguous or missing: nothing passes, and the log says what to set.

use super::{ORIGINAL, TRUSTED, ask, gate};
use crate::support::process::Process;
use crate::support::{Gate, Upstream};

#[test]
fn from_a_peer_that_is_not_trusted_everything_is_403() {
    let gate = Gate::with("[[rules]]\npath = \"/public/*\"\nallow = \"anyone\"");
    let cookie = gate.signed_in();
    for headers in ["", cookie.as_str()] {
        for original in ["GET /public/x", "GET /private"] {
            let answer = ask(&gate, original, headers);
            assert_eq!(
                (answer.status, answer.header("cache-control")),
                (403, Some("no-store")),
                "{original}"
            );
            assert_eq!(answer.header("x-user-id"), None);
        }
        assert_eq!(gate.get("/auth/verify", headers).status, 403);
    }
    let other = Gate::with("server.trusted_proxies = [\"10.0.0.0/8\", \"unix\"]\n");
    let vouched = ask(&other, "GET /x", &format!("X-Forwarded-For: 10.0.0.1\r\n{}", other.signed_in()));
    assert_eq!(vouched.status, 403, "who is trusted follows from the socket");
}

#[test]
fn the_log_names_the_network_to_trust_once() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut process = Process::serve(folder.path(), &upstream.url(), "");
    for _ in 0..5 {
        let mut connection = process.connect();
        connection.write(format!(
            "GET /auth/verify HTTP/1.1\r\nHost: {}\r\nX-Forwarded-Uri: /x\r\n\r\n",
            process.address
        ));
        assert_eq!(connection.answer().status, 403);
    }
    process.terminate();
    let lines = process.rest();
    let said: Vec<_> = lines.iter().filter(|line| line.contains("127.0.0.1/32")).collect();
    assert_eq!(said.len(), 1, "{lines:#?}");
    assert!(said[0].contains("/auth/verify") && said[0].contains("server.trusted_proxies"), "{}", said[0]);
}

#[test]
fn the_log_says_once_what_a_trusted_proxy_has_to_send() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut process = Process::serve(folder.path(), &upstream.url(), TRUSTED);
    for headers in [
        "",
        "X-Original-URL: /x\r\n",
        "X-Forwarded-Uri: /auth/login\r\n",
        "X-Forwarded-Uri: /auth/login\r\n",
        "X-Forwarded-Uri: /x\r\nX-Original-URL: /y\r\n",
    ] {
        let mut connection = process.connect();
        connection.write(format!("GET /auth/verify HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", process.address));
        assert_eq!(connection.answer().status, 403, "{headers}");
    }
    process.terminate();
    let lines = process.rest();
    for text in ["X-Forwarded-Uri is missing", "below /auth/", "two different paths"] {
        assert_eq!(lines.iter().filter(|line| line.contains(text)).count(), 1, "{text}: {lines:#?}");
    }
}

#[test]
fn a_missing_path_is_403() {
    let (forwarded, original) = (gate(""), Gate::with(ORIGINAL));
    for (gate, headers) in [
        (&forwarded, "X-Forwarded-Method: GET\r\nX-Forwarded-Host: a.example\r\n"),
        (&forwarded, "X-Original-Method: GET\r\nX-Original-URL: /public/x\r\n"),
        (&original, "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /x\r\n"),
        (&original, "X-Original-Method: GET\r\n"),
    ] {
        let cookie =
            format!("Cookie: {}\r\n", gate.member(&format!("u{}@example.com", headers.len())).header());
        assert_eq!(gate.get("/auth/verify", &format!("{headers}{cookie}")).status, 403, "{headers}");
    }
}

#[test]
fn both_kinds_or_one_of_them_twice_must_agree() {
    let gate = gate("");
    let cookie = gate.signed_in();
    let (method, uri) = ("X-Forwarded-Method: GET\r\n", "X-Forwarded-Uri: /private?a\r\n");
    for (headers, status) in [
        ("X-Original-Method: GET\r\nX-Original-URL: https://app.example/private?a\r\n", 200),
        ("X-Original-Method: POST\r\n", 403),
        ("X-Original-URL: /private\r\n", 403),
        ("X-Original-URL: /public/x\r\n", 403),
        ("X-Forwarded-Uri: /public/x\r\n", 403),
        ("X-Forwarded-Method: HEAD\r\n", 403),
        ("X-Forwarded-Host: a.example\r\nX-Forwarded-Host: b.example\r\n", 403),
        ("X-Forwarded-Host: a.example\r\nX-Original-URL: http://b.example/private?a\r\n", 403),
        ("X-Forwarded-Host: A.example:80\r\nX-Original-URL: http://a.example./private?a\r\n", 200),
    ] {
        let answer = gate.get("/auth/verify", &format!("{method}{uri}{headers}{cookie}"));
        assert_eq!(answer.status, status, "{headers}");
    }
}

#[test]
fn an_original_url_is_read_in_both_its_forms() {
    let gate = Gate::with(ORIGINAL);
    let cookie = gate.signed_in();
    for (url, origin, status) in [
        ("https://app.example/x?y", "https://app.example", 200),
        ("http://app.example:8080/x", "http://app.example:8080", 200),
        ("https://app.example/x", "https://other.example", 403),
        ("/x?y", &format!("http://{}", gate.address), 200),
        ("/x?y", "https://app.example", 403),
        ("https://user@app.example/x", "https://app.example", 403),
        ("ftp:x", "https://app.example", 403),
    ] {
        let told = format!("X-Original-Method: POST\r\nX-Original-URL: {url}\r\nOrigin: {origin}\r\n");
        assert_eq!(gate.get("/auth/verify", &format!("{told}{cookie}")).status, status, "{url} {origin}");
    }
}
