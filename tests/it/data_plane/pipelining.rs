//! Many requests in one segment: each is answered in its turn, by whom it was for, and none is lost or doubled.

use crate::support::{Answer, Gate, Raw};

use super::stage::echoing;

/// One kind of request, and what has to come of it.
struct Kind {
    method: &'static str,
    path: &'static str,
    /// Whether somebody who is signed in sends it.
    signed_in: bool,
    headers: &'static str,
    body: &'static str,
    status: u16,
    /// What reaches the upstream, if anything does.
    forwarded: Option<&'static str>,
}

const fn kind(
    method: &'static str,
    path: &'static str,
    status: u16,
    forwarded: Option<&'static str>,
) -> Kind {
    Kind { method, path, signed_in: true, headers: "", body: "", status, forwarded }
}

const KINDS: &[Kind] = &[
    kind("GET", "/get", 200, Some("GET /get 1 ")),
    Kind {
        headers: "Content-Length: 5\r\n",
        body: "hello",
        ..kind("POST", "/length", 200, Some("POST /length 1 hello"))
    },
    kind("GET", "/again?a=b", 200, Some("GET /again?a=b 1 ")),
    kind("HEAD", "/head", 200, Some("HEAD /head 1 ")),
    kind("GET", "/auth/me", 200, None),
    Kind { signed_in: false, ..kind("GET", "/secret", 401, None) },
    Kind {
        headers: "Transfer-Encoding: chunked\r\n",
        body: "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        ..kind("PUT", "/chunked", 200, Some("PUT /chunked 1 abcde"))
    },
    Kind {
        headers: "Sec-Fetch-Site: cross-site\r\nContent-Length: 2\r\n",
        body: "no",
        ..kind("POST", "/foreign", 403, None)
    },
    kind("GET", "/auth/nowhere", 404, None),
    Kind { headers: "Content-Length: 0\r\n", ..kind("POST", "/empty", 200, Some("POST /empty 1 ")) },
    kind("OPTIONS", "*", 200, Some("OPTIONS * 1 ")),
    Kind {
        signed_in: false,
        headers: "Content-Length: 6\r\n",
        body: "secret",
        ..kind("DELETE", "/x", 401, None)
    },
    kind("DELETE", "/delete", 200, Some("DELETE /delete 1 ")),
    Kind { headers: "Sec-Fetch-Mode: navigate\r\n", signed_in: false, ..kind("GET", "/page", 303, None) },
    kind("POST", "/auth/me", 405, None),
    Kind {
        headers: "Content-Length: 10\r\n",
        body: "GET / HTTP",
        ..kind("SEARCH", "/own", 200, Some("SEARCH /own 1 GET / HTTP"))
    },
];

fn gate() -> (Gate, String) {
    let gate = Gate::before(echoing(), "server.workers = 1");
    let cookie = gate.signed_in();
    (gate, cookie)
}

impl Kind {
    fn request(&self, gate: &Gate, cookie: &str) -> String {
        let cookie = if self.signed_in { cookie } else { "" };
        let Self { method, path, headers, body, .. } = self;
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{cookie}{headers}\r\n{body}", gate.address)
    }

    fn check(&self, answer: &Answer) {
        assert_eq!(answer.status, self.status, "{} {}: {}", self.method, self.path, answer.head);
        match self.forwarded {
            Some(text) if self.method == "HEAD" => {
                assert_eq!(answer.header("content-length"), Some(text.len().to_string().as_str()));
            }
            Some(text) => assert_eq!(answer.text(), text),
            None => assert!(!answer.head.contains("plain"), "{}", answer.head),
        }
    }
}

#[test]
fn requests_of_every_kind_in_one_segment_are_answered_each_in_its_turn() {
    for count in [2, 10, 100] {
        for first in 0..2 {
            let (gate, cookie) = gate();
            let kinds: Vec<_> = (0..count)
                .map(|number| &KINDS[(first * 5 + number * 11 + number / 16) % KINDS.len()])
                .collect();
            let mut connection = gate.connect();
            connection.write(kinds.iter().map(|kind| kind.request(&gate, &cookie)).collect::<String>());
            for kind in &kinds {
                kind.check(&connection.answer_to(kind.method));
            }
            let wanted: Vec<_> = kinds.iter().filter_map(|kind| kind.forwarded).collect();
            let lines = wanted.iter().map(|text| text.split(" 1 ").next().unwrap().to_owned() + " HTTP/1.1");
            let seen: Vec<_> = gate.upstream.requests().iter().map(|seen| seen.line().to_owned()).collect();
            assert_eq!(seen, lines.collect::<Vec<_>>(), "each once, in order, and no other");
        }
    }
}

#[test]
fn a_hundred_gets_in_one_segment_take_one_connection_to_the_upstream() {
    let (gate, cookie) = gate();
    let mut connection = gate.connect();
    let get = |number| format!("GET /{number} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    connection.write((0..100).map(get).collect::<String>());
    for number in 0..100 {
        assert_eq!(connection.answer().text(), format!("GET /{number} 1 "));
    }
    assert_eq!(gate.upstream.connections(), 1);
}

#[test]
fn nothing_behind_a_last_request_is_served() {
    let last = [
        ("GET", "Connection: close\r\n", "HTTP/1.1"),
        ("GET", "Connection: keep-alive, Close\r\n", "HTTP/1.1"),
        ("HEAD", "Connection: close\r\n", "HTTP/1.1"),
        ("POST", "Connection: close\r\nContent-Length: 0\r\n", "HTTP/1.1"),
        ("GET", "", "HTTP/1.0"),
    ];
    for (method, headers, version) in last {
        let (gate, cookie) = gate();
        let host = format!("Host: {}\r\n", gate.address);
        let mut connection = gate.connect();
        connection.write(format!(
            "GET /before HTTP/1.1\r\n{host}{cookie}\r\n{method} /last {version}\r\n{host}{cookie}{headers}\r\n\
             GET /behind HTTP/1.1\r\n{host}{cookie}\r\n"
        ));
        assert_eq!(connection.answer().text(), "GET /before 1 ");
        let answer = connection.answer_to(method);
        assert_eq!(answer.status, 200, "{method} {headers}");
        if version == "HTTP/1.1" {
            let said = answer.header("connection").map(str::to_ascii_lowercase);
            assert_eq!(said.as_deref(), Some("close"), "{method} {headers}");
        }
        assert_eq!(connection.rest(), b"", "{method} {headers}");
        assert!(connection.is_closed());
        assert_eq!(gate.upstream.requests().len(), 2, "{method} {headers}");
    }
}

/// The answers to what was good come first, whatever is behind it.
#[test]
fn a_malformed_request_behind_good_ones_takes_nothing_from_them() {
    let (gate, cookie) = gate();
    let get = format!("GET /good HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    let behind = format!("GET /behind HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    for bad in [
        "GET /bad HTTP/1.1\r\n\r\n",
        "GET /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /bad HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
        "GET /bad\r\n\r\n",
        "\0\r\n\r\n",
    ] {
        let mut connection: Raw = gate.connect();
        connection.write(format!("{get}{get}{bad}{behind}"));
        for _ in 0..2 {
            assert_eq!(connection.answer().text(), "GET /good 1 ", "{bad:?}");
        }
        assert_eq!(connection.answer().status, 400, "{bad:?}");
        assert!(connection.is_closed(), "{bad:?}");
    }
    assert!(gate.upstream.requests().iter().all(|seen| seen.line() == "GET /good HTTP/1.1"));
}

/// Whether those that waited still reach the upstream is open; what came of them is nobody else's.
#[test]
fn a_client_that_leaves_with_requests_waiting_disturbs_nobody() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = crate::support::Upstream::answering(move |exchange| {
        let line = exchange.seen.line().to_owned();
        if line.starts_with("GET /slow") {
            let _ = gone.lock().unwrap().recv();
        }
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}", line.len()));
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let cookie = gate.signed_in();
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    let mut connection = gate.connect();
    connection.write(request("/slow") + &request("/waits") + &request("/waits"));
    gate.upstream.wait_for(1);
    drop(connection);
    // The one worker has seen to it by the time it has answered twice.
    (0..2).for_each(|_| assert_eq!(gate.get("/auth/healthz", "").status, 200));
    go.send(()).unwrap();
    for path in ["/other", "/another"] {
        assert_eq!(gate.get(path, &cookie).text(), format!("GET {path} HTTP/1.1"));
    }
    let asked = |path| gate.upstream.requests().iter().filter(|seen| seen.line().contains(path)).count();
    assert!((asked("/slow"), asked("/other"), asked("/another")) == (1, 1, 1) && asked("/waits") <= 2);
}
