//! Bodies, events and tunnels pass as they come: nothing is gathered, nothing is held back.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use sidegate::types::UserId;

use crate::support::process::Process;
use crate::support::{Gate, PASSWORD, Upstream};

const CHUNK: usize = 64 * 1024;
const GIB: usize = 1 << 30;

/// An upstream that sends 1 GiB for a GET and counts what comes in with a POST.
fn heavy() -> Upstream {
    Upstream::answering_heads(|exchange| {
        if exchange.seen.line().starts_with("GET") {
            exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n"));
            let chunk = vec![b'x'; CHUNK];
            (0..GIB / CHUNK).for_each(|_| exchange.write(&chunk));
            return true;
        }
        let mut left = GIB - exchange.rest.len();
        exchange.rest.clear();
        let mut bytes = vec![0; CHUNK];
        while left > 0 {
            let got = exchange.stream.read(&mut bytes).unwrap();
            assert!(got > 0, "{left} bytes are missing");
            left -= got;
        }
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall");
        true
    })
}

#[test]
fn a_gibibyte_up_and_down_leaves_the_process_as_small_as_it_was() {
    let (upstream, folder) = (heavy(), tempfile::tempdir().unwrap());
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let host = format!("Host: {}\r\n", process.address);
    let mut connection = process.connect();
    for (path, body) in [
        ("signup", format!(r#"{{"email":"a@b.c","username":"a","password":"{PASSWORD}"}}"#)),
        ("signin", format!(r#"{{"email":"a@b.c","password":"{PASSWORD}"}}"#)),
    ] {
        connection.write(format!(
            "POST /auth/{path} HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        if path == "signup" {
            assert_eq!(connection.answer().status, 200);
        }
    }
    let cookie = format!("Cookie: {}\r\n", connection.answer().cookies().header());
    let before = process.resident();

    connection.write(format!("GET / HTTP/1.1\r\n{host}{cookie}\r\n"));
    assert_eq!(connection.head().status, 200);
    let mut peak = before;
    for step in 0..GIB / CHUNK {
        connection.exactly(CHUNK);
        if step % 1024 == 0 {
            peak = peak.max(process.resident());
        }
    }

    connection.write(format!("POST / HTTP/1.1\r\n{host}{cookie}Content-Length: {GIB}\r\n\r\n"));
    let chunk = vec![b'x'; CHUNK];
    for step in 0..GIB / CHUNK {
        connection.write(&chunk);
        if step % 1024 == 0 {
            peak = peak.max(process.resident());
        }
    }
    assert_eq!(connection.answer().text(), "all");
    let grown = peak.max(process.resident()) - before;
    println!("1 GiB down and up: grew by {grown} KiB from {before} KiB");
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
}

#[test]
fn each_event_of_a_stream_comes_before_the_next_is_sent() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        exchange.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        for n in 0..5 {
            exchange.write(format!("9\r\ndata: {n}\n\n\r\n"));
            gone.lock().unwrap().recv().unwrap();
        }
        exchange.write("0\r\n\r\n");
        true
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET /events HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.head().status, 200);
    for n in 0..5 {
        assert_eq!(connection.exactly(14), format!("9\r\ndata: {n}\n\n\r\n").as_bytes());
        go.send(()).unwrap();
    }
    assert_eq!(connection.exactly(5), b"0\r\n\r\n");
}

#[test]
fn trailers_go_both_ways() {
    let upstream = Upstream::answering(|exchange| {
        exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n");
        true
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let answer = gate.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\n{cookie}TE: trailers\r\nTrailer: X-Check\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\na\r\n0\r\nX-Check: 1\r\n\r\n",
        gate.address
    ));
    assert_eq!(answer.text(), "ok");
    let [(name, value)] = answer.trailers.as_slice() else { panic!("{answer:?}") };
    assert_eq!((name.to_ascii_lowercase().as_str(), value.as_str()), ("x-sum", "42"));
    assert_eq!(gate.upstream.request().trailers.to_ascii_lowercase(), "x-check: 1\r\n");
}

/// An upstream that switches protocols and then sends everything back in capitals.
pub(crate) fn shouting() -> Upstream {
    Upstream::answering_heads(|exchange| {
        if exchange.seen.header("upgrade").is_none() {
            exchange.write("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
            return true;
        }
        assert_eq!(exchange.rest, b"", "nothing may come before the 101");
        exchange.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
        let mut bytes = [0; 1024];
        while let Ok(got @ 1..) = exchange.stream.read(&mut bytes) {
            let loud = bytes[..got].to_ascii_uppercase();
            exchange.write(loud);
        }
        false
    })
}

#[test]
fn weakness_26_a_tunnel_opens_after_the_upstreams_101_and_not_before() {
    let gate = Gate::before(shouting(), "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    // The client does not wait: its bytes stay with the gate until both sides have switched.
    connection.write(format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\n{cookie}Connection: Upgrade\r\nUpgrade: shout\r\n\r\nearly ",
        gate.address
    ));
    let answer = connection.answer();
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("shout")));
    assert_eq!(answer.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(connection.exactly(6), b"EARLY ");
    connection.write("later");
    assert_eq!(connection.exactly(5), b"LATER");
    assert_eq!(gate.upstream.request().header("x-user-id").as_deref(), Some("1"));
}

#[test]
fn without_a_session_no_tunnel_is_asked_for() {
    let gate = Gate::before(shouting(), "");
    let answer = gate.get("/ws", "Connection: Upgrade\r\nUpgrade: shout\r\n");
    assert_eq!((answer.status, gate.upstream.connections()), (401, 0));
}

#[test]
fn http_is_never_tunnelled_to_where_nobody_judges_it() {
    let gate = Gate::before(shouting(), "");
    let cookie = gate.signed_in();
    for protocol in ["h2c", "HTTP/2.0", "TLS/1.3", "http/1.1", "H2C"] {
        let headers = format!("{cookie}Connection: Upgrade\r\nUpgrade: {protocol}\r\n");
        assert_eq!(gate.get("/", &headers).status, 426, "{protocol}");
    }
}

#[test]
fn a_session_that_ends_closes_its_tunnels_and_streams_within_a_second() {
    let upstream = Upstream::answering_heads(|exchange| {
        if exchange.seen.header("upgrade").is_some() {
            exchange
                .write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
        } else {
            exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        }
        let _ = exchange.stream.read(&mut [0; 64]);
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let (mut tunnel, mut stream) = (gate.tunnel(&cookie), gate.connect());
    stream.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(stream.head().status, 200);
    assert_eq!(stream.exactly(6), b"1\r\na\r\n");

    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    let ended = std::time::Instant::now();
    assert!(tunnel.is_closed());
    let rest = stream.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a stream that was cut is not whole");
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
}

#[test]
fn a_slow_reader_holds_the_upstream_back() {
    let (sent, so_far) = std::sync::mpsc::channel();
    let sent = std::sync::Mutex::new(sent);
    let upstream = Upstream::answering(move |exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n"));
        exchange.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let (chunk, mut total) = (vec![b'x'; CHUNK], 0);
        while let Ok(count @ 1..) = exchange.stream.write(&chunk) {
            total += count;
        }
        sent.lock().unwrap().send(total).unwrap();
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.head().status, 200);
    let total = so_far.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(total < 64 << 20, "{total} bytes were taken from the upstream for a client that reads nothing");
}

/// Seen: a quiet WebSocket was still open long after its session had run out.
#[test]
fn a_tunnel_outlives_its_access_token_and_not_its_session() {
    let gate = Gate::before(shouting(), "tokens.session_ttl = \"1h\"");
    let cookie = gate.signed_in();
    let mut tunnel = gate.tunnel(&cookie);
    gate.clock.advance(Duration::from_mins(59));
    tunnel.write("still here");
    assert_eq!(tunnel.exactly(10), b"STILL HERE");
    gate.clock.advance(Duration::from_mins(2));
    assert!(tunnel.is_closed());
}

#[test]
fn a_new_password_by_a_link_closes_what_is_open_under_the_old_one() {
    let gate = Gate::before(shouting(), "");
    let cookie = gate.signed_in();
    let mut tunnel = gate.tunnel(&cookie);
    let link = Gate::wait(gate.services().accounts.reset_link(UserId::new(1).unwrap())).unwrap().unwrap();
    let token = link.url.reveal().split_once('=').unwrap().1;
    let body = format!(r#"{{"token":"{token}","password":"a quite different one"}}"#);
    assert_eq!(gate.post("/auth/password/reset", &body, "").status, 200);
    assert!(tunnel.is_closed());
}

/// An upstream that never falls silent: an event every 50 ms, in a stream or through a tunnel.
fn chatty() -> Upstream {
    Upstream::answering_heads(|exchange| {
        let event: &[u8] = if exchange.seen.header("upgrade").is_some() {
            exchange
                .write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
            b"hello"
        } else {
            exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            b"1\r\na\r\n"
        };
        while exchange.stream.write_all(event).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    })
}

#[test]
fn a_session_that_ends_closes_also_what_never_falls_silent() {
    let gate = Gate::before(chatty(), "");
    let cookie = gate.signed_in();
    let (mut tunnel, mut stream) = (gate.tunnel(&cookie), gate.connect());
    stream.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(stream.head().status, 200);
    stream.exactly(12);

    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    let ended = std::time::Instant::now();
    for connection in [&mut tunnel, &mut stream] {
        while !connection.closed_before(1) {
            assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
        }
    }
}

#[test]
fn an_answer_that_has_begun_may_be_silent_for_the_idle_timeout_also_after_the_upload_has_ended() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::answering_heads(move |exchange| {
        if exchange.seen.line().starts_with("GET /never") {
            return exchange.stream.read(&mut [0]).is_ok_and(|_| false);
        }
        exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        while crate::support::raw::find(&exchange.rest, b"0\r\n\r\n").is_none() {
            let mut bytes = [0; 64];
            let got = exchange.stream.read(&mut bytes).unwrap();
            exchange.rest.extend_from_slice(&bytes[..got]);
        }
        gone.lock().unwrap().recv().unwrap();
        exchange.write("1\r\nb\r\n0\r\n\r\n");
        false
    });
    let gate = Gate::before(upstream, "upstream.response_timeout = \"300ms\"");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        gate.address
    ));
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.exactly(6), b"1\r\na\r\n");
    connection.write("0\r\n\r\n");
    // Others run into the time limit meanwhile, one after the other.
    (0..2).for_each(|_| assert_eq!(gate.get("/never", &cookie).status, 504));
    go.send(()).unwrap();
    assert_eq!(connection.exactly(11), b"1\r\nb\r\n0\r\n\r\n");
}

#[test]
fn a_client_that_reads_nothing_is_not_waited_for_for_ever() {
    let (gave_up, given_up) = std::sync::mpsc::channel();
    let gave_up = std::sync::Mutex::new(gave_up);
    let upstream = Upstream::answering(move |exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n"));
        let chunk = vec![b'x'; CHUNK];
        while exchange.stream.write_all(&chunk).is_ok() {}
        gave_up.lock().unwrap().send(()).unwrap();
        false
    });
    let gate = Gate::before(upstream, "upstream.idle_timeout = \"300ms\"");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.head().status, 200);
    // Reads nothing until the upstream was let go, then all that is there: it is not the whole answer.
    given_up.recv_timeout(crate::support::PATIENCE).unwrap();
    assert!(connection.rest().len() < GIB);
}
