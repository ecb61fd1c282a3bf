//! Stopping while plain answers run and connections are idle: nothing is cut, nothing hangs.

use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::{Gate, PATIENCE, Raw, Upstream};

const RUNNING: usize = 12;

#[test]
fn answers_that_run_are_finished_and_idle_connections_are_closed_at_once() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        let (begin, end) = match exchange.seen.line().split(' ').nth(1) {
            Some("/0") => ("", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall of i"),
            Some("/1") => ("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall ", "of i"),
            Some("/2") => (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r\n",
                "4\r\nof i\r\n0\r\n\r\n",
            ),
            Some("/3") => ("HTTP/1.1 200 OK\r\n\r\nall ", "of i"),
            _ => ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        };
        exchange.write(begin);
        if !end.is_empty() {
            gone.lock().unwrap().recv().unwrap();
            exchange.write(end);
        }
        end.is_empty()
    });
    let gate = Gate::before(upstream, "server.shutdown_grace = \"20s\"");
    let cookie = gate.signed_in();
    let (address, log) = (gate.address, gate.upstream.address);
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{cookie}\r\n");
    let mut running: Vec<Raw> = (0..RUNNING).map(|_| gate.connect()).collect();
    for (number, connection) in running.iter_mut().enumerate() {
        // They have been kept from an answer before.
        connection.write(request("/kept"));
        assert_eq!(connection.answer().status, 200);
        connection.write(request(&format!("/{}", number % 4)));
    }
    let mut idle: Vec<Raw> = (0..RUNNING).map(|_| gate.connect()).collect();
    for connection in &mut idle {
        connection.write(request("/kept"));
        assert_eq!(connection.answer().status, 200);
    }
    gate.upstream.wait_for(3 * RUNNING);
    let (stopped, is_stopped) = mpsc::channel();
    let stopping = std::thread::spawn(move || {
        drop(gate);
        stopped.send(Instant::now()).unwrap();
    });
    for connection in &mut idle {
        assert!(connection.is_closed(), "an idle connection is not waited for");
    }
    assert!(is_stopped.try_recv().is_err(), "answers still run");
    let all_said = Instant::now();
    (0..RUNNING).for_each(|_| go.send(()).unwrap());
    for (number, connection) in running.iter_mut().enumerate() {
        assert_eq!(connection.answer().text(), "all of i", "{number}");
        assert!(connection.is_closed(), "{number}");
    }
    let end = is_stopped.recv_timeout(PATIENCE).unwrap();
    assert!(end.saturating_duration_since(all_said) < Duration::from_secs(5), "it waits for nothing more");
    stopping.join().unwrap();
    assert!(log.port() > 0);
}

/// Clients that never pause: each answer that has begun is whole, and a connection that ends does so between answers.
#[test]
fn no_answer_is_cut_while_requests_keep_coming() {
    const CLIENTS: usize = 8;
    let body = "x".repeat(20_000);
    let whole = body.len();
    let upstream = Upstream::answering(move |exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        true
    });
    let gate = Gate::before(upstream, "server.shutdown_grace = \"20s\"");
    let (address, cookie) = (gate.address, gate.signed_in());
    let begun = Arc::new(Barrier::new(CLIENTS + 1));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (begun, request) =
                (Arc::clone(&begun), format!("GET / HTTP/1.1\r\nHost: {address}\r\n{cookie}\r\n"));
            let mut connection = Raw::connect(address);
            std::thread::spawn(move || {
                for round in 0..1_000_000 {
                    if round == 20 {
                        begun.wait();
                    }
                    if connection.try_write(&request).is_err() {
                        return round;
                    }
                    match connection.next_answer() {
                        Some(answer) => assert_eq!((answer.status, answer.body.len()), (200, whole)),
                        None => return round,
                    }
                }
                panic!("it never stops");
            })
        })
        .collect();
    begun.wait();
    let stops = Instant::now();
    drop(gate);
    assert!(stops.elapsed() < Duration::from_secs(5), "{:?}", stops.elapsed());
    for client in clients {
        assert!(client.join().unwrap() >= 20);
    }
}
