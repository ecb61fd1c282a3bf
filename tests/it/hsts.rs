//! `server.hsts`: every answer over https tells browsers to stay there, none by plain HTTP does, and an upstream's own word
//! stays as it is (RFC 6797).

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};

use crate::support::papers::Papers;
use crate::support::{Gate, Raw, Upstream, http2};

const YEAR: &str = "max-age=31536000";
const NAME: &str = "strict-transport-security";
const ON: &str = "server.hsts = \"365d\"\n";
const PUBLIC: &str = "server.public_url = \"https://app.example\"\n";
const PROXY: &str = "server.trusted_proxies = [\"127.0.0.1/32\"]\n";

/// Answers `/own` with a word of its own, `/gone` not at all, all else without a word.
fn upstream() -> Upstream {
    Upstream::answering(|exchange| {
        let own = match exchange.seen.line().split(' ').nth(1) {
            Some("/own") => "strict-TRANSPORT-security: max-age=5\r\n",
            Some("/gone") => return false,
            _ => "X-Strict-Transport-Security: no\r\nStrict: Strict-Transport-Security: no\r\n",
        };
        exchange.write(format!("HTTP/1.1 200 OK\r\n{own}Content-Length: 2\r\n\r\nhi"));
        true
    })
}

/// What is asked: a name, method, path, whether by somebody who is signed in, further fields and a body, and the status.
type Row = (&'static str, &'static str, &'static str, bool, &'static str, &'static str, u16);

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const CHUNKS: &str = "1\r\nx\r\n0\r\n\r\n";

/// By each road: the direct one and hyper's, answers of the upstream's and of the gate's own.
const ROWS: [Row; 10] = [
    ("forwarded directly", "GET", "/", true, "", "", 200),
    ("a head directly", "HEAD", "/", true, "", "", 200),
    ("forwarded by hyper", "POST", "/", true, CHUNKED, CHUNKS, 200),
    ("refused directly", "GET", "/", false, "", "", 401),
    ("refused by hyper", "POST", "/", false, CHUNKED, CHUNKS, 401),
    ("failed directly", "POST", "/gone", true, "Content-Length: 1\r\n", "x", 502),
    ("failed by hyper", "POST", "/gone", true, CHUNKED, CHUNKS, 502),
    ("a redirect", "GET", "/", false, "Sec-Fetch-Mode: navigate\r\n", "", 303),
    ("a page", "GET", "/auth/login", false, "", "", 200),
    ("no tunnel", "CONNECT", "a:1", true, "", "", 405),
];

/// The upstream's own, by both roads.
const OWN: [Row; 3] = [
    ("its own directly", "GET", "/own", true, "", "", 200),
    ("its own head directly", "HEAD", "/own", true, "", "", 200),
    ("its own by hyper", "POST", "/own", true, CHUNKED, CHUNKS, 200),
];

fn assert_each(gate: &Gate, cookie: &str, fields: &str, rows: &[Row], wanted: &[&str]) {
    for (name, method, target, signed_in, more, body, status) in rows {
        let cookie = if *signed_in { cookie } else { "" };
        let mut connection = gate.connect();
        connection.write(format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{cookie}{fields}{more}\r\n{body}"
        ));
        let answer = connection.answer_to(method);
        assert_eq!(answer.status, *status, "{name}: {answer:?}");
        assert_eq!(answer.all(NAME), wanted, "{name}: {}", answer.head);
    }
}

#[test]
fn every_answer_over_https_says_it_and_the_upstreams_own_word_stays() {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    let own_tls = papers.settings(&["gate"]);
    let by_proxy = "X-Forwarded-Proto: https\r\n";
    for (settings, fields) in [(PUBLIC, ""), (PROXY, by_proxy), (own_tls.as_str(), "")] {
        let mut gate = Gate::before(upstream(), &format!("{ON}{settings}"));
        if settings == own_tls {
            gate.tls = Some((papers.client(&[]), "localhost".to_owned()));
        }
        let cookie = gate.signed_in();
        assert_each(&gate, &cookie, fields, &ROWS, &[YEAR]);
        assert_each(&gate, &cookie, fields, &OWN, &["max-age=5"]);
    }
}

#[test]
fn a_front_proxys_sub_request_is_told_it_too() {
    let gate = Gate::with(&format!("{ON}{PROXY}"));
    let cookie = gate.signed_in();
    let told = "X-Forwarded-Proto: https\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /x\r\n";
    for (cookie, status) in [(cookie.as_str(), 200), ("", 401)] {
        let answer = gate.get("/auth/verify", &format!("{cookie}{told}"));
        assert_eq!((answer.status, answer.all(NAME)), (status, vec![YEAR]));
    }
}

#[test]
fn nothing_is_said_by_plain_http_or_where_nothing_is_set() {
    let plain = format!("{ON}{PROXY}");
    for (settings, fields) in [
        (ON, ""),
        (ON, "X-Forwarded-Proto: https\r\n"),
        (plain.as_str(), ""),
        (plain.as_str(), "X-Forwarded-Proto: http\r\n"),
        (PUBLIC, ""),
    ] {
        let gate = Gate::before(upstream(), settings);
        let cookie = gate.signed_in();
        assert_each(&gate, &cookie, fields, &ROWS, &[]);
        assert_each(&gate, &cookie, fields, &OWN, &["max-age=5"]);
    }
}

#[test]
fn over_http_2_it_is_the_same() {
    for (settings, wanted) in
        [(format!("{ON}{PUBLIC}"), vec![YEAR]), (ON.to_owned(), vec![]), (PUBLIC.to_owned(), vec![])]
    {
        let gate = Gate::before(upstream(), &settings);
        let cookie = gate.member("jack@example.com").header();
        Gate::wait(async {
            let mut sender = http2::connect(&gate).await;
            // Each by the short road, and by hyper's for its trailers or its body.
            for (method, path, cookie, te, status) in [
                ("GET", "/", cookie.as_str(), "", 200),
                ("GET", "/", &cookie, "trailers", 200),
                ("GET", "/own", &cookie, "", 200),
                ("GET", "/own", &cookie, "trailers", 200),
                ("GET", "/", "", "", 401),
                ("GET", "/", "", "trailers", 401),
                ("GET", "/gone", &cookie, "", 502),
                ("POST", "/gone", &cookie, "", 502),
                ("GET", "/auth/healthz", "", "", 200),
            ] {
                let mut asked = Request::builder().method(method).header("cookie", cookie);
                asked = asked.uri(format!("http://{}{path}", gate.address));
                if !te.is_empty() {
                    asked = asked.header("te", te);
                }
                let body = if method == "POST" { "x" } else { "" };
                let asked = asked.body(Full::new(Bytes::from(body))).unwrap();
                let (head, body) = sender.send_request(asked).await.unwrap().into_parts();
                body.collect().await.unwrap();
                assert_eq!(head.status, status, "{method} {path} {te}");
                let said: Vec<_> = head.headers.get_all(NAME).iter().collect();
                let wanted = if path == "/own" { vec!["max-age=5"] } else { wanted.clone() };
                assert_eq!(said, wanted, "{method} {path} {te}");
            }
        });
    }
}

#[test]
fn who_is_turned_away_is_told_as_well() {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    let own_tls = papers.settings(&["gate"]);
    for (settings, tls, wanted) in [
        (format!("{ON}{PUBLIC}"), false, vec![YEAR]),
        (format!("{ON}{own_tls}"), true, vec![YEAR]),
        (ON.to_owned(), false, vec![]),
        (own_tls, true, vec![]),
    ] {
        let mut gate = Gate::with(&format!("{settings}limits.connections = 1"));
        if tls {
            gate.tls = Some((papers.client(&[]), "localhost".to_owned()));
        }
        let mut first = gate.connect();
        first.write("GET /auth/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(first.answer().status, 200);
        let mut second = gate.connect();
        if tls {
            // It says nothing: that could be a reset.
            let _ = second.shake_hands();
        }
        let answer = second.answer();
        assert_eq!((answer.status, answer.all(NAME)), (503, wanted), "{settings}");
    }
}

/// It speaks plain HTTP, whatever the gate is called.
#[test]
fn who_speaks_plain_http_to_a_tls_port_is_told_nothing_of_it() {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    let gate = Gate::with(&format!("{ON}{}", papers.settings(&["gate"])));
    let mut connection = Raw::connect(gate.address);
    connection.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = connection.answer();
    assert_eq!((answer.status, answer.all(NAME)), (400, vec![]));
}

#[test]
fn subdomains_are_meant_where_the_settings_say_so() {
    let settings = "server.hsts = \"1h\"\nserver.hsts_subdomains = true\n";
    let gate = Gate::with(&format!("{settings}{PUBLIC}"));
    assert_eq!(gate.get("/", "").all(NAME), ["max-age=3600; includeSubDomains"]);
}
