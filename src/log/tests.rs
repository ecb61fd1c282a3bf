//! The access log's own lines are tracing's to the byte, and keep their place among all others.

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{StatusCode, Version};
use proptest::prelude::*;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::types::{Timestamp, UserId};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn usual() -> Entry<'static> {
    Entry {
        method: "GET",
        path: "/api/items/42",
        status: StatusCode::OK,
        version: Version::HTTP_11,
        peer: "127.0.0.1".parse().ok(),
        user: UserId::new(17),
        outcome: "forwarded",
        bytes: 1234,
        complete: true,
        took: Duration::from_micros(417),
        id: "00010203fcfdfeff0000000000000001",
    }
}

/// What tracing-subscriber makes of it, as `cli::logging` sets it up.
fn librarys(entry: &Entry<'_>, format: LogFormat) -> String {
    let (sink, registry) = (Sink::default(), tracing_subscriber::registry());
    let lines = layer().with_writer(Lines::new(sink.clone()));
    match format {
        LogFormat::Text => {
            tracing::subscriber::with_default(registry.with(lines.with_ansi(false)), || {
                entry.trace();
                tracing::error!("so that it leaves");
            });
        }
        LogFormat::Json => {
            tracing::subscriber::with_default(registry.with(lines.json().flatten_event(true)), || {
                entry.trace();
                tracing::error!("so that it leaves");
            });
        }
    }
    let text = sink.text();
    text[..=text.find('\n').unwrap()].to_owned()
}

/// The same by our own hand, at the time that the library's line says.
fn ours(entry: &Entry<'_>, format: LogFormat, librarys: &str) -> String {
    let start = if format == LogFormat::Text { 0 } else { r#"{"timestamp":""#.len() };
    let time: jiff::Timestamp = librarys[start..start + 27].parse().unwrap();
    let (mut stamp, mut out) = (Stamp::default(), Vec::new());
    let micros = u64::try_from(time.as_microsecond()).unwrap();
    // A stamp that is used again must not show it.
    stamp.at(micros - micros % 1_000_000);
    let stamp = stamp.at(micros);
    match format {
        LogFormat::Text => entry.write::<Text>(stamp, &mut out),
        LogFormat::Json => entry.write::<Json>(stamp, &mut out),
    }
    String::from_utf8(out).unwrap()
}

fn assert_same(entry: &Entry<'_>) {
    for format in [LogFormat::Text, LogFormat::Json] {
        let librarys = librarys(entry, format);
        assert_eq!(ours(entry, format, &librarys), librarys);
    }
}

#[test]
fn a_line_is_the_librarys_to_the_byte() {
    assert_same(&usual());
    assert_same(&Entry { peer: None, user: None, complete: false, bytes: 0, ..usual() });
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3] {
        assert_same(&Entry { version, ..usual() });
    }
    for peer in ["0.0.0.0", "255.10.100.9", "::1", "2001:db8::17", "::ffff:1.2.3.4"] {
        assert_same(&Entry { peer: peer.parse().ok(), ..usual() });
    }
    let (user, status) = (UserId::new(u64::MAX), StatusCode::from_u16(999).unwrap());
    assert_same(&Entry { user, status, bytes: u64::MAX, ..usual() });
    assert_same(&Entry { id: "", method: "", path: "", outcome: "", ..usual() });
    assert_same(&Entry { path: &"/long\u{e9}\"".repeat(20_000), ..usual() });
}

#[test]
fn hostile_text_is_escaped_as_the_library_does_it() {
    for code in 0..0x180 {
        let sign = char::from_u32(code).unwrap();
        assert_same(&Entry { path: &format!("/a{sign}b"), ..usual() });
    }
    for path in [
        "/\u{1b}[31mred\u{1b}[0m",
        "/\r\n2026-11-25T22:13:45.123456Z  INFO access: method=\"GET\"",
        "/\"\\'`{}%22",
        "/\u{301}combining\u{200b}\u{202e}\u{feff}\u{2028}\u{85}",
        "/\u{1f600}/\u{ac00}/\u{10ffff}/\u{e000}",
        "/\",\"user\":1,\"x\":\"",
    ] {
        assert_same(&Entry { path, method: path, id: path, ..usual() });
    }
}

#[test]
fn milliseconds_are_written_as_the_floating_point_number_is() {
    for micros in (0..2100).chain([9_999, 10_000, 999_999, 1_000_000, 1_234_500, 86_400_000_001]) {
        assert_same(&Entry { took: Duration::from_micros(micros), ..usual() });
    }
    for (nanos, written) in [(400, "ms=0.0 "), (999_600, "ms=1.0 "), (1_999_999_600, "ms=2000.0 ")] {
        let entry = Entry { took: Duration::from_nanos(nanos), ..usual() };
        assert!(librarys(&entry, LogFormat::Text).contains(written));
        assert_same(&entry);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_line_is_the_librarys_to_the_byte(
        method in ".*",
        path in any::<String>(),
        id in "[ -~]*",
        status in 100_u16..1000,
        peer in any::<Option<IpAddr>>(),
        user in any::<Option<u64>>(),
        (bytes, complete) in any::<(u64, bool)>(),
        micros in 0_u64..1_000_000_000_000,
    ) {
        assert_same(&Entry {
            method: &method,
            path: &path,
            status: StatusCode::from_u16(status).unwrap(),
            peer,
            user: user.and_then(UserId::new),
            bytes,
            complete,
            took: Duration::from_micros(micros),
            id: &id,
            ..usual()
        });
    }
}

#[test]
fn a_time_is_written_anew_whenever_it_is_another() {
    let mut stamp = Stamp::default();
    for (micros, text) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_764_108_825_123_456, "2025-11-25T22:13:45.123456Z"),
        (1_764_108_825_999_999, "2025-11-25T22:13:45.999999Z"),
        (1_764_108_826_000_000, "2025-11-25T22:13:46.000000Z"),
        (1_764_108_825_000_007, "2025-11-25T22:13:45.000007Z"),
        (1_709_251_199_000_000, "2024-02-29T23:59:59.000000Z"),
    ] {
        assert_eq!(std::str::from_utf8(stamp.at(micros)).unwrap(), text);
    }
}

#[test]
fn the_clock_is_read_again_after_a_moment_and_counted_on_meanwhile() {
    let clock = Clock::manual(Timestamp::from_secs(1000));
    let (mut watch, now) = (Watch::new(clock.clone()), Instant::now());
    assert_eq!(watch.micros(now), 1_000_000_000);
    clock.advance(Duration::from_secs(5));
    assert_eq!(watch.micros(now + Duration::from_micros(999)), 1_000_000_999);
    assert_eq!(watch.micros(now + Duration::from_millis(1)), 1_005_000_000);
}

#[test]
fn requests_lines_wait_and_keep_their_order_among_others() {
    let sink = Sink::default();
    let lines = Lines::new(sink.clone());
    let log = AccessLog::Lines(lines.clone(), LogFormat::Text);
    let subscriber = tracing_subscriber::registry().with(layer().with_ansi(false).with_writer(lines.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let write = |log: &WorkerLog, id: &str| log.write(&Entry { id, ..usual() }, Instant::now());
        let [first, second] = [(); 2].map(|()| log.worker(Clock::system()).unwrap());
        write(&first, "one");
        write(&first, "two");
        write(&second, "three");
        assert_eq!(sink.text(), "");
        tracing::warn!("four");
        assert_eq!(sink.text().lines().count(), 4);
        write(&first, "five");
        drop(first);
        assert_eq!(sink.text().lines().count(), 5, "a worker that goes leaves nothing behind");
        write(&second, "six");
        let last_word = lines.last_word();
        drop(last_word);
    });
    let text = sink.text();
    let words: Vec<_> = text.lines().filter_map(|line| line.rsplit([' ', '=']).next()).collect();
    assert_eq!(words, ["\"one\"", "\"two\"", "\"three\"", "four", "\"five\"", "\"six\""]);
}

#[test]
fn a_busy_workers_lines_leave_when_there_is_enough_of_them() {
    let sink = Sink::default();
    let log = AccessLog::Lines(Lines::new(sink.clone()), LogFormat::Json).worker(Clock::system()).unwrap();
    let mut written = 0;
    while sink.0.lock().unwrap().is_empty() {
        log.write(&usual(), Instant::now());
        written += 1;
    }
    assert!((50..500).contains(&written), "{written}");
    assert_eq!(sink.text().lines().count(), written);
}

#[test]
fn nothing_is_written_where_nothing_is_to_be() {
    assert!(AccessLog::Off.worker(Clock::system()).is_none());
}

/// Seen by `cargo test --release --lib cost_of_a_line -- --ignored --nocapture`; `bench/run` has it beside a whole request.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_line() {
    const LINES: u32 = 1_000_000;
    for format in [LogFormat::Text, LogFormat::Json] {
        let lines = Lines::new(io::sink());
        let log = AccessLog::Lines(lines, format).worker(Clock::system()).unwrap();
        let start = Instant::now();
        for _ in 0..LINES {
            log.write(&usual(), Instant::now());
        }
        println!("{format:?}: {:?} a line", start.elapsed() / LINES);
    }
}
