//! A name that moves, over HTTP/2: what runs goes on where it is, and new streams go to where the name is now.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::server::{Server, Terms};
use crate::support::PATIENCE;
use crate::support::process::Process;

fn backend(number: u8, port: u16, name: &'static str, go_on: Arc<Notify>) -> Server {
    Server::at(SocketAddr::from(([127, 0, 0, number], port)), Terms::default(), move |mut call| {
        let go_on = Arc::clone(&go_on);
        async move {
            if call.seen.uri.path() == "/long" {
                go_on.notified().await;
            }
            call.send(200, name);
        }
    })
}

#[test]
fn new_streams_follow_a_name_that_moves_and_those_under_way_finish() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.4 backend.test\n").unwrap();
    let go_on = Arc::new(Notify::new());
    let first = backend(4, 0, "first", Arc::clone(&go_on));
    let port = first.address.port();
    let second = backend(5, port, "second", Arc::clone(&go_on));
    let open = "[[rules]]\npath = \"/*\"\nallow = \"anyone\"";
    let url = format!("h2c://backend.test:{port}");
    let Some(gate) = Process::serve_with_hosts(folder.path(), &url, open) else { return };

    let (mut long, mut short) = (gate.connect(), gate.connect());
    long.write("GET /long HTTP/1.1\r\nHost: gate\r\n\r\n");
    let mut ask = || {
        short.write("GET / HTTP/1.1\r\nHost: gate\r\n\r\n");
        short.answer().text()
    };
    assert_eq!(ask(), "first");
    first.until("both are there", |first| first.requests().len() == 2);
    std::fs::write(&hosts, "127.0.0.5 backend.test\n").unwrap();
    let start = Instant::now();
    while ask() != "second" {
        assert!(start.elapsed() < PATIENCE, "it stays where it was");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(second.connections(), 1);
    go_on.notify_one();
    assert_eq!(long.answer().text(), "first");
    first.until("nothing is left to do there", |first| first.closed() == first.connections());
}
