//! The PROXY protocol: who is trusted to tell whom it passes on has to do so, and nobody else can.

use crate::support::papers::Papers;
use crate::support::{Gate, Raw};

const ON: &str = "server.proxy_protocol = true\nserver.trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n";
const UNKNOWN: &str = "PROXY UNKNOWN\r\n";

/// Version 2's header.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
}

fn v4(source: [u8; 4]) -> Vec<u8> {
    [&source[..], &[127, 0, 0, 1, 200, 0, 31, 144]].concat()
}

/// Signs somebody up and in behind a proxy that says nothing of its client; gives the `Cookie` header's line.
fn signed_in(gate: &Gate) -> String {
    let mut connection = gate.connect();
    connection.write(UNKNOWN);
    connection.signed_in()
}

/// What the backend hears of where a request comes from that follows this header.
fn told(gate: &Gate, header: &[u8], fields: &str) -> String {
    let mut connection = gate.connect();
    connection.write(header);
    connection.write(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    assert_eq!(connection.answer().status, 200);
    gate.upstream.last().header("x-forwarded-for").unwrap()
}

#[test]
fn the_address_that_is_told_is_the_clients() {
    let gate = Gate::with(ON);
    let cookie = signed_in(&gate);
    let extensions = [&v4([203, 0, 113, 9])[..], &[4, 0, 5, 1, 2, 3, 4, 5], &[0xee, 0, 0]].concat();
    let mut v6 = [0; 36];
    v6[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
    for (header, address) in [
        (b"PROXY TCP4 203.0.113.7 127.0.0.1 5 6\r\n".to_vec(), "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 5 6\r\n".to_vec(), "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 5 6\r\n".to_vec(), "203.0.113.7"),
        (binary(0x21, 0x11, &v4([203, 0, 113, 8])), "203.0.113.8"),
        (binary(0x21, 0x11, &extensions), "203.0.113.9"),
        (binary(0x21, 0x21, &v6), "2001:db8::"),
        // The proxy's own.
        (UNKNOWN.into(), "127.0.0.1"),
        (binary(0x20, 0x11, &v4([203, 0, 113, 8])), "127.0.0.1"),
        (binary(0x20, 0, &[]), "127.0.0.1"),
        (binary(0x21, 0, &[]), "127.0.0.1"),
        (binary(0x21, 0x31, &[b'/'; 216]), "127.0.0.1"),
    ] {
        assert_eq!(told(&gate, &header, &cookie), address, "{}", String::from_utf8_lossy(&header));
    }
}

#[test]
fn whose_forwarded_headers_count_is_judged_by_the_address_that_is_told() {
    let gate = Gate::with(ON);
    let fields = format!("{}X-Forwarded-For: 198.51.100.1\r\n", signed_in(&gate));
    for (source, heard) in [
        ("203.0.113.7", "203.0.113.7"),
        ("10.0.0.5", "198.51.100.1, 10.0.0.5"),
        ("127.0.0.1", "198.51.100.1, 127.0.0.1"),
    ] {
        let header = format!("PROXY TCP4 {source} 127.0.0.1 5 6\r\n");
        assert_eq!(told(&gate, header.as_bytes(), &fields), heard);
    }
    // What it passes on for somebody whom it can't name is a client's word; its own it may say.
    assert_eq!(told(&gate, UNKNOWN.as_bytes(), &fields), "127.0.0.1");
    assert_eq!(told(&gate, &binary(0x21, 0, &[]), &fields), "127.0.0.1");
    assert_eq!(told(&gate, &binary(0x20, 0, &[]), &fields), "198.51.100.1, 127.0.0.1");
}

#[test]
fn limits_count_the_address_that_is_told() {
    let gate = Gate::with(&format!("{ON}limits.signup = \"1/1h\"\n"));
    let sign_up = |source: &str, name: &str| {
        let body = format!(r#"{{"email":"{name}@b.c","username":"a","password":"correct horse battery"}}"#);
        gate.send(format!(
            "PROXY TCP4 {source} 127.0.0.1 5 6\r\nPOST /auth/signup HTTP/1.1\r\nHost: a\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .status
    };
    assert_eq!(sign_up("203.0.113.7", "a"), 200);
    assert_eq!(sign_up("203.0.113.8", "b"), 200);
    assert_eq!(sign_up("203.0.113.7", "c"), 429);
}

#[test]
fn a_header_may_come_byte_by_byte_and_with_the_request_behind_it() {
    let gate = Gate::with(&format!("{ON}server.workers = 1\n"));
    let cookie = signed_in(&gate);
    for header in
        [b"PROXY TCP4 203.0.113.7 127.0.0.1 5 6\r\n".to_vec(), binary(0x21, 0x11, &v4([203, 0, 113, 7]))]
    {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{cookie}\r\n");
        let all = [&header[..], request.as_bytes()].concat();
        let mut connection = gate.connect();
        for byte in &all {
            connection.write([*byte]);
        }
        assert_eq!(connection.answer().status, 200);
        let mut connection = gate.connect();
        connection.write(&all);
        assert_eq!(connection.answer().status, 200);
        // The header was the connection's, for all its requests.
        connection.write(request);
        assert_eq!(connection.answer().status, 200);
        assert_eq!(gate.upstream.last().header("x-forwarded-for").as_deref(), Some("203.0.113.7"));
    }
}

#[test]
fn a_trusted_proxy_without_a_whole_header_is_not_answered() {
    let gate = Gate::with(&format!("{ON}limits.header_timeout = \"300ms\"\n"));
    let request = "GET /auth/healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for begun in [
        request.as_bytes().to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        format!("PROXY TCP4 203.0.113.7\r\n{request}").into_bytes(),
        [b"PROXY TCP4 ", &[b'1'; 200][..]].concat(),
        [binary(0x31, 0x11, &v4([1; 4])), request.into()].concat(),
        [binary(0x21, 0x11, &[1; 4]), request.into()].concat(),
        binary(0x21, 0x11, &vec![0; 60_000]),
        // These are waited for, for as long as a head.
        b"PROXY TCP4 203.0.113.7 127.0.0.1 5 6\r".to_vec(),
        binary(0x21, 0x11, &v4([1; 4]))[..20].to_vec(),
        Vec::new(),
    ] {
        let mut connection = gate.connect();
        // It may be closed before all of that is written.
        let _ = connection.try_write(&begun);
        assert!(connection.rest().is_empty(), "{}", String::from_utf8_lossy(&begun));
    }
}

#[test]
fn a_second_header_is_a_malformed_request() {
    let gate = Gate::with(ON);
    for second in
        [b"PROXY TCP4 203.0.113.7 127.0.0.1 5 6\r\n".to_vec(), binary(0x21, 0x11, &v4([203, 0, 113, 7]))]
    {
        let mut connection = gate.connect();
        connection.write(b"PROXY TCP4 203.0.113.1 127.0.0.1 5 6\r\n");
        connection.write(second);
        let _ = connection.try_write("GET /auth/healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.answer().status, 400);
        assert!(connection.is_closed());
    }
}

#[test]
fn nobody_else_can_tell_and_nobody_is_asked_where_it_is_off() {
    for settings in ["server.proxy_protocol = true\nserver.trusted_proxies = [\"10.0.0.0/8\"]\n", ""] {
        let gate = Gate::with(settings);
        assert_eq!(gate.get("/auth/healthz", "").status, 200, "{settings}");
        for header in
            [b"PROXY TCP4 10.0.0.1 127.0.0.1 5 6\r\n".to_vec(), binary(0x21, 0x11, &v4([10, 0, 0, 1]))]
        {
            let mut connection = gate.connect();
            connection.write([&header[..], b"GET /auth/healthz HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
            assert_eq!(connection.answer().status, 400, "{settings}");
            assert!(connection.is_closed());
        }
    }
}

#[test]
fn the_header_comes_before_tls() {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    let gate = Gate::with(&format!("{ON}limits.connections = 1\n{}", papers.settings(&["gate"])));
    let secured = |header: &[u8]| {
        let mut raw = Raw::connect(gate.address);
        raw.write(header);
        raw.by_tls(papers.client(&[]), "localhost")
    };
    let mut connection = secured(b"PROXY TCP4 203.0.113.7 127.0.0.1 5 6\r\n");
    connection.write("GET /auth/healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(connection.answer().status, 200);
    // Where there is no room, too.
    let mut beyond = secured(&binary(0x21, 0x11, &v4([203, 0, 113, 7])));
    beyond.shake_hands().unwrap();
    assert_eq!(beyond.answer().status, 503);
    drop(connection);
    // Within TLS it is no header.
    let within = loop {
        let mut raw = Raw::connect(gate.address);
        raw.write(UNKNOWN);
        let mut within = raw.by_tls(papers.client(&[]), "localhost");
        within.shake_hands().unwrap();
        within.write("PROXY TCP4 203.0.113.7 127.0.0.1 5 6\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = within.answer();
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!(within.status, 400);
}

#[test]
fn a_trusted_unix_socket_begins_with_a_header_too() {
    use std::io::{Read as _, Write as _};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let gate = Gate::with(&format!(
        "server.listen = [\"127.0.0.1:0\", \"unix:{}\"]\nserver.proxy_protocol = true\nserver.trusted_proxies = [\"unix\"]\n",
        path.display()
    ));
    let cookie = gate.signed_in();
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{cookie}\r\n");
    stream.write_all(b"PROXY TCP4 203.0.113.7 127.0.0.1 5 6\r\n").unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(gate.upstream.last().header("x-forwarded-for").as_deref(), Some("203.0.113.7"));
}
