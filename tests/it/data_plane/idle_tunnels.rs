//! A tunnel in which nobody says anything is closed in time; one in which either side says something is not.

use std::io::{Read as _, Write as _};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::{Gate, PATIENCE, Raw, Upstream};

/// Opens a WebSocket; what it is for, its path says.
fn open(gate: &Gate, cookie: &str, path: &str) -> Raw {
    let mut tunnel = gate.connect();
    tunnel.write(format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        gate.address
    ));
    assert_eq!(tunnel.answer().status, 101, "{path}");
    tunnel
}

const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn a_tunnel_in_which_nobody_speaks_is_closed_on_both_sides() {
    let (told, ended) = mpsc::channel();
    let told = Mutex::new(told);
    let upstream = Upstream::answering_heads(move |exchange| {
        exchange.write(SWITCHED);
        let got = exchange.stream.read(&mut [0; 64]);
        told.lock().unwrap().send(got.is_ok_and(|got| got > 0)).unwrap();
        false
    });
    let gate = Gate::before(upstream, "upstream.idle_timeout = \"300ms\"");
    let cookie = gate.signed_in();
    let asked = Instant::now();
    let mut tunnel = open(&gate, &cookie, "/silent");
    assert!(tunnel.is_closed(), "the client's side");
    assert!(asked.elapsed() >= Duration::from_millis(290), "too early: {:?}", asked.elapsed());
    assert!(!ended.recv_timeout(PATIENCE).expect("the upstream's side is closed, too"), "nobody spoke");
}

/// For as long as it takes others to be closed for their silence, one after the other.
#[test]
fn a_tunnel_in_which_one_side_goes_on_talking_stays_open() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering_heads(move |exchange| {
        exchange.write(SWITCHED);
        if exchange.seen.line().contains("/upstream-talks") {
            let gone = gone.lock().unwrap();
            while gone.recv().is_ok() {
                exchange.stream.write_all(b"x").unwrap();
            }
            return false;
        }
        // It says nothing, and takes what comes.
        while matches!(exchange.stream.read(&mut [0; 64]), Ok(1..)) {}
        false
    });
    let gate = Gate::before(upstream, "upstream.idle_timeout = \"1s\"");
    let cookie = gate.signed_in();
    let mut told = open(&gate, &cookie, "/upstream-talks");
    let mut telling = open(&gate, &cookie, "/client-talks");
    for round in 0..3 {
        let mut silent = open(&gate, &cookie, "/silent");
        silent.stream().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let opened = Instant::now();
        while silent.end_of().is_err_and(|kind| kind == std::io::ErrorKind::WouldBlock) {
            assert!(opened.elapsed() < PATIENCE, "round {round}: the silent one stays open");
            go.send(()).unwrap();
            assert_eq!(told.exactly(1), b"x", "round {round}");
            telling.write("x");
        }
        // Who only listens is still there, and who only talks: a closed one would say so, not nothing.
        telling.stream().set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(telling.end_of(), Err(std::io::ErrorKind::WouldBlock), "round {round}");
    }
}
