//! Clients that ask for much and take it slowly: what they cost is bounded, one by one and all together.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::process::Process;
use crate::support::{PATIENCE, Upstream};

/// How many clients there are, and how much each asks for: more than the sockets on its way hold.
const CLIENTS: usize = 1000;
const MUCH: usize = 32 << 20;

/// A client that reads no more than it must.
fn slow_client(process: &Process, cookie: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&process.address.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", process.address);
    stream.write_all(request.as_bytes()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
    stream
}

#[test]
fn a_thousand_clients_that_read_slowly_cost_some_tens_of_kib_each() {
    let (blocked, so_far) = mpsc::channel();
    let blocked = Mutex::new(blocked);
    let upstream = Upstream::answering(move |exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n"));
        let stream = &mut exchange.stream;
        // It is taken for blocked when nothing was taken for a while.
        stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let (chunk, mut total) = (vec![b'x'; 64 * 1024], 0);
        while total < MUCH {
            match stream.write(&chunk) {
                Ok(count) => total += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        blocked.lock().unwrap().send(total).unwrap();
        let _ = stream.read(&mut [0]);
        false
    });
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let cookie = process.connect().signed_in();
    // What the first ones cost is allocated once for all.
    let first: Vec<_> = (0..10).map(|_| slow_client(&process, &cookie)).collect();
    for _ in &first {
        so_far.recv_timeout(PATIENCE).unwrap();
    }
    let before = process.resident();
    let held: Vec<_> = (0..CLIENTS).map(|_| slow_client(&process, &cookie)).collect();
    for _ in &held {
        let total = so_far.recv_timeout(PATIENCE).unwrap();
        assert!(total < MUCH, "one that reads nothing took it all");
    }
    let grown = process.resident().saturating_sub(before);
    // 24 MiB for those that may read in large amounts, and for each its task, its two sockets and one small read.
    let most = 24 * 1024 + CLIENTS as u64 * 72;
    assert!(grown < most, "grew by {grown} KiB for {CLIENTS} clients");
}
