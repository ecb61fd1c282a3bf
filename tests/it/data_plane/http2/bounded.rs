//! Floods: each ends with the connection, or with frames that nobody takes any more, before it costs much; and others are
//! served meanwhile.

use std::time::Duration;

use crate::support::{Gate, Upstream};

use super::frames::{
    CONTINUATION, Client, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    block, frame,
};

/// RFC 9113 section 7.
const ENHANCE_YOUR_CALM: u32 = 11;
const MOST: usize = 64 << 20;

fn gate(settings: &str) -> (Gate, String) {
    let gate = Gate::with(&format!("server.workers = 1\n{settings}"));
    let cookie = gate.member("jack@example.com").header();
    (gate, cookie)
}

fn assert_served(gate: &Gate) {
    assert_eq!(gate.get("/auth/healthz", "").status, 200, "others are served");
}

/// CVE-2023-44487.
#[test]
fn weakness_26_streams_that_are_reset_at_once_end_the_connection_and_flood_no_upstream() {
    let (gate, cookie) = gate("");
    let mut client = Client::begin(&gate, &[]);
    let fields = Client::get(&gate, "/", &cookie);
    let mut opened = 0;
    for number in 0..20_000_u32 {
        let stream = 2 * number + 1;
        let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields);
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        if client.flood(&bytes, bytes.len()) < bytes.len() {
            break;
        }
        opened += 1;
    }
    assert!(opened < 20_000, "all were taken");
    // What was said may be lost with the connection.
    assert!(matches!(client.end(), Some(ENHANCE_YOUR_CALM) | None));
    assert_served(&gate);
    assert!(gate.upstream.connections() < 300, "{} connections", gate.upstream.connections());
}

/// The same by the gate's hand: streams that can't be are reset by it, each for a reason of the client's.
#[test]
fn weakness_26_streams_that_the_gate_has_to_reset_end_the_connection() {
    let (gate, cookie) = gate("");
    let mut client = Client::begin(&gate, &[]);
    let fields = Client::get(&gate, "/", &cookie);
    let mut taken = 0;
    for number in 0..20_000_u32 {
        let stream = 2 * number + 1;
        let mut bytes = frame(HEADERS, END_HEADERS, stream, &fields);
        // A window that would grow by nothing (RFC 9113 section 6.9).
        bytes.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
        if client.flood(&bytes, bytes.len()) < bytes.len() {
            break;
        }
        taken += 1;
    }
    assert!(taken < 20_000, "all were taken");
    assert_served(&gate);
}

/// CVE-2024-24549 and its like: a head without an end.
#[test]
fn weakness_26_a_head_in_endless_continuations_ends_the_connection() {
    let (gate, _) = gate("limits.header_bytes = \"16KiB\"");
    let filler = block(&[("x-filler", &"x".repeat(1000))]);
    for payload in [&filler[..], &[]] {
        let mut client = Client::begin(&gate, &[]);
        client.write(&frame(HEADERS, END_STREAM, 1, &block(&[(":method", "GET")])));
        let taken = client.flood(&frame(CONTINUATION, 0, 1, payload), MOST);
        assert!(taken < 16 << 20, "{taken} bytes were taken");
        client.end();
        assert_served(&gate);
    }
    assert_eq!(gate.upstream.connections(), 0);
}

/// Each wants an answer, which nobody reads.
#[test]
fn pings_and_settings_without_end_are_not_hoarded() {
    let (gate, _) = gate("limits.header_timeout = \"1s\"");
    for flood in [frame(PING, 0, 0, b"12345678"), frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0])] {
        let mut client = Client::begin(&gate, &[]);
        let many = flood.repeat(500);
        let taken = client.flood(&many, MOST);
        // What the kernel holds for both ways is not the gate's.
        assert!(taken < MOST, "{taken} bytes were taken");
        assert_served(&gate);
        // Nobody waits for such a client longer than for a head.
        client.end();
    }
}

#[test]
fn weakness_26_frames_that_say_nothing_end_the_connection() {
    let (gate, cookie) = gate("");
    let authority = gate.address.to_string();
    let fields = block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", &authority),
        ("cookie", &cookie),
    ]);
    let mut client = Client::begin(&gate, &[]);
    client.write(&frame(HEADERS, END_HEADERS, 1, &fields));
    let taken = client.flood(&frame(DATA, 0, 1, &[]).repeat(200), MOST);
    assert!(taken < MOST, "{taken} bytes were taken");
    assert_served(&gate);
}

#[test]
fn no_more_streams_are_open_than_the_limit_says() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        let _ = gone.lock().unwrap().recv();
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1\nlimits.streams = 10");
    let cookie = gate.member("jack@example.com").header();
    let mut client = Client::begin(&gate, &[]);
    let limit = client.wait_for(SETTINGS, 0);
    let said = limit.payload.chunks(6).find(|setting| setting[..2] == [0, 3]).map(|setting| setting[5]);
    assert_eq!(said, Some(10), "the client is told");
    let fields = Client::get(&gate, "/", &cookie);
    for number in 0..30_u32 {
        client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &fields));
    }
    gate.upstream.wait_for(10);
    // REFUSED_STREAM says that it may be sent again (RFC 9113 section 8.7).
    for number in 10..30_u32 {
        assert_eq!(client.wait_for(RST_STREAM, 2 * number + 1).payload, 7_u32.to_be_bytes());
    }
    client.assert_alive();
    assert_eq!(gate.upstream.requests().len(), 10);
    (0..10).for_each(|_| go.send(()).unwrap());
    assert_eq!(client.wait_for(HEADERS, 1).flags & END_STREAM, END_STREAM);
}

#[test]
fn a_head_beyond_the_limit_is_refused_and_the_connection_goes_on() {
    let (gate, cookie) = gate("limits.header_bytes = \"8KiB\"");
    let authority = gate.address.to_string();
    let head = |filler: usize| {
        block(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", &authority),
            ("cookie", &cookie),
            ("x-filler", &"x".repeat(filler)),
        ])
    };
    let mut client = Client::begin(&gate, &[]);
    client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head(9000)));
    // Either 431 or a reset; never the upstream.
    let answer = loop {
        let frame = client.next().expect("the connection goes on");
        if frame.stream == 1 {
            break frame;
        }
    };
    assert!(matches!(answer.kind, HEADERS | RST_STREAM), "{answer:?}");
    assert_eq!(gate.upstream.connections(), 0);
    client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &head(5000)));
    client.wait_for(HEADERS, 3);
    assert_eq!(gate.upstream.requests().len(), 1);
}

/// Cookies in a great many fields, and fields in a great many, are a matter of `limits.header_bytes` alone.
#[test]
fn cookies_in_many_fields_are_one_to_the_upstream() {
    let (gate, cookie) = gate("");
    let authority = gate.address.to_string();
    let mut fields =
        vec![(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", authority.as_str())];
    let others: Vec<String> = (0..150).map(|number| format!("c{number}={number}")).collect();
    fields.extend(others[..75].iter().map(|other| ("cookie", other.as_str())));
    fields.extend(cookie.split("; ").map(|part| ("cookie", part)));
    fields.extend(others[75..].iter().map(|other| ("cookie", other.as_str())));
    let mut client = Client::begin(&gate, &[]);
    client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields)));
    client.wait_for(HEADERS, 1);
    assert_eq!(gate.upstream.request().header("cookie"), Some(others.join("; ")));
}

#[test]
fn a_client_that_sends_no_preface_after_its_beginning_is_not_waited_for() {
    let (gate, _) = gate("limits.header_timeout = \"300ms\"");
    let mut client = Client::begin(&gate, &[]);
    // A head that was begun and not ended.
    client.write(&frame(HEADERS, 0, 1, &block(&[(":method", "GET")])));
    let start = std::time::Instant::now();
    client.end();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
