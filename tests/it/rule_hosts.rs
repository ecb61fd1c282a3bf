//! Rules that name hosts, and such as leave a segment open, over a socket.

use crate::support::process::sidegate;
use crate::support::{Answer, Gate};

const RULES: &str = r#"[[rules]]
host = "admin.example.com"
path = "/*"
allow = "deny"
[[rules]]
host = ["www.example.com", "bücher.example"]
path = "/*"
allow = "anyone"
[[rules]]
path = "/api/*/public"
allow = "anyone""#;

/// Asks for a path of a host, in the words of `Host`; an empty one stands for a request without.
fn ask(gate: &Gate, host: &str, path: &str, more: &str) -> Answer {
    if host.is_empty() {
        return gate.send(format!("GET {path} HTTP/1.0\r\n{more}\r\n"));
    }
    gate.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"))
}

#[test]
fn a_rule_for_a_host_decides_over_requests_for_it_alone() {
    let gate = Gate::with(RULES);
    for (host, path, status) in [
        ("www.example.com", "/x", 200),
        ("WWW.Example.COM.:8000", "/x", 200),
        ("xn--bcher-kva.example", "/x", 200),
        ("www.example.com", "/x/../y", 401),
        ("admin.example.com", "/x", 403),
        ("Admin.Example.com.:80", "/x", 403),
        ("other.example.com", "/x", 401),
        ("", "/x", 401),
        ("other.example.com", "/api/1/public", 200),
        ("admin.example.com", "/api/1/public", 403),
        ("", "/api/1/public", 200),
        ("other.example.com", "/api/1/2/public", 401),
        ("other.example.com", "/api/%2e%2e/public", 401),
        // What no honest client sends may be any host to a backend.
        ("www.example.com..", "/x", 403),
        ("www..example.com", "/x", 403),
        ("www.example.com!", "/x", 403),
    ] {
        let seen = gate.upstream.requests().len();
        // Also on hyper's way, which an `Expect` asks for.
        for more in ["", "Expect: 100-continue\r\n"] {
            if !more.is_empty() && host.is_empty() {
                continue;
            }
            let answer = ask(&gate, host, path, more);
            assert_eq!(answer.status, status, "{host} {path} {more:?}: {answer:?}");
        }
        let reached = gate.upstream.requests().len() > seen;
        assert_eq!(reached, status == 200, "{host} {path}");
    }
}

#[test]
fn a_stranger_can_not_choose_the_host_by_a_forwarded_header_and_a_trusted_proxy_can() {
    let told = "X-Forwarded-Host: www.example.com\r\nForwarded: host=www.example.com\r\n";
    let gate = Gate::with(RULES);
    assert_eq!(ask(&gate, "admin.example.com", "/x", told).status, 403);
    assert_eq!(ask(&gate, "other.example.com", "/x", told).status, 401);
    assert_eq!(gate.upstream.requests().len(), 0);
    let behind = Gate::with(&format!("server.trusted_proxies = [\"127.0.0.1/32\"]\n{RULES}"));
    assert_eq!(ask(&behind, "gate.internal", "/x", told).status, 200);
    assert_eq!(ask(&behind, "gate.internal", "/x", "X-Forwarded-Host: admin.example.com\r\n").status, 403);
}

#[test]
fn an_absolute_target_is_for_its_own_host() {
    let gate = Gate::with(RULES);
    let absolute =
        |target: &str, host: &str| gate.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).status;
    assert_eq!(absolute("http://www.example.com/x", "www.example.com"), 200);
    assert_eq!(absolute("http://admin.example.com/x", "admin.example.com"), 403);
    assert_eq!(absolute("http://www.example.com/x", "admin.example.com"), 400);
}

#[test]
fn who_is_renewed_in_passing_is_judged_by_the_host_again() {
    let rules =
        "[[rules]]\nhost = \"admin.example.com\"\npath = \"/*\"\nallow = \"signed-in\"\nroles = [\"admin\"]";
    let gate = Gate::with(rules);
    let cookie = gate.signed_in();
    gate.clock.advance(std::time::Duration::from_mins(16));
    assert_eq!(ask(&gate, "admin.example.com", "/x", &cookie).status, 403);
    assert_eq!(ask(&gate, "other.example.com", "/x", &cookie).status, 200);
}

#[test]
fn check_explains_what_holds_of_a_host() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("upstream.url = \"http://127.0.0.1:9000\"\n{RULES}");
    std::fs::write(folder.path().join("sidegate.toml"), settings).unwrap();
    let told = "the upstream is told: of nobody, and what a client claims is removed\n";
    for (request, said) in [
        (
            "GET http://WWW.example.com:8000/x",
            format!(
                "GET /x of WWW.example.com:8000\nrule: rule 2 (sidegate.toml:6:1, `/*`) → anyone\n\
                 not signed in: forwarded\n{told}"
            ),
        ),
        (
            "GET https://admin.example.com",
            "GET / of admin.example.com\nrule: rule 1 (sidegate.toml:2:1, `/*`) → deny\nnot signed in: 403\n".to_owned(),
        ),
        (
            "GET http://BÜCHER.example:8000/x?y",
            format!(
                "GET /x of xn--bcher-kva.example:8000\nquery: no rule sees it\nrule: rule 2 (sidegate.toml:6:1, `/*`) → anyone\n\
                 not signed in: forwarded\n{told}"
            ),
        ),
        (
            "GET https://bücher.example",
            format!(
                "GET / of xn--bcher-kva.example\nrule: rule 2 (sidegate.toml:6:1, `/*`) → anyone\nnot signed in: forwarded\n{told}"
            ),
        ),
        (
            "GET /api/1/public",
            format!(
                "GET /api/1/public\nhost: none, and no rule for a host matches; write `GET http://host/path` to ask for one\n\
                 rule: rule 3 (sidegate.toml:10:1, `/api/*/public`) → anyone\nnot signed in: forwarded\n{told}"
            ),
        ),
        (
            "GET http://a..b/api/1/public",
            "GET /api/1/public of a..b\nhost: no honest client sends such a one, and a backend may take it for any → deny\n\
             not signed in: 403\n"
                .to_owned(),
        ),
    ] {
        let output = sidegate(folder.path()).args(["check", "--explain", request]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), said, "{request}");
    }
    for request in [
        "GET ftp://host/",
        "GET http://user@host/",
        "GET http://üser@host/",
        "GET ftp://bücher.example/",
        "GET http://bü cher.example/",
        "GET http://bü*.example/",
        "GET http:///x",
        "GET host/x",
    ] {
        let output = sidegate(folder.path()).args(["check", "--explain", request]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{request}");
    }
    let effective = sidegate(folder.path()).arg("check").output().unwrap();
    let effective = String::from_utf8(effective.stdout).unwrap();
    assert!(effective.contains("host = [\"www.example.com\", \"xn--bcher-kva.example\"]"), "{effective}");
}
