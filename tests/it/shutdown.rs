//! SIGTERM: what runs is finished, what waits is not lost, and the process ends with 0 (contract section 7).

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::{Process, sidegate};
use crate::support::{Gate, PATIENCE, Upstream};

#[test]
fn a_request_that_runs_is_finished_and_nobody_new_is_let_in() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        gone.lock().unwrap().recv().unwrap();
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
        true
    });
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path(), &upstream.url(), "");
    let cookie = process.connect().signed_in();
    let (mut running, mut idle) = (process.connect(), process.connect());
    idle.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", process.address));
    assert_eq!(idle.answer().status, 200);
    running.write(format!("GET /slow HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", process.address));
    upstream.wait_for(1);

    process.terminate();
    process.line("SIGTERM");
    assert!(idle.is_closed(), "an idle connection is not waited for");
    go.send(()).unwrap();
    assert_eq!(running.answer().text(), "done");
    assert_eq!(process.wait().code(), Some(0));
    assert!(std::net::TcpStream::connect(process.address).is_err());
}

/// Seen: a terminal that was closed took the gate down, without its grace.
#[test]
fn a_hang_up_ends_nothing() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut process = Process::serve(folder.path(), &upstream.url(), "");
    let cookie = process.connect().signed_in();
    process.hang_up();
    process.line("SIGHUP");
    let mut connection = process.connect();
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", process.address));
    assert_eq!(connection.answer().status, 200);
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn the_grace_is_an_end() {
    let upstream = Upstream::answering(|exchange| {
        let _ = exchange.stream.read(&mut [0]);
        false
    });
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path(), &upstream.url(), "server.shutdown_grace = \"300ms\"");
    let cookie = process.connect().signed_in();
    let mut running = process.connect();
    running.write(format!("GET /for-ever HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", process.address));
    upstream.wait_for(1);
    let asked = Instant::now();
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn a_taken_port_and_a_locked_database_are_told_with_a_remedy() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let second = |listen: &str, database: &str| {
        let mut command = sidegate(folder.path());
        command.arg("serve").env("SIDEGATE_SERVER_LISTEN", listen).env("SIDEGATE_DATABASE_URL", database);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = second(&process.address.to_string(), "redb:other.redb");
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains(&format!("error: `{}` is in use", process.address)) && text.contains("hint: "),
        "{text}"
    );
    assert!(!folder.path().join("other.redb").exists(), "who finds the port taken touches no database");

    let (code, text) = second("127.0.0.1:0", "redb:t.redb");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("in use by another process") && text.contains("hint: "), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn half_a_head_is_not_waited_for() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut process = Process::serve(folder.path(), &upstream.url(), "");
    let mut begun = process.connect();
    begun.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\nGET /au", process.address));
    assert_eq!(begun.answer().status, 200);
    let asked = Instant::now();
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn a_request_that_was_sent_before_the_signal_is_answered() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut process = Process::serve(folder.path(), &upstream.url(), "");
    let health = format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", process.address);
    let mut connections: Vec<_> = (0..200).map(|_| process.connect()).collect();
    for connection in &mut connections {
        connection.write(&health);
    }
    process.terminate();
    for (number, connection) in connections.iter_mut().enumerate() {
        assert!(connection.next_answer().is_some_and(|answer| answer.status == 200), "{number}");
    }
    assert_eq!(process.wait().code(), Some(0));
}

/// Seen: some of those who came in the moment in which a gate stopped were reset.
#[test]
fn whoever_has_a_connection_when_a_gate_stops_is_answered_and_others_find_the_port_closed() {
    for workers in [1, 2, 4, 1, 2, 4] {
        let folder = tempfile::tempdir().unwrap();
        let upstream = "http://127.0.0.1:9";
        let mut process = Process::serve(folder.path(), upstream, &format!("server.workers = {workers}\n"));
        let (address, stopped) = (process.address, AtomicBool::new(false));
        let lost = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..6).map(|_| scope.spawn(|| comes_until(address, &stopped))).collect();
            // The signal comes while all of them are at it.
            let answered: usize = (0..200).map(|_| usize::from(health(address).is_some())).sum();
            assert_eq!(answered, 200);
            process.terminate();
            assert_eq!(process.wait().code(), Some(0));
            stopped.store(true, Ordering::Relaxed);
            clients.into_iter().map(|client| client.join().unwrap()).sum::<usize>()
        });
        assert_eq!(lost, 0, "{workers} workers");
    }
}

/// Comes again and again; says how many times there was a connection and no answer.
fn comes_until(address: SocketAddr, stopped: &AtomicBool) -> usize {
    let mut lost = 0;
    while !stopped.load(Ordering::Relaxed) {
        lost += usize::from(health(address) == Some(false));
    }
    lost
}

/// Whether one request is answered; `None`: there is no connection to be had, or its client was slow to ask, who is not waited for.
fn health(address: SocketAddr) -> Option<bool> {
    // From here on: who is connected may have to wait for the processor before it learns that.
    let begun = Instant::now();
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    let written = stream.write_all(b"GET /auth/healthz HTTP/1.0\r\n\r\n");
    let in_time = begun.elapsed() < Duration::from_millis(50);
    let mut answer = String::new();
    let answered =
        written.and_then(|()| stream.read_to_string(&mut answer)).is_ok_and(|_| answer.contains(" 200 "));
    (answered || in_time).then_some(answered)
}

/// Seen: the port was probed by a socket that listened for a moment, and who came just then was reset.
#[test]
fn who_comes_while_a_gate_starts_waits_and_is_answered() {
    for _ in 0..20 {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let early = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut stream = loop {
                match std::net::TcpStream::connect(free) {
                    Ok(stream) => break stream,
                    Err(error) => assert!(begun.elapsed() < PATIENCE, "nobody listens: {error}"),
                }
            };
            stream.write_all(b"GET /auth/healthz HTTP/1.0\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let gate = Gate::with(&format!("server.listen = \"{free}\"\n"));
        let answer = early.join().unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
        drop(gate);
    }
}
