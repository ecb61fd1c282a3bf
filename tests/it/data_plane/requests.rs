//! What a request may say of itself, byte for byte as it reaches the upstream, and which version's rules hold for it.

use std::fmt::Write as _;

use crate::support::upstream::Seen;
use crate::support::{Gate, Upstream};

use super::stage::echoing;

fn gate(settings: &str) -> (Gate, String) {
    let gate = Gate::before(echoing(), &format!("server.workers = 1\n{settings}"));
    let lines = format!("Host: {}\r\n{}", gate.address, gate.signed_in());
    (gate, lines)
}

/// A head's fields, the names in small letters, sorted by name with a name's values in their order.
fn fields(seen: &Seen) -> Vec<(String, String)> {
    let lines = seen.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
    let mut fields: Vec<_> =
        lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

#[test]
fn the_upstream_gets_what_was_sent_what_the_gate_adds_and_nothing_else() {
    let (gate, lines) = gate("");
    let sent = "User-Agent: curl/8\r\nACCEPT: */*\r\nx-a: 1\r\nX-A: 2\r\nABC-def: q\r\nX_y: \"a\\\"\"\r\nEmpty:\r\n\
                Ws: \t a  b \t\r\nCookie: b=2; c=\"3\"\r\nX-Request-Id: id-1\r\nx-A: 3\r\nAuthorization: Basic eA==\r\n";
    for method in ["GET", "HEAD", "DELETE"] {
        let mut connection = gate.connect();
        connection.write(format!("{method} /a?b HTTP/1.1\r\n{lines}{sent}\r\n"));
        assert_eq!(connection.answer_to(method).status, 200);
        let (seen, address) = (gate.upstream.last(), gate.address);
        assert_eq!(seen.line(), format!("{method} /a?b HTTP/1.1"));
        let forwarded = format!("for=127.0.0.1;host=\"{address}\";proto=http");
        let host = address.to_string();
        let expected = [
            ("abc-def", "q"),
            ("accept", "*/*"),
            ("authorization", "Basic eA=="),
            ("cookie", "b=2; c=\"3\""),
            ("empty", ""),
            ("forwarded", &forwarded),
            ("host", &host),
            ("user-agent", "curl/8"),
            ("ws", "a  b"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-a", "3"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", &host),
            ("x-forwarded-proto", "http"),
            ("x-request-id", "id-1"),
            ("x-user-id", "1"),
            ("x_y", "\"a\\\"\""),
        ];
        assert_eq!(fields(&seen), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for written in ["\r\nHost: ", "\r\nX-User-Id: 1\r\n", "\r\nX-Forwarded-For: 127.0.0.1\r\n"] {
            assert!(seen.head.contains(written), "as the documentation spells it: {}", seen.head);
        }
    }
}

#[test]
fn http_1_0_has_its_own_rules_for_connections() {
    let (gate, lines) = gate("");
    for (method, more, body, kept) in [
        ("GET", "", "", false),
        ("HEAD", "", "", false),
        ("POST", "Content-Length: 2\r\n", "ab", false),
        ("POST", "Content-Length: 2\r\nExpect: 100-continue\r\n", "ab", false),
        ("GET", "Connection: keep-alive\r\n", "", true),
        ("GET", "Connection: Keep-Alive, x\r\n", "", true),
        ("GET", "Connection: close\r\n", "", false),
    ] {
        let mut connection = gate.connect();
        connection.write(format!("{method} / HTTP/1.0\r\n{lines}{more}\r\n{body}"));
        let answer = if method == "HEAD" { connection.answer_to(method) } else { connection.head() };
        assert_eq!(answer.status, 200, "{method} {more}: no 100 either");
        assert_eq!(answer.header("transfer-encoding"), None);
        let keeps = answer.header("connection").is_some_and(|said| said.eq_ignore_ascii_case("keep-alive"));
        if !kept {
            assert!(!keeps && connection.is_closed(), "{method} {more}");
        } else if keeps {
            connection.exactly(answer.header("content-length").unwrap().parse().unwrap());
            connection.write(format!("GET /again HTTP/1.0\r\n{lines}\r\n"));
            assert_eq!(connection.answer().text(), "GET /again 1 ");
        }
        assert!(gate.upstream.last().line().ends_with(" HTTP/1.1"));
    }
}

/// A client of HTTP/1.0 knows no chunks, and one that keeps its connection needs a length or its end.
#[test]
fn http_1_0_gets_no_chunks() {
    let upstream = Upstream::answering(|exchange| {
        exchange
            .write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        true
    });
    let gate = Gate::before(upstream, "");
    let lines = format!("Host: {}\r\n{}", gate.address, gate.signed_in());
    for connection_line in ["", "Connection: keep-alive\r\n"] {
        let mut connection = gate.connect();
        connection.write(format!("GET / HTTP/1.0\r\n{lines}{connection_line}\r\n"));
        let answer = connection.head();
        assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None));
        assert_eq!(connection.rest(), b"abcde");
        assert!(connection.is_closed());
    }
}

#[test]
fn no_body_and_an_empty_one_are_told_to_the_upstream_without_a_doubt() {
    let (gate, lines) = gate("");
    let mut connection = gate.connect();
    for (method, framing, body) in [
        ("GET", "", ""),
        ("GET", "Content-Length: 0\r\n", ""),
        ("GET", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("GET", "Content-Length: 2\r\n", "ab"),
        ("POST", "", ""),
        ("POST", "Content-Length: 0\r\n", ""),
        ("POST", "Content-Length: 00\r\n", ""),
        ("POST", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("PUT", "Content-Length: 2\r\n", "ab"),
        ("DELETE", "Content-Length: 0\r\n", ""),
    ] {
        connection.write(format!("{method} / HTTP/1.1\r\n{lines}{framing}\r\n{body}"));
        let answer = connection.answer();
        let text = if body == "ab" { "ab" } else { "" };
        assert_eq!(answer.text(), format!("{method} / 1 {text}"), "{framing}");
        let seen = gate.upstream.last();
        let (lengths, codings) = (seen.all("content-length"), seen.all("transfer-encoding"));
        assert!(lengths.len() + codings.len() <= 1, "{}", seen.head);
        if framing.starts_with("Content-Length") {
            assert!(codings.is_empty(), "{method} {framing}: {}", seen.head);
            assert!(method == "GET" && text.is_empty() || lengths.len() == 1, "{}", seen.head);
        }
    }
}

#[test]
fn an_expectation_is_met_by_the_gate_and_never_forwarded() {
    let (gate, lines) = gate("");
    for (method, more, informed) in [
        ("GET", "Expect: 100-continue\r\n", false),
        ("GET", "Expect: 100-Continue\r\nContent-Length: 0\r\n", false),
        ("POST", "Expect: 100-CONTINUE\r\nContent-Length: 2\r\n", true),
        ("POST", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", true),
    ] {
        let mut connection = gate.connect();
        connection.write(format!("{method} / HTTP/1.1\r\n{lines}{more}\r\n"));
        if informed {
            assert_eq!(connection.head().status, 100, "{more}");
            connection.write(if more.contains("chunked") { "2\r\nab\r\n0\r\n\r\n" } else { "ab" });
        }
        assert_eq!(connection.answer().text(), format!("{method} / 1 {}", if informed { "ab" } else { "" }));
        assert_eq!(gate.upstream.last().header("expect"), None);
    }
    // RFC 9110 section 10.1.1 lets others be refused.
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.1\r\n{lines}Expect: wonders\r\n\r\n"));
    assert!(matches!(connection.answer().status, 200 | 417));
}

#[test]
fn a_head_is_as_long_as_the_limit_says_to_the_byte() {
    let (gate, lines) = gate("limits.header_bytes = \"8KiB\"");
    let empty = format!("GET / HTTP/1.1\r\n{lines}X: \r\n\r\n").len();
    for (length, status) in [(8191, 200), (8192, 200), (8193, 431), (9000, 431), (20_000, 431)] {
        for pieces in [1, 3] {
            let mut connection = gate.connect();
            let head = format!("GET / HTTP/1.1\r\n{lines}X: {}\r\n\r\n", "x".repeat(length - empty));
            for piece in head.as_bytes().chunks(length.div_ceil(pieces)) {
                // It may have had enough.
                let _ = connection.try_write(piece);
            }
            assert_eq!(connection.answer().status, status, "{length} bytes");
            assert!(status == 200 || connection.is_closed());
        }
    }
    assert!(gate.upstream.requests().iter().all(|seen| seen.header("x").unwrap().len() <= 8192));
}

#[test]
fn many_fields_go_all_or_not_at_all() {
    let (gate, lines) = gate("");
    for count in [60, 95, 98, 99, 150] {
        let mut more = String::new();
        (0..count).for_each(|number| write!(more, "X-N{number}: {number}\r\n").unwrap());
        let mut connection = gate.connect();
        connection.write(format!("GET /{count} HTTP/1.1\r\n{lines}{more}\r\n"));
        let status = connection.answer().status;
        assert!(status == 200 || status == 431 && count > 95, "{count}: {status}");
        if status == 200 {
            let seen = gate.upstream.last();
            for number in 0..count {
                assert_eq!(seen.header(&format!("x-n{number}")), Some(number.to_string()));
            }
        }
    }
}
