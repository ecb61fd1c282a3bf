//! Server-sent events go on one by one, each as soon as it is there.

use std::io::Write as _;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::{Gate, Upstream};

const EVENTS: usize = 50;

#[test]
fn each_event_is_passed_on_within_five_milliseconds() {
    for chunked in [true, false] {
        let (go, gone) = mpsc::channel::<usize>();
        let gone = Mutex::new(gone);
        let upstream = Upstream::answering(move |exchange| {
            let framing = if chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
            exchange.stream.set_nodelay(true).unwrap();
            exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n"));
            let gone = gone.lock().unwrap();
            while let Ok(number) = gone.recv() {
                let event = format!("data: {number:04}\n\n");
                let sent = if chunked { format!("{:x}\r\n{event}\r\n", event.len()) } else { event };
                exchange.stream.write_all(sent.as_bytes()).unwrap();
            }
            if chunked {
                exchange.write("0\r\n\r\n");
            }
            false
        });
        let gate = Gate::before(upstream, "server.workers = 1");
        let cookie = gate.signed_in();
        let mut connection = gate.connect();
        connection.write(format!("GET /events HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        // Before the first event, too: a browser says that the stream is open.
        assert_eq!(connection.head().header("content-type"), Some("text/event-stream"));
        let mut times: Vec<_> = (0..EVENTS)
            .map(|number| {
                let sent = Instant::now();
                go.send(number).unwrap();
                assert_eq!(connection.exactly(17), format!("C\r\ndata: {number:04}\n\n\r\n").as_bytes());
                sent.elapsed()
            })
            .collect();
        drop(go);
        assert_eq!(connection.exactly(5), b"0\r\n\r\n");
        times.sort();
        assert!(times[EVENTS / 2] < Duration::from_millis(5), "chunked: {chunked}: {times:?}");
    }
}
