//! What an upstream can do wrong, as a table: what it does, whether its connection was used before, what the client gets,
//! and how often the upstream was asked.

mod plan;
mod rows;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::{Gate, PATIENCE, Raw};

use plan::Act;
use rows::{CLOSING, OK, ROWS};

/// What the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    /// A whole answer with this status and body.
    Whole(u16, &'static str),
    /// The gate's own word.
    Problem(u16),
    /// A part that can't be taken for whole.
    Part,
}

/// What a request that is not plain says: hyper takes it.
const HYPERS: &str = "TE: trailers\r\n";

struct Row {
    name: &'static str,
    method: &'static str,
    /// What the upstream does on its first connection, on its second and so on.
    plan: &'static [&'static [Act]],
    gets: Gets,
    /// How many heads of this request reached the upstream.
    asked: usize,
}

/// Checks these rows, several at once: most of it is waiting.
fn check_all(
    rows: &[&'static Row],
    more: &str,
    ask: impl Fn(&Gate, &str, &Row) -> Gets + Copy + Send + Sync,
) {
    const AT_ONCE: usize = 8;
    std::thread::scope(|scope| {
        for first in 0..AT_ONCE {
            // Those that take long stand side by side in the table.
            let rows = rows.iter().skip(first).step_by(AT_ONCE);
            scope.spawn(move || rows.for_each(|row| check(row, more, ask)));
        }
    });
}

#[test]
fn whatever_the_upstream_does_the_client_gets_one_answer_and_nothing_is_asked_too_often() {
    check_all(&ROWS.iter().collect::<Vec<_>>(), "", over_http1);
}

#[test]
fn what_is_hypers_gets_the_same() {
    check_all(&ROWS.iter().collect::<Vec<_>>(), HYPERS, over_http1);
}

#[test]
fn a_client_of_http_2_gets_the_same() {
    // How uploads end over HTTP/2 is `http2::streams`' subject; and requests with a body take another way there than the
    // one by which a connection is warmed here.
    let other_way = |row: &Row| row.method == "POST" && row.name.starts_with("used");
    let rows = ROWS.iter().filter(|row| row.method != "UPLOAD" && !other_way(row));
    check_all(&rows.collect::<Vec<_>>(), "", over_http2);
}

#[test]
fn an_upstream_that_is_not_there_is_a_502_for_every_method_and_back_when_it_is() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let gate = Gate::with(&format!("upstream.url = \"http://{address}\""));
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    for way in ["", HYPERS] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
            connection
                .write(format!("{method} / HTTP/1.1\r\nHost: {}\r\n{cookie}{way}{length}\r\n", gate.address));
            assert_eq!(connection.answer_to(method).status, 502, "{method} {way:?}");
        }
    }
    let back = std::net::TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = back.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        let _ = std::io::Write::write_all(&mut stream, OK.as_bytes());
    });
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.answer().text(), "ok");
}

/// `more`: lines by which its requests take another way.
fn check(row: &Row, more: &str, ask: impl Fn(&Gate, &str, &Row) -> Gets) {
    let (upstream, asked) = plan::upstream(row.plan);
    // Long enough for a busy machine to give the answers that are to come, and short enough to wait for the others.
    let gate = Gate::with(&format!(
        "server.workers = 1\nupstream.url = \"http://{upstream}\"\nupstream.response_timeout = \"1500ms\"\n\
         upstream.idle_timeout = \"1500ms\""
    ));
    let cookie = gate.signed_in();
    let lines = format!("{cookie}{more}");
    let name = format!("{} ({more:?})", row.name);
    if row.name.starts_with("used") {
        assert_eq!(gate.get("/warm", &lines).text(), "ok", "{name}");
        if row.name.contains("idle") {
            asked.wait_until_closed(1);
        }
    }
    let asked_at = Instant::now();
    assert_eq!(ask(&gate, &lines, row), row.gets, "{name}");
    assert!(asked_at.elapsed() < Duration::from_secs(10), "{name}: {:?}", asked_at.elapsed());
    assert_eq!(asked.count("/asked"), row.asked, "{name}: how often it was asked");
    // Also where no request was read: nothing is tried behind the plan's back.
    assert!(asked.connections() <= row.plan.len(), "{name}: {} connections", asked.connections());
    // The gate itself goes on.
    assert_eq!(gate.get("/auth/me", &cookie).status, 200, "{name}");
}

impl Row {
    /// The method that is said, and how much follows.
    fn request(&self) -> (&'static str, usize) {
        match self.method {
            "UPLOAD" => ("POST", 3_000_000),
            "EMPTY" => ("POST", 0),
            "POST" => ("POST", 4),
            method => (method, 0),
        }
    }
}

fn over_http1(gate: &Gate, lines: &str, row: &Row) -> Gets {
    let (method, length) = row.request();
    let framing = if method == "POST" { format!("Content-Length: {length}\r\n") } else { String::new() };
    let mut connection = gate.connect();
    connection.write(format!("{method} /asked HTTP/1.1\r\nHost: {}\r\n{lines}{framing}\r\n", gate.address));
    // The gate may have had enough before all of it was sent.
    let _ = connection.try_write(vec![b'x'; length]);
    gets(&mut connection, method, row.gets)
}

fn over_http2(gate: &Gate, lines: &str, row: &Row) -> Gets {
    let (method, length) = row.request();
    let cookie = lines.trim_start_matches("Cookie: ").trim_end();
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{}/asked", gate.address))
        .header("cookie", cookie)
        .body(Full::new(Bytes::from(vec![b'x'; length])))
        .unwrap();
    let asked = async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        // A reset may overtake the head that was sent before it.
        let Ok(response) = sender.send_request(request).await else { return Gets::Part };
        let (head, body) = response.into_parts();
        let Ok(body) = body.collect().await else { return Gets::Part };
        let (status, body) = (head.status.as_u16(), body.to_bytes());
        if head.headers.get("content-type").is_some_and(|kind| kind == "application/problem+json") {
            return Gets::Problem(status);
        }
        let texts = ["ok", "early", ""];
        Gets::Whole(status, texts.into_iter().find(|text| *text == body).unwrap_or("something else"))
    };
    Gate::wait(async { tokio::time::timeout(PATIENCE, asked).await.unwrap() })
}

fn gets(connection: &mut Raw, method: &str, wanted: Gets) -> Gets {
    if wanted != Gets::Part {
        let answer = connection.answer_to(method);
        if answer.header("content-type") == Some("application/problem+json") {
            assert_eq!(answer.json()["status"], answer.status);
            return Gets::Problem(answer.status);
        }
        let texts = ["ok", "early", ""];
        let text = texts.into_iter().find(|text| *text == answer.text()).unwrap_or("something else");
        return Gets::Whole(answer.status, text);
    }
    let head = connection.head();
    let rest = connection.rest();
    let whole = match head.header("content-length") {
        Some(length) => rest.len() >= length.parse().unwrap(),
        None => rest.ends_with(b"0\r\n\r\n"),
    };
    assert!(connection.is_closed());
    if whole { Gets::Whole(head.status, "something whole") } else { Gets::Part }
}

/// A third of the requests meets a connection that is just closing; a client of a safe method never learns of it.
#[test]
fn an_upstream_that_closes_after_each_answer_is_no_matter_to_safe_requests() {
    for closing in [OK, CLOSING] {
        let plan: &'static [Act] = if closing == OK {
            &[Act::Head, Act::Say(OK), Act::Close]
        } else {
            &[Act::Head, Act::Say(CLOSING), Act::Close]
        };
        let (upstream, asked) = plan::upstream_always(plan);
        let gate = Gate::with(&format!("server.workers = 1\nupstream.url = \"http://{upstream}\""));
        let cookie = gate.signed_in();
        let mut connection = gate.connect();
        for round in 0..150 {
            connection.write(format!("GET /{round} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
            assert_eq!(connection.answer().text(), "ok", "round {round}");
        }
        assert!(asked.count("/") <= 300 && asked.count("/149") <= 2);
    }
}
