//! Where segments begin and end says nothing: heads and bodies cut anywhere, on either side, are the same heads and bodies.

use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use crate::support::{Gate, Raw, Upstream};

use super::stage::echoing;

/// The one worker has read what was sent before by the time it has answered this.
fn let_it_look(other: &mut Raw) {
    other.write("GET /auth/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(other.answer().status, 200);
}

fn access_only(gate: &Gate) -> String {
    format!("Cookie: a=1; access_token={}\r\n", gate.member("jack@example.com").access)
}

#[test]
fn requests_may_be_cut_anywhere() {
    let gate = Gate::before(echoing(), "server.workers = 1");
    let (host, cookie) = (format!("Host: {}\r\n", gate.address), access_only(&gate));
    let (mut connection, mut other) = (gate.connect(), gate.connect());
    for (request, expected) in [
        (format!("GET /a?b HTTP/1.1\r\n{cookie}X: y\r\n{host}\r\n"), "GET /a?b 1 "),
        (
            format!(
                "POST /c HTTP/1.1\r\n{host}{cookie}Transfer-Encoding: chunked\r\n\r\n3;e=f\r\nabc\r\n0\r\nT: u\r\n\r\n"
            ),
            "POST /c 1 abc",
        ),
    ] {
        let bytes = request.as_bytes();
        // Within the token one place is like another.
        let token = request.find("access_token=").unwrap() + 16..request.find("access_token=").unwrap() + 300;
        for cut in (1..bytes.len()).filter(|cut| !token.contains(cut) || cut % 30 == 0) {
            connection.write(&bytes[..cut]);
            let_it_look(&mut other);
            connection.write(&bytes[cut..]);
            assert_eq!(connection.answer().text(), expected, "cut at {cut}");
        }
        for (at, byte) in bytes.chunks(1).enumerate() {
            connection.write(byte);
            if !token.contains(&at) {
                let_it_look(&mut other);
            }
        }
        assert_eq!(connection.answer().text(), expected, "byte by byte");
    }
    assert_eq!(gate.upstream.connections(), 1);
}

/// The second request's first bytes come with the first request's last ones.
#[test]
fn two_requests_may_be_cut_anywhere() {
    let gate = Gate::before(echoing(), "server.workers = 1");
    let (host, cookie) = (format!("Host: {}\r\n", gate.address), access_only(&gate));
    let (mut connection, mut other) = (gate.connect(), gate.connect());
    let two = format!("GET /1 HTTP/1.1\r\n{host}{cookie}\r\nGET /2 HTTP/1.1\r\n{host}{cookie}\r\n");
    for cut in (1..two.len()).step_by(5).chain(two.len() / 2 - 6..two.len() / 2 + 6) {
        connection.write(&two[..cut]);
        let_it_look(&mut other);
        connection.write(&two[cut..]);
        assert_eq!(connection.answer().text(), "GET /1 1 ", "cut at {cut}");
        assert_eq!(connection.answer().text(), "GET /2 1 ", "cut at {cut}");
    }
}

#[test]
fn answers_may_be_cut_anywhere() {
    const ANSWERS: [(&str, &str); 4] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
            "abc0123456789",
        ),
        (
            "HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
            "a",
        ),
        ("HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", ""),
    ];
    let other: Arc<OnceLock<Mutex<Raw>>> = Arc::default();
    let looks = Arc::clone(&other);
    let upstream = Upstream::answering(move |exchange| {
        let mut numbers = exchange.seen.line()[5..].split(' ').next().unwrap_or_default().split('/');
        let mut number =
            || numbers.next().and_then(|number| number.parse::<usize>().ok()).unwrap_or_default();
        let (answer, cut) = (ANSWERS[number()].0.as_bytes(), number());
        exchange.stream.set_nodelay(true).unwrap();
        let mut other = looks.get().unwrap().lock().unwrap();
        // At 0: byte by byte.
        let pieces = if cut == 0 { answer.chunks(1).collect() } else { vec![&answer[..cut], &answer[cut..]] };
        for piece in pieces {
            exchange.stream.write_all(piece).unwrap();
            let_it_look(&mut other);
        }
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let cookie = access_only(&gate);
    assert!(other.set(Mutex::new(gate.connect())).is_ok());
    let mut connection = gate.connect();
    for (number, (answer, body)) in ANSWERS.iter().enumerate() {
        for cut in 0..answer.len() {
            connection
                .write(format!("GET /{number}/{cut} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
            let got = connection.answer();
            assert_eq!(
                (got.status, got.text().as_str()),
                (if number == 3 { 204 } else { 200 }, *body),
                "{number} cut at {cut}"
            );
        }
    }
}
