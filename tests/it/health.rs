//! `/healthz` and `/readyz` through a gate's life, and `sidegate healthcheck` as Docker runs it.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use sidegate::admin::http::Http;

use crate::support::process::{Process, sidegate};
use crate::support::{Gate, Upstream, ask};

/// Status and text of an answer.
fn told(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(address, &format!("GET {path}"));
    (answer.status, answer.text())
}

fn says(status: u16, text: &str) -> (u16, String) {
    (status, format!("{text}\n"))
}

/// A gate as a process, with its admin listener on; gives its address, too.
fn serve(folder: &Path, upstream: &Upstream) -> (Process, SocketAddr) {
    let process = Process::serve(folder, &upstream.url(), "admin.listen = \"127.0.0.1:0\"");
    let line = process.line("health and metrics at http://");
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    (process, address)
}

/// Asks `admin.listen` by the command; gives its exit code and everything that it said.
fn healthcheck(folder: &Path, listen: &str) -> (Option<i32>, String) {
    let output = sidegate(folder)
        .arg("healthcheck")
        .env("SIDEGATE_ADMIN_LISTEN", listen)
        .env("SIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn a_gate_that_starts_lives_but_is_not_ready() {
    let http = Http::open("127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(told(http.address(), "/healthz"), says(200, "ok"));
    assert_eq!(told(http.address(), "/readyz"), says(503, "starting"));
    assert_eq!(told(http.address(), "/metrics"), says(503, "starting"));
    let address = http.address();
    http.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_gate_that_stops_is_not_ready_but_lives_until_its_end() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        gone.lock().unwrap().recv().unwrap();
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
        true
    });
    let folder = tempfile::tempdir().unwrap();
    let (mut process, admin) = serve(folder.path(), &upstream);
    assert_eq!(told(admin, "/readyz"), says(200, "ready"));
    assert_eq!(healthcheck(folder.path(), &admin.to_string()), (Some(0), String::new()));

    let mut running = process.connect();
    let cookie = running.signed_in();
    running.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", process.address));
    upstream.wait_for(1);
    process.terminate();
    process.line("SIGTERM");
    // The word is out a moment before the stage has changed.
    let begun = Instant::now();
    while told(admin, "/readyz") != says(503, "stopping") {
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(told(admin, "/healthz"), says(200, "ok"));
    assert_eq!(ask(admin, "GET /metrics").status, 200);
    let (code, text) = healthcheck(folder.path(), &admin.to_string());
    assert_eq!(
        (code, text.as_str()),
        (Some(1), &*format!("error: the gate at `{admin}` is not ready: stopping\n"))
    );
    go.send(()).unwrap();
    assert_eq!(running.answer().text(), "done");
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn there_are_three_paths_for_get_and_head_and_nothing_else() {
    let gate = Gate::with("admin.listen = \"127.0.0.1:0\"");
    for path in ["/healthz", "/readyz", "/metrics"] {
        let (get, head) = (gate.admin(&format!("GET {path}")), gate.admin(&format!("HEAD {path}")));
        assert_eq!((get.status, head.status), (200, 200));
        assert_eq!(get.header("cache-control"), Some("no-store"));
        let length = get.body.len().to_string();
        assert_eq!(head.header("content-length").map(str::len), Some(length.len()), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = gate.admin(&format!("{method} {path}"));
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
        }
    }
    for path in ["/", "/healthz/", "/auth/login", "/metrics/x"] {
        assert_eq!(gate.admin(&format!("GET {path}")).status, 404, "{path}");
    }
    assert_eq!(gate.get("/metrics", "").status, 401, "clients see none of it");
}

#[test]
fn a_taken_admin_port_is_told_with_its_key_and_touches_no_database() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = sidegate(folder.path())
        .arg("serve")
        .env("SIDEGATE_SERVER_LISTEN", "127.0.0.1:0")
        .env("SIDEGATE_ADMIN_LISTEN", address.to_string())
        .env("SIDEGATE_UPSTREAM_URL", upstream.url())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let expected = format!(
        "error: `{address}` is in use by another program\n\
         hint: stop it, or set `admin.listen` to another address, or to \"\" for no health and metrics\n"
    );
    assert!(text.ends_with(&expected), "{text}");
    assert!(!folder.path().join("sidegate.redb").exists());
}

/// Seen when two gates on one machine had only what they need: the second did not start.
#[test]
fn a_default_admin_port_that_is_taken_keeps_no_gate_from_starting() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    // Whoever has it: this test, or a gate of somebody's on this machine.
    let _taken = TcpListener::bind("127.0.0.1:9900");
    let mut gate = sidegate(folder.path())
        .arg("serve")
        .env("SIDEGATE_SERVER_LISTEN", "127.0.0.1:0")
        .env("SIDEGATE_UPSTREAM_URL", upstream.url())
        .spawn()
        .unwrap();
    let lines = BufReader::new(gate.stderr.take().unwrap()).lines().map_while(Result::ok);
    let start: Vec<_> = lines.take_while(|line| !line.contains("sign in at")).collect();
    gate.kill().unwrap();
    gate.wait().unwrap();
    assert!(start.iter().any(|line| line.contains("listening on http://127.0.0.1:")), "{start:#?}");
    let warned = start.iter().find(|line| line.contains("`admin.listen` is taken")).unwrap();
    assert!(warned.contains("WARN") && warned.contains("127.0.0.1:9900"), "{warned}");
}

#[test]
fn a_check_that_finds_no_gate_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, text) = healthcheck(folder.path(), &nobody.to_string());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with(&format!("error: no gate answers at `{nobody}`: ")), "{text}");

    let stranger = Upstream::start();
    let (code, text) = healthcheck(folder.path(), &stranger.address.to_string());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with("error: what answers at") && text.contains("`admin.listen`"), "{text}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let begun = Instant::now();
    let (code, text) = healthcheck(folder.path(), &silent.local_addr().unwrap().to_string());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("timed out"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_check_without_an_address_asks_at_the_admin_socket_and_a_bad_configuration_is_exit_2() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut gate = Process::serve(folder.path(), &upstream.url(), "");
    assert_eq!(healthcheck(folder.path(), "").0, Some(0));
    // Seen: who only accepts was taken for ready, a gate that hangs included.
    gate.pause();
    let begun = Instant::now();
    let (code, text) = healthcheck(folder.path(), "");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("timed out") && begun.elapsed() < Duration::from_secs(10), "{text}");
    gate.kill();
    gate.wait();
    let (code, text) = healthcheck(folder.path(), "");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no gate answers at the admin socket `t.redb.sock`"), "{text}");
    std::fs::remove_file(folder.path().join("sidegate.toml")).unwrap();
    let (code, text) = healthcheck(folder.path(), "nonsense");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("SIDEGATE_ADMIN_LISTEN"), "{text}");
    let (code, text) = {
        let output = sidegate(folder.path()).args(["healthcheck", "--config", "gone.toml"]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("gone.toml"), "{text}");
}
