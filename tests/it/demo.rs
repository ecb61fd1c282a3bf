//! `sidegate demo` as a newcomer starts it: three lines, and what they name works.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Child;

use serde_json::json;

use crate::support::process::sidegate;
use crate::support::{Answer, Raw};

/// A running demo on free ports. Dropping it kills it.
struct Demo {
    child: Child,
    lines: Vec<String>,
    page: SocketAddr,
    gate: SocketAddr,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let mut command = sidegate(folder);
        let mut child =
            command.args(["demo", "--port", "0", "--page-port", "0", "--data", "."]).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines: Vec<String> = output.lines().take(3).map(Result::unwrap).collect();
        let address = |line: usize| -> SocketAddr {
            let text = lines.get(line).unwrap_or_else(|| panic!("only {lines:?}"));
            text.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap()
        };
        Self { child, page: address(0), gate: address(1), lines }
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut connection = Raw::connect(self.gate);
        let length = body.len();
        connection.write(format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.gate
        ));
        connection.answer()
    }

    /// The cookies of a person who has signed up and in.
    fn member(&self) -> String {
        let json = "Content-Type: application/json\r\n";
        let person = r#"{"email":"a@example.com","username":"a","password":"correct horse"}"#;
        assert_eq!(self.send("POST", "/auth/signup", json, person).status, 200);
        let answer = self.send("POST", "/auth/signin", json, person);
        format!("Cookie: theme=dark; {}\r\n", answer.cookies().header())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn page(demo: &Demo, host: &str) -> Answer {
    let mut connection = Raw::connect(demo.page);
    connection.write(format!("GET /test.html HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    connection.answer()
}

#[test]
fn three_lines_name_the_page_the_gate_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    assert!(
        demo.lines[0].starts_with(&format!("Open  http://{}/test.html  ", demo.page)),
        "{:?}",
        demo.lines
    );
    assert!(demo.lines[1].starts_with(&format!("Open  http://{}/  ", demo.gate)), "{:?}", demo.lines);
    assert!(demo.lines[2].starts_with("Stop  with Ctrl-C; users stay in /"), "{:?}", demo.lines);

    let id = i32::try_from(demo.child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(demo.child.wait().unwrap().success());
    assert!(folder.path().join("sidegate.redb").is_file(), "users are kept where `--data` says");
}

#[test]
fn the_page_calls_the_gate_that_runs_and_is_allowed_to() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let answer = page(&demo, &demo.page.to_string());
    let named = format!("<meta name=\"sidegate\" content=\"http://{}\">", demo.gate);
    assert!(answer.text().contains(&named), "{}", answer.text());

    let origin = format!("http://{}", demo.page);
    for path in ["/auth/me", "/echo/hello"] {
        let answer = demo.send("GET", path, &format!("Origin: {origin}\r\n"), "");
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("access-control-allow-origin"), Some(&*origin), "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
    }
}

#[test]
fn localhost_is_led_to_the_site_that_has_the_cookies() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let answer = page(&demo, &format!("localhost:{}", demo.page.port()));
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some(&*format!("http://{}/test.html", demo.page)));
}

#[test]
fn the_echo_shows_what_the_backend_sees() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let cookies = demo.member();
    let headers = format!("{cookies}X-User-Id: 99\r\nContent-Type: text/plain\r\n");
    let seen = demo.send("PUT", "/echo/a%20b?c=d&e", &headers, "grüße").json();
    assert_eq!(
        (&seen["method"], &seen["path"], &seen["query"]),
        (&json!("PUT"), &json!("/echo/a%20b"), &json!("c=d&e"))
    );
    assert_eq!(seen["headers"]["x-user-id"], "1");
    assert_eq!(seen["headers"]["cookie"], "theme=dark");
    assert_eq!(seen["body"], json!({ "length": 7, "text": "grüße", "truncated": false }));
}

#[test]
fn the_echo_keeps_the_beginning_of_a_long_body() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let cookies = demo.member();
    let seen = demo.send("POST", "/echo", &cookies, &"x".repeat(100_000)).json();
    assert_eq!((&seen["body"]["length"], &seen["body"]["truncated"]), (&json!(100_000), &json!(true)));
    assert_eq!(seen["body"]["text"].as_str().unwrap().len(), 16 * 1024);
}

#[test]
fn the_page_escapes_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let cookies = demo.member();
    let shown =
        demo.send("GET", "/?q=%3Cb", &format!("{cookies}X-Test: <script>alert(1)</script>\r\n"), "").text();
    assert!(shown.contains("&lt;script&gt;alert(1)&lt;"), "{shown}");
    assert!(!shown.contains("<script>alert(1)"), "{shown}");
    assert!(shown.contains("neither <code>access_token</code>"), "{shown}");
}

#[test]
fn the_clock_sends_its_first_event_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let cookies = demo.member();
    let mut connection = Raw::connect(demo.gate);
    connection.write(format!("GET /events HTTP/1.1\r\nHost: {}\r\n{cookies}\r\n", demo.gate));
    let head = connection.head();
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let chunk = String::from_utf8(connection.exactly(24)).unwrap();
    assert!(chunk.contains("id: 1\nevent: tick"), "{chunk:?}");
}

#[test]
fn a_taken_port_is_told_with_the_flag_to_use() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (flag, others) in [("--port", ["--page-port", "0"]), ("--page-port", ["--port", "0"])] {
        let mut child = sidegate(folder.path()).args(["demo", flag, &port]).args(others).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1));
        assert_eq!(
            said,
            format!(
                "error: port {port} on 127.0.0.1 is taken\n\
                 hint: choose another with `{flag} N`, or `{flag} 0` for any free one\n"
            )
        );
    }
}

#[test]
fn no_configuration_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sidegate.toml"), "this is no TOML").unwrap();
    std::fs::write(folder.path().join(".env"), "JWT_KEY=short\nSIDEGATE_SIGNUP_OPEN=false\n").unwrap();
    Demo::start(folder.path()).member();
}
