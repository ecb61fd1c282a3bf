//! Large bodies of known length go from socket to socket by pipes of the kernel's: to the byte, and never one's to another.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Instant;

use super::stage::deaf;
use crate::support::process::Process;
use crate::support::upstream::Exchange;
use crate::support::{Gate, PATIENCE, Raw, Upstream};

/// More than the sockets on its way hold, mostly.
const LENGTH: usize = 16 << 20;

/// A body in blocks, each of which says its number and its kind.
fn body(kind: u8, length: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(length + 1000);
    for number in 0_u32.. {
        if body.len() >= length {
            break;
        }
        body.extend_from_slice(&number.to_le_bytes());
        body.resize(body.len() + 995, kind);
    }
    body.truncate(length);
    body
}

/// `GET /KIND/LENGTH/SENT` is answered by so much of such a body, and then the end.
fn sends_bodies(exchange: &mut Exchange) -> bool {
    let path = exchange.seen.line().split(' ').nth(1).unwrap_or_default().to_owned();
    let numbers: Vec<usize> = path.split('/').filter_map(|part| part.parse().ok()).collect();
    let [kind, length, sent] = numbers[..] else { return false };
    exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
    exchange.write(&body(u8::try_from(kind).unwrap(), length)[..sent]);
    sent == length
}

fn get(gate: &Gate, cookie: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address)
}

/// Bytes of another's body would be worse than none.
#[test]
fn after_bodies_that_ended_in_the_middle_those_of_others_are_their_own() {
    let gate = Gate::before(Upstream::answering(sends_bodies), "server.workers = 1");
    let cookie = gate.signed_in();
    for round in 1..=6_u8 {
        // This one's upstream leaves in the middle, and its client takes little of what came.
        let mut cut = Raw::narrow(gate.address);
        cut.write(get(&gate, &cookie, &format!("/100/{LENGTH}/2000000")));
        assert_eq!(cut.head().status, 200);
        // This one's client leaves.
        let mut gone = Raw::narrow(gate.address);
        gone.write(get(&gate, &cookie, &format!("/101/{LENGTH}/{LENGTH}")));
        assert_eq!(gone.head().status, 200);
        gone.exactly(300_000);
        if round % 2 == 0 {
            drop(gone);
        }
        let mut connection = gate.connect();
        for length in [LENGTH / 4, 20_000, 1_000_003] {
            connection.write(get(&gate, &cookie, &format!("/{round}/{length}/{length}")));
            let answer = connection.answer();
            assert_eq!(answer.status, 200);
            assert!(answer.body == body(round, length), "round {round}: other bytes of {length}");
        }
        assert!(cut.closed_before(LENGTH), "half a body is no body");
    }
}

#[test]
fn a_body_that_the_upstream_refuses_in_the_middle_is_in_no_other_upload() {
    let upstream = Upstream::answering_heads(|exchange| {
        if exchange.seen.line().starts_with("POST /refused") {
            let mut some = vec![0; 200_000];
            let _ = exchange.stream.read_exact(&mut some);
            exchange
                .write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            return false;
        }
        let wanted = body(7, 5_000_000);
        let mut got = std::mem::take(&mut exchange.rest);
        let rest = wanted.len() - got.len();
        let _ = (&exchange.stream).take(rest as u64).read_to_end(&mut got);
        let verdict = if got == wanted { "same" } else { "else" };
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{verdict}"));
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let cookie = gate.signed_in();
    let post = |path: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Length: {length}\r\n\r\n", gate.address)
    };
    let mut kept = gate.connect();
    for _ in 0..5 {
        let mut refused = gate.connect();
        refused.write(post("/refused", 50_000_000));
        // Whether all of that is taken is the gate's affair.
        let _ = refused.try_write(body(8, 3_000_000));
        kept.write(post("/kept", 5_000_000));
        kept.write(body(7, 5_000_000));
        assert_eq!(kept.answer().text(), "same");
    }
}

/// An upstream at a socket of this machine, for one connection at a time: it takes bodies and sends them back.
fn echoes_at(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some((head, mut got)) = head_of(&mut stream) {
                let length = length_of(&head);
                let rest = length - got.len();
                (&stream).take(rest as u64).read_to_end(&mut got).unwrap();
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").unwrap();
                stream.write_all(&got).unwrap();
            }
        }
    });
}

/// The next head, and what came behind it.
fn head_of(stream: &mut UnixStream) -> Option<(String, Vec<u8>)> {
    let mut got = Vec::new();
    loop {
        if let Some(end) = crate::support::raw::find(&got, b"\r\n\r\n") {
            let rest = got.split_off(end + 4);
            return Some((String::from_utf8(got).unwrap(), rest));
        }
        let mut some = [0; 4096];
        match stream.read(&mut some) {
            Ok(count @ 1..) => got.extend_from_slice(&some[..count]),
            _ => return None,
        }
    }
}

fn length_of(head: &str) -> usize {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, length) = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).unwrap();
    length.parse().unwrap()
}

#[test]
fn bodies_go_both_ways_over_sockets_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (inward, outward) = (folder.path().join("in.sock"), folder.path().join("out.sock"));
    echoes_at(&outward);
    let listen =
        format!("server.listen = [\"127.0.0.1:0\", \"unix:{}\"]\nserver.workers = 1\n", inward.display());
    let upstream = Upstream::start();
    let gate = Gate::before(upstream, &format!("{listen}upstream.url = \"unix:{}\"\n", outward.display()));
    let cookie = gate.signed_in();
    let mut client = UnixStream::connect(&inward).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    for (kind, length) in [(1, 3_000_000), (2, 40_000), (3, 1_234_567)] {
        let sent = body(kind, length);
        write!(client, "POST / HTTP/1.1\r\nHost: a\r\n{cookie}Content-Length: {length}\r\n\r\n").unwrap();
        client.write_all(&sent).unwrap();
        let (head, mut got) = head_of(&mut client).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let rest = length - got.len();
        (&client).take(rest as u64).read_to_end(&mut got).unwrap();
        assert!(got == sent, "{length} bytes came back as others");
    }
}

#[test]
fn pipes_are_few_however_many_clients_read_slowly_and_fewer_when_they_have_left() {
    const CLIENTS: usize = 200;
    let upstream = Upstream::answering(sends_bodies);
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let cookie = process.connect().signed_in();
    let before = process.ends_of_pipes();
    let slow: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut slow = Raw::narrow(process.address);
            slow.write(format!("GET /1/{LENGTH}/{LENGTH} HTTP/1.1\r\nHost: a\r\n{cookie}\r\n"));
            assert_eq!(slow.head().status, 200);
            slow
        })
        .collect();
    let during = process.ends_of_pipes() - before;
    // A process has 64, of two ends each.
    assert!((2..=64 * 2).contains(&during), "{during}");
    drop(slow);
    let start = Instant::now();
    while process.ends_of_pipes() - before > 2 * 4 * 2 {
        assert!(start.elapsed() < PATIENCE, "{} ends are still open", process.ends_of_pipes() - before);
        std::thread::yield_now();
    }
}

#[test]
fn uploads_go_by_pipes_too() {
    let (upstream, go) = deaf();
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let cookie = process.connect().signed_in();
    let before = process.ends_of_pipes();
    let mut connection = process.connect();
    connection.write(format!("POST / HTTP/1.1\r\nHost: a\r\n{cookie}Content-Length: {LENGTH}\r\n\r\n"));
    connection.write(vec![b'x'; 100_000]);
    let start = Instant::now();
    while process.ends_of_pipes() < before + 2 {
        assert!(start.elapsed() < PATIENCE, "no pipe is open");
        std::thread::yield_now();
    }
    drop(go);
}
