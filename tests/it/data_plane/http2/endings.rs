//! How a connection ends: not before its answers have been sent, but soon where it is mute, or says half a head.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::{Gate, PATIENCE, Upstream};

use super::frames::{
    Client, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, SETTINGS, WINDOW_UPDATE, block, frame,
};

/// All of it is given away at once, to be sent later.
const LENGTH: usize = 3000;

/// `SETTINGS_INITIAL_WINDOW_SIZE`: 1000.
const NARROW: [u8; 6] = [0, 4, 0, 0, 3, 232];

fn upstream() -> Upstream {
    Upstream::answering(|exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n{}", "x".repeat(LENGTH)));
        true
    })
}

/// Asks for an answer that doesn't fit into the window, and takes what does.
fn ask_narrowly(gate: &Gate, cookie: &str) -> Client {
    let mut client = Client::begin(gate, &NARROW);
    client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &Client::get(gate, "/", cookie)));
    client.wait_for(HEADERS, 1);
    assert_eq!(client.wait_for(DATA, 1).payload.len(), 1000);
    client
}

/// Opens the window and reads to the end of the answer's stream.
fn take_the_rest(client: &mut Client) {
    client.write(&frame(WINDOW_UPDATE, 0, 1, &1_000_000_u32.to_be_bytes()));
    let mut rest = 0;
    loop {
        let data = client.wait_for(DATA, 1);
        rest += data.payload.len();
        if data.flags & END_STREAM != 0 {
            break;
        }
    }
    assert_eq!(rest, LENGTH - 1000);
}

fn healthz(gate: &Gate, stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &Client::get(gate, "/auth/healthz", "a=b"))
}

#[test]
fn the_end_of_an_answer_waits_for_a_window_longer_than_an_idle_connection_does() {
    let gate = Gate::before(upstream(), "server.workers = 1\nserver.keep_alive = \"300ms\"");
    let cookie = gate.member("jack@example.com").header();
    let mut client = ask_narrowly(&gate, &cookie);
    // Longer than a goodbye takes, too.
    for _ in 0..6 {
        let mut idle = Client::begin(&gate, &[]);
        idle.write(&healthz(&gate, 1));
        idle.wait_for(GOAWAY, 0);
    }
    take_the_rest(&mut client);
    client.wait_for(GOAWAY, 0);
}

#[test]
fn an_answer_whose_client_opens_no_window_is_not_waited_for_forever() {
    let gate = Gate::before(upstream(), "server.workers = 1\nupstream.idle_timeout = \"300ms\"");
    let cookie = gate.member("jack@example.com").header();
    let mut client = ask_narrowly(&gate, &cookie);
    client.end();
}

#[test]
fn a_head_that_does_not_end_ends_the_connection_also_after_others_and_beside_others() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        if exchange.seen.line().contains("/waits") {
            let _ = gone.lock().unwrap().recv();
        }
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1\nlimits.header_timeout = \"300ms\"");
    let cookie = gate.member("jack@example.com").header();
    let begun = frame(HEADERS, END_STREAM, 5, &block(&[(":method", "GET")]));
    let whole = frame(HEADERS, END_HEADERS | END_STREAM, 5, &Client::get(&gate, "/", &cookie));
    for head in [&begun[..], &whole[..whole.len() - 1], &whole[..12]] {
        for busy in [false, true] {
            let mut client = Client::begin(&gate, &[]);
            client.write(&healthz(&gate, 1));
            client.wait_for(HEADERS, 1);
            if busy {
                let waits = Client::get(&gate, "/waits", &cookie);
                client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &waits));
            }
            client.write(head);
            let start = Instant::now();
            client.end();
            assert!(start.elapsed() < Duration::from_secs(5), "{busy}: {:?}", start.elapsed());
        }
    }
    // One that is whole in the end is answered.
    let mut client = Client::begin(&gate, &[]);
    client.write(&healthz(&gate, 1));
    client.wait_for(HEADERS, 1);
    client.write(&whole[..20]);
    client.write(&whole[20..]);
    client.wait_for(HEADERS, 5);
    drop(go);
}

#[test]
fn a_mute_connection_without_streams_is_told_goodbye_and_not_waited_for_when_the_gate_stops() {
    let gate = Gate::before(Upstream::start(), "server.shutdown_grace = \"20s\"");
    let mut clients: Vec<_> = (0..3).map(|_| Client::begin(&gate, &[])).collect();
    for client in &mut clients {
        client.wait_for(SETTINGS, 0);
    }
    clients[1].write(&healthz(&gate, 1));
    while clients[1].wait_for(DATA, 1).flags & END_STREAM == 0 {}
    // Half a head is not what runs.
    clients[2].write(&frame(HEADERS, END_STREAM, 1, &block(&[(":method", "GET")])));
    let stops = Instant::now();
    drop(gate);
    assert!(stops.elapsed() < Duration::from_secs(5), "{:?}", stops.elapsed());
    for client in &mut clients {
        client.wait_for(GOAWAY, 0);
        client.end();
    }
}

#[test]
fn what_is_owed_of_an_answer_is_sent_when_the_gate_stops() {
    let gate = Gate::before(upstream(), "server.workers = 1\nserver.shutdown_grace = \"20s\"");
    let cookie = gate.member("jack@example.com").header();
    let (mut client, mut mute) = (ask_narrowly(&gate, &cookie), Client::begin(&gate, &[]));
    mute.wait_for(SETTINGS, 0);
    let (stopped, is_stopped) = mpsc::channel();
    let stopping = std::thread::spawn(move || {
        drop(gate);
        stopped.send(Instant::now()).unwrap();
    });
    client.wait_for(GOAWAY, 0);
    // By then, others that are mute have been let go.
    mute.end();
    take_the_rest(&mut client);
    let whole = Instant::now();
    let end = is_stopped.recv_timeout(PATIENCE).unwrap();
    assert!(end.saturating_duration_since(whole) < Duration::from_secs(5), "it waits for nothing more");
    stopping.join().unwrap();
}
