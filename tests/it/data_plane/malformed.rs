//! An answer that has no meaning, or two, is a 502: nothing of it goes on, and its connection is not used again.

use super::stage::{After, Script, Stage, is_bad_gateway};

const ROWS: &[(&str, &[u8])] = &[
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("a list of lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab"),
    ("a negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"),
    ("a length with a sign", b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab"),
    ("a hexadecimal length", b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nab"),
    ("a length with letters", b"HTTP/1.1 200 OK\r\nContent-Length: 2a\r\n\r\nab"),
    ("a length with a fraction", b"HTTP/1.1 200 OK\r\nContent-Length: 2.0\r\n\r\nab"),
    ("a length in two parts", b"HTTP/1.1 200 OK\r\nContent-Length: 1 2\r\n\r\nab"),
    ("an empty length", b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nab"),
    ("a length beyond 64 bits", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nab"),
    ("another coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab"),
    (
        "another coding before chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "another coding behind chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    ),
    ("chunked twice", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    (
        "chunked in two fields",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("an empty coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\nab"),
    ("nearly chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunked with a parameter", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"),
    (
        "chunked behind a control character",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    ),
    ("a coding and HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (
        "a 101 that nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ),
    (
        "a 101 and an answer",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ),
    ("HTTP/2", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP in small letters", b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("another protocol", b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("TLS", b"\x15\x03\x01\x00\x02\x02\x0a\r\n\r\n"),
    ("a status below 100", b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 Odd\r\nContent-Length: 0\r\n\r\n"),
    ("a status of four digits", b"HTTP/1.1 1000 Odd\r\nContent-Length: 0\r\n\r\n"),
    ("a status that is no number", b"HTTP/1.1 abc Odd\r\nContent-Length: 0\r\n\r\n"),
    ("a negative status", b"HTTP/1.1 -20 Odd\r\nContent-Length: 0\r\n\r\n"),
    ("a control character in the reason", b"HTTP/1.1 200 a\x01b\r\nContent-Length: 0\r\n\r\n"),
    ("a bare CR in the reason", b"HTTP/1.1 200 a\rX: b\r\nContent-Length: 0\r\n\r\n"),
    ("a folded line", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    ("a folded length", b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nab"),
    ("white space before the first name", b"HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 0\r\n\r\n"),
    ("a bare CR", b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"),
    (
        "a bare CR for a line's end",
        b"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 9\r\nContent-Length: 0\r\n\r\n",
    ),
    ("a NUL", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
    ("a NUL in a name", b"HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 0\r\n\r\n"),
    ("a DEL", b"HTTP/1.1 200 OK\r\nX: a\x7fb\r\nContent-Length: 0\r\n\r\n"),
    ("a line without a colon", b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n"),
    ("a space before a colon", b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n"),
    (
        "a space before a length's colon",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "a tab before a coding's colon",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding\t: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    ("no name", b"HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n"),
    ("a name that isn't ASCII", b"HTTP/1.1 200 OK\r\nX\xc3\xbc: a\r\nContent-Length: 0\r\n\r\n"),
    ("a name with parentheses", b"HTTP/1.1 200 OK\r\nX(y): a\r\nContent-Length: 0\r\n\r\n"),
];

/// The whole lot of good answers is a client's too: it goes on after each of these.
#[test]
fn an_answer_without_a_single_meaning_is_a_502_and_its_connection_is_not_used_again() {
    let scripts: Vec<_> = ROWS.iter().map(|(_, sent)| Script::new(sent, After::Hang)).collect();
    for stage in Stage::on_both_ways(&scripts, "") {
        let mut connection = stage.gate.connect();
        for (number, (name, _)) in ROWS.iter().enumerate() {
            let name = &stage.name(name);
            connection.write(stage.request("GET", &format!("/{number}"), ""));
            let answer = connection.answer();
            assert!(is_bad_gateway(&answer), "{name}: {} {}", answer.head, answer.text());
            assert_eq!(answer.detail(), "The upstream's answer makes no sense.", "{name}");
            stage.wait_until_let_go(0, name);
            stage.assert_served(&mut connection, name);
            assert!(!stage.is_connection_used_again(), "{name}");
        }
        assert_eq!(stage.asked(), 2 * ROWS.len(), "none is asked again");
    }
}

/// No reader agrees with another on these: passing them on well is as good as refusing them.
#[test]
fn what_may_be_read_in_one_way_is_read_so_or_refused() {
    const ODD: &[(&str, &[u8])] = &[
        ("a later minor version", b"HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\na"),
        ("an empty line before it", b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
        ("the same length in a list", b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na"),
        (
            "bytes beyond ASCII in a value",
            b"HTTP/1.1 200 OK\r\nX: \xc3\xa4\xff\r\nContent-Length: 1\r\n\r\na",
        ),
        ("a tab in a value", b"HTTP/1.1 200 OK\r\nX: a\tb\r\nContent-Length: 1\r\n\r\na"),
    ];
    let scripts: Vec<_> = ODD.iter().map(|(_, sent)| Script::new(sent, After::Keep)).collect();
    for stage in Stage::on_both_ways(&scripts, "") {
        for (number, (name, _)) in ODD.iter().enumerate() {
            let name = &stage.name(name);
            let mut connection = stage.gate.connect();
            connection.write(stage.request("GET", &format!("/{number}"), ""));
            let answer = connection.answer();
            assert!(
                is_bad_gateway(&answer) || (answer.status, answer.body.as_slice()) == (200, b"a"),
                "{name}"
            );
            stage.assert_served(&mut connection, name);
        }
    }
}
