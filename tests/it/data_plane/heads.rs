//! Answers' heads at their limits, and byte for byte: what is passed on is whole, what is too much is a 502.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, mpsc};

use crate::support::{Gate, PATIENCE, Upstream};

use super::stage::{After, Script, Stage, fields, is_bad_gateway};

fn with_fields(lines: &str) -> Script {
    Script::new(format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 1\r\n\r\na"), After::Keep)
}

fn numbered(count: usize) -> String {
    (0..count).fold(String::new(), |mut lines, number| {
        let _ = write!(lines, "X-{number}: {number}\r\n");
        lines
    })
}

#[test]
fn every_byte_that_a_value_may_have_goes_through_and_no_other_does() {
    let bytes: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    let scripts = bytes.iter().map(|byte| {
        let mut sent = b"HTTP/1.1 200 OK\r\nX: a".to_vec();
        sent.push(*byte);
        sent.extend(b"b\r\nContent-Length: 1\r\n\r\na");
        Script::new(sent, After::Keep)
    });
    let scripts: Vec<_> = scripts.collect();
    for stage in Stage::on_both_ways(&scripts, "") {
        for (number, byte) in bytes.iter().enumerate() {
            let mut connection = stage.gate.connect();
            connection.write(stage.request("GET", &format!("/{number}"), "Connection: close\r\n"));
            let got = connection.rest();
            let passed = got.starts_with(b"HTTP/1.1 200 ");
            let (visible, high) = (matches!(byte, b'\t' | b' '..=b'~'), *byte > 0x7f);
            assert!(passed == visible || high, "{byte:#x}: {:?}", got.escape_ascii().to_string());
            assert!(
                passed || got.starts_with(b"HTTP/1.1 502 "),
                "{byte:#x} {:?}",
                got.escape_ascii().to_string()
            );
            let line = [b"\r\nX: a", &[*byte][..], b"b\r\n"].concat();
            assert_eq!(got.windows(line.len()).any(|window| window == line), passed, "{byte:#x}");
        }
    }
}

#[test]
fn many_fields_come_all_or_not_at_all() {
    let counts = [50, 99, 100, 101, 150, 1000];
    let scripts = counts.map(|count| with_fields(&numbered(count)));
    for stage in Stage::on_both_ways(&scripts, "") {
        for (number, count) in counts.into_iter().enumerate() {
            let mut connection = stage.gate.connect();
            connection.write(stage.request("GET", &format!("/{number}"), ""));
            let answer = connection.answer();
            if count < 100 || answer.status == 200 {
                let expected = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 1", numbered(count));
                assert_eq!(fields(&answer.head), fields(&expected), "{count}");
                assert_eq!(answer.text(), "a");
            } else {
                assert!(is_bad_gateway(&answer), "{count}: {}", answer.head);
            }
            stage.assert_served(&mut connection, &count.to_string());
        }
    }
}

#[test]
fn a_long_head_comes_whole_and_one_that_is_too_long_is_a_502() {
    let lengths = [8, 16, 32, 64, 1024, 4096].map(|kib| kib * 1024);
    let scripts = lengths.map(|length| with_fields(&format!("X: {}\r\n", "x".repeat(length))));
    for stage in Stage::on_both_ways(&scripts, "") {
        for (number, length) in lengths.into_iter().enumerate() {
            let mut connection = stage.gate.connect();
            connection.write(stage.request("GET", &format!("/{number}"), ""));
            let answer = connection.answer();
            if length <= 64 * 1024 {
                assert_eq!(answer.status, 200, "{length}");
                assert_eq!(answer.header("x").map(str::len), Some(length));
                assert_eq!(answer.text(), "a");
            } else {
                assert!(is_bad_gateway(&answer), "{length}: {}", answer.status);
            }
            stage.assert_served(&mut connection, &length.to_string());
        }
    }
}

/// In one field, in many fields, and in informational answers that never end.
#[test]
fn a_head_that_never_ends_is_given_up() {
    let (gave_up, given_up) = mpsc::channel();
    let gave_up = Mutex::new(gave_up);
    let upstream = Upstream::answering(move |exchange| {
        let (begin, more) = match exchange.seen.line().split(' ').nth(1) {
            Some("/one") => ("HTTP/1.1 200 OK\r\nX: ", "x".repeat(1024)),
            Some("/many") => ("HTTP/1.1 200 OK\r\n", numbered(100)),
            _ => ("HTTP/1.1 20", "0".repeat(1024)),
        };
        exchange.write(begin);
        let mut sent = 0;
        while sent < 256 << 20 && exchange.stream.write_all(more.as_bytes()).is_ok() {
            sent += more.len();
        }
        gave_up.lock().unwrap().send(sent).unwrap();
        false
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    for path in ["/one", "/many", "/status"] {
        assert!(is_bad_gateway(&gate.get(path, &cookie)), "{path}");
        // What the kernel holds is not the gate's.
        let sent = given_up.recv_timeout(PATIENCE).unwrap();
        assert!(sent < 32 << 20, "{path}: {sent} bytes");
    }
}

/// Not the time between two of them counts, but how long the answer itself takes.
#[test]
fn informational_answers_without_end_are_no_answer() {
    let upstream = Upstream::answering(|exchange| {
        while exchange.stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        false
    });
    let gate = Gate::before(upstream, "upstream.response_timeout = \"300ms\"");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/", &cookie).status, 504);
}
