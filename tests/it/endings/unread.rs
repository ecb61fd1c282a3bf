//! An answer that its client doesn't read is nobody's to ask for more of, and is ended with its session all the same.

use std::io::{ErrorKind, Write as _};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::{Gate, PATIENCE, Upstream};

/// Seen: after a revocation the upstream's connection was held for as long as `upstream.idle_timeout`.
#[test]
fn an_answer_that_nobody_reads_ends_within_a_second_of_its_session() {
    let (told, news) = mpsc::channel();
    let told = Mutex::new(told);
    let upstream = Upstream::answering(move |exchange| {
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        exchange.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let (chunk, mut is_full) = (vec![b'x'; 1 << 16], false);
        loop {
            match exchange.stream.write(&chunk) {
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if !std::mem::replace(&mut is_full, true) {
                        told.lock().unwrap().send("full").unwrap();
                    }
                }
                Err(_) => break,
            }
        }
        told.lock().unwrap().send("gone").unwrap();
        false
    });
    let gate = Gate::before(upstream, "");
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.head().status, 200);
    assert_eq!(news.recv_timeout(PATIENCE), Ok("full"));
    let ended = Instant::now();
    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    assert_eq!(news.recv_timeout(PATIENCE), Ok("gone"));
    // Contract section 5 says a second; half of one more is a busy machine's.
    assert!(ended.elapsed() < Duration::from_millis(1500), "{:?}", ended.elapsed());
    assert!(connection.rest().len() < 1_000_000_000, "what was cut is not whole");
}
