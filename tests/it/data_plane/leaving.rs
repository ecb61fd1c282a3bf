//! A client that goes away, and one that doesn't read or isn't read: who notices, and how much is held meanwhile.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::process::Process;
use crate::support::{Gate, PATIENCE, Raw, Upstream};

/// How long it takes in the middle of several rounds: a busy machine is late now and then, a gate that only notices by
/// its timers is late always.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The moment at which the other side is gone, told by reading.
fn wait_for_end(stream: &mut TcpStream) -> Instant {
    let mut bytes = vec![0; 64 * 1024];
    while matches!(stream.read(&mut bytes), Ok(1..)) {}
    Instant::now()
}

#[test]
fn the_upstream_learns_within_a_tenth_of_a_second_that_the_client_has_left() {
    let (left, noticed) = mpsc::channel();
    let left = Mutex::new(left);
    let upstream = Upstream::answering_heads(move |exchange| {
        let line = exchange.seen.line().to_owned();
        if line.contains("/length") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        } else if line.contains("/chunks") {
            exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        } else if line.contains("/close") {
            exchange.write("HTTP/1.1 200 OK\r\n\r\nabc");
        } else if line.contains("/busy") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while exchange.stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
        left.lock().unwrap().send(wait_for_end(&mut exchange.stream)).unwrap();
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    for (phase, method, framing, begins) in [
        ("/head", "GET", "", false),
        ("/head", "HEAD", "", false),
        ("/head", "POST", "Content-Length: 0\r\n", false),
        ("/length", "GET", "", true),
        ("/chunks", "GET", "", true),
        ("/close", "GET", "", true),
        ("/busy", "GET", "", true),
        ("/upload", "POST", "Content-Length: 1000000\r\n", false),
        ("/upload", "POST", "Transfer-Encoding: chunked\r\n", false),
        ("/chunks-upload", "POST", "Content-Length: 1000000\r\n", true),
    ] {
        let mut times = Vec::new();
        for _ in 0..7 {
            let before = gate.upstream.requests().len();
            let mut connection = gate.connect();
            connection.write(format!(
                "{method} {phase} HTTP/1.1\r\nHost: {}\r\n{cookie}{framing}\r\n",
                gate.address
            ));
            if framing.contains("1000000") {
                connection.write("some of it");
            } else if framing.contains("chunked") {
                connection.write("4\r\nsome\r\n");
            }
            gate.upstream.wait_for(before + 1);
            if begins {
                assert_eq!(connection.head().status, 200);
                connection.exactly(3);
            }
            let leaves = Instant::now();
            drop(connection);
            let end = noticed.recv_timeout(PATIENCE).expect(phase);
            times.push(end.saturating_duration_since(leaves));
        }
        let took = median(times);
        assert!(took < Duration::from_millis(100), "{method} {phase}: {took:?}");
    }
}

/// Writes until nobody has taken anything for a while; gives how much was taken.
fn write_until_blocked(stream: &mut TcpStream, most: usize) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(400))).unwrap();
    let (chunk, mut total) = (vec![b'x'; 64 * 1024], 0);
    while total < most {
        match stream.write(&chunk) {
            Ok(count) => total += count,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
                break;
            }
        }
    }
    total
}

/// More than twice what the kernel holds on its own: some of its receive buffers grow to 32 MiB (`tcp_rmem`).
const MUCH: usize = 256 << 20;

#[test]
fn answers_that_nobody_reads_block_the_upstream_and_leave_the_gate_small() {
    let (blocked, so_far) = mpsc::channel();
    let blocked = Mutex::new(blocked);
    let upstream = Upstream::answering(move |exchange| {
        if exchange.seen.line().contains("/chunks") {
            exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000000\r\n");
        } else {
            exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n"));
        }
        let total = write_until_blocked(&mut exchange.stream, MUCH);
        blocked.lock().unwrap().send(total).unwrap();
        let _ = exchange.stream.read(&mut [0]);
        false
    });
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let cookie = process.connect().signed_in();
    let before = process.resident();
    let mut held: Vec<Raw> = Vec::new();
    for number in 0..16 {
        let path = if number % 2 == 0 { "/length" } else { "/chunks" };
        let mut connection = process.connect();
        connection.write(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", process.address));
        assert_eq!(connection.head().status, 200);
        held.push(connection);
    }
    for _ in &held {
        let total = so_far.recv_timeout(PATIENCE).unwrap();
        assert!(total < MUCH / 2, "{total} bytes were taken for a client that reads nothing");
    }
    let grown = process.resident().saturating_sub(before);
    assert!(grown < 32 * 1024, "grew by {grown} KiB for {} answers", held.len());
}

#[test]
fn uploads_that_nobody_reads_block_their_clients_and_leave_the_gate_small() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering_heads(move |_| {
        let _ = gone.lock().unwrap().recv();
        false
    });
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let cookie = process.connect().signed_in();
    let before = process.resident();
    let uploads = (0..4).map(|_| {
        let mut connection = process.connect();
        connection.write(format!(
            "POST / HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Length: {MUCH}\r\n\r\n",
            process.address
        ));
        std::thread::spawn(move || {
            let mut stream = connection.stream().try_clone().unwrap();
            (write_until_blocked(&mut stream, MUCH), connection)
        })
    });
    for upload in uploads.collect::<Vec<_>>() {
        let (total, _held) = upload.join().unwrap();
        assert!(total < MUCH / 2, "{total} bytes were taken that the upstream doesn't read");
    }
    let grown = process.resident().saturating_sub(before);
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
    drop(go);
}
