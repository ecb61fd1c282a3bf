//! Targets in their forms and with their odd characters, and methods of every kind.

use crate::support::Gate;

use super::stage::echoing;

/// The answer's status, and what reached the upstream of such a request line.
fn ask(gate: &Gate, lines: &str, line: &[u8]) -> (u16, Option<String>) {
    let before = gate.upstream.requests().len();
    let mut connection = gate.connect();
    connection.write([line, b"\r\n", lines.as_bytes(), b"\r\n"].concat());
    let status = connection.answer().status;
    let seen = gate.upstream.requests();
    assert!(seen.len() <= before + 1, "once");
    (status, seen.get(before).map(|seen| seen.line().to_owned()))
}

fn gate() -> (Gate, String) {
    let gate = Gate::before(echoing(), "");
    let lines = format!("Host: {}\r\n{}", gate.address, gate.signed_in());
    (gate, lines)
}

#[test]
fn targets_reach_the_upstream_byte_for_byte() {
    let (gate, lines) = gate();
    for target in [
        "/",
        "/?",
        "/??",
        "/?a?b=/:@!$&'()*+,;=~-._[]|{}%%",
        "//x",
        "///",
        "/.",
        "/./a/../b",
        "/%00%ff%2f%2F%",
        "/%",
        "/:",
        "/a:b@c",
        "/^",
        "/~a",
        "/é",
        "/authx/me",
        "/x/auth/me",
        "/http://other.example/",
        "/*",
    ] {
        let line = format!("GET {target} HTTP/1.1");
        assert_eq!(ask(&gate, &lines, line.as_bytes()), (200, Some(line.clone())));
    }
    let long = format!("GET /{} HTTP/1.1", "x".repeat(10_000));
    assert_eq!(ask(&gate, &lines, long.as_bytes()), (200, Some(long.clone())));
}

#[test]
fn what_is_no_target_is_refused_and_goes_nowhere() {
    let (gate, lines) = gate();
    let authority = gate.address.to_string();
    for target in [
        "x",
        "*",
        "?a",
        "",
        " /",
        "/a b",
        "/\tx",
        "/\x7f",
        "/\x01",
        "http:///x",
        "ftp://AUTHORITY/x",
        "http://user:word@AUTHORITY/x",
        "http://other.example/x",
        "AUTHORITY",
        "AUTHORITY/x",
    ] {
        let line = format!("GET {} HTTP/1.1", target.replace("AUTHORITY", &authority));
        assert_eq!(ask(&gate, &lines, line.as_bytes()), (400, None), "{line}");
    }
    for line in [
        "GET / HTTP/1.1 ",
        "GET / HTTP/1.10",
        "GET / HTTP/2.0",
        "GET / HTTP/0.9",
        "GET / HTTP/11",
        "GET / http/1.1",
        "GET / ",
        "G@T / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        " GET / HTTP/1.1",
    ] {
        assert_eq!(ask(&gate, &lines, line.as_bytes()), (400, None), "{line}");
    }
}

/// RFC 9112 section 3.2.4.
#[test]
fn an_asterisk_is_a_target_of_options_alone_whoever_asks() {
    let (gate, lines) = gate();
    let nobody = format!("Host: {}\r\n", gate.address);
    for method in ["GET", "HEAD", "POST", "options"] {
        for lines in [&nobody, &lines] {
            let line = format!("{method} * HTTP/1.1");
            let before = gate.upstream.requests().len();
            let mut connection = gate.connect();
            connection.write(format!("{line}\r\n{lines}\r\n"));
            assert_eq!(connection.answer_to(method).status, 400, "{line}");
            assert!(connection.is_closed(), "{line}");
            assert_eq!(gate.upstream.requests().len(), before);
        }
    }
    assert_eq!(ask(&gate, &nobody, b"OPTIONS * HTTP/1.1"), (401, None));
}

/// Not allowed by RFC 3986 and sent all the same; either is right, but nothing between.
#[test]
fn what_no_target_should_have_goes_unchanged_or_nowhere() {
    let (gate, lines) = gate();
    for target in [&b"/\""[..], b"/<>", b"/`", b"/?`\"", b"/\x80\xff", b"/?\xff"] {
        let line = [b"GET ", target, b" HTTP/1.1"].concat();
        let (status, seen) = ask(&gate, &lines, &line);
        match seen {
            Some(seen) => assert_eq!((status, seen), (200, String::from_utf8_lossy(&line).into_owned())),
            None => assert_eq!(status, 400),
        }
    }
}

#[test]
fn absolute_targets_go_in_origin_form() {
    let (gate, lines) = gate();
    let authority = gate.address.to_string();
    for (scheme, rest, target) in [
        ("http", "/x?y", "/x?y"),
        ("HTTP", "/x", "/x"),
        ("https", "/x", "/x"),
        ("http", "", "/"),
        ("http", "?a", "/?a"),
        ("http", "//a/../b", "//a/../b"),
    ] {
        let line = format!("GET {scheme}://{authority}{rest} HTTP/1.1");
        assert_eq!(
            ask(&gate, &lines, line.as_bytes()),
            (200, Some(format!("GET {target} HTTP/1.1"))),
            "{line}"
        );
    }
}

#[test]
fn every_method_goes_through_as_it_is() {
    let (gate, lines) = gate();
    for method in ["get", "TRACE", "PATCH", "PROPFIND", "M-SEARCH", "X", "OPTIONS", "!#$%&'*+-.^_`|~09aZ"] {
        let line = format!("{method} /x HTTP/1.1");
        assert_eq!(ask(&gate, &lines, line.as_bytes()), (200, Some(line.clone())));
    }
    assert_eq!(ask(&gate, &lines, b"OPTIONS * HTTP/1.1"), (200, Some("OPTIONS * HTTP/1.1".to_owned())));
}
