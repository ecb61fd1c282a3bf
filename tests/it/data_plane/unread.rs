//! A client that doesn't read, or isn't read: who notices, and how much is held meanwhile.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::stage::deaf;
use crate::support::process::Process;
use crate::support::{PATIENCE, Raw, Upstream};

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

/// More than the kernel holds on its own.
const MUCH: usize = 256 << 20;

/// What may be on its way: what the kernel holds for two connections, as it is set up here (32 MiB where that can't be told), and
/// little of the gate's.
fn most_on_its_way() -> usize {
    let largest = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?;
        text.split_whitespace().last()?.parse::<usize>().ok()
    };
    let kernel = largest("tcp_rmem").zip(largest("tcp_wmem"));
    kernel.map_or(32 << 20, |(read, written)| 2 * (read + written)) + (1 << 20)
}

#[test]
fn answers_that_nobody_reads_block_the_upstream_and_leave_the_gate_small() {
    let (blocked, so_far) = mpsc::channel();
    let blocked = Mutex::new(blocked);
    let upstream = Upstream::answering(move |exchange| {
        if exchange.seen.line().contains("/chunks") {
            exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000\r\n");
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
        assert!(total < most_on_its_way(), "{total} bytes were taken for a client that reads nothing");
    }
    let grown = process.resident().saturating_sub(before);
    assert!(grown < 32 * 1024, "grew by {grown} KiB for {} answers", held.len());
}

#[test]
fn uploads_that_nobody_reads_block_their_clients_and_leave_the_gate_small() {
    let (upstream, go) = deaf();
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
        assert!(total < most_on_its_way(), "{total} bytes were taken that the upstream doesn't read");
    }
    let grown = process.resident().saturating_sub(before);
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
    drop(go);
}
