//! Names of backends, resolved while the gate runs: several addresses share the connections, a dead one is left out until it
//! is back, and a name that moves takes along those who are there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::process::Process;
use crate::support::{Gate, PATIENCE, Upstream};

const OPEN: &str = "[[rules]]\npath = \"/*\"\nallow = \"anyone\"";

/// A backend that answers with its address, and closes each connection or none.
fn backend(address: SocketAddr, keeps: bool) -> Upstream {
    Upstream::at(address, move |exchange| {
        let name = exchange.stream.local_addr().unwrap().ip().to_string();
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()));
        keeps
    })
}

fn loopback(number: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, number], port))
}

const GET: &str = "GET /x HTTP/1.1\r\nHost: gate\r\n\r\n";

fn answer(gate: &Process) -> String {
    let mut connection = gate.connect();
    connection.write(GET);
    let answer = connection.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text()
}

#[test]
fn a_dead_address_is_left_out_until_it_is_back_and_gets_its_share() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hosts"), "127.0.0.2 backend.test\n127.0.0.3 backend.test\n").unwrap();
    let first = backend(loopback(2, 0), false);
    let port = first.address.port();
    let url = format!("http://backend.test:{port}");
    let Some(mut gate) = Process::serve_with_hosts(folder.path(), &url, OPEN) else { return };
    for _ in 0..50 {
        assert_eq!(answer(&gate), "127.0.0.2");
    }
    let line = gate.line("left out");
    assert!(line.contains(&format!("address=127.0.0.3:{port}")) && line.contains("refused"), "{line}");

    let second = backend(loopback(3, port), false);
    let start = Instant::now();
    while second.requests().len() < 20 {
        assert!(start.elapsed() < PATIENCE, "it gets nothing");
        answer(&gate);
        std::thread::sleep(Duration::from_millis(5));
    }
    gate.line("is back");
    let before = first.requests().len();
    (0..40).for_each(|_| _ = answer(&gate));
    assert!(first.requests().len() > before, "the other one gets its share, too");
    gate.terminate();
    let told =
        gate.rest().iter().filter(|line| line.contains("left out") || line.contains("is back")).count();
    assert_eq!(told, 0, "each is told once, whatever the number of workers");
}

/// Both ways to the backend: plain requests directly, those with `Expect` by hyper.
#[test]
fn a_name_that_moves_takes_busy_connections_along() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.4 backend.test\n").unwrap();
    let first = backend(loopback(4, 0), true);
    let port = first.address.port();
    let second = backend(loopback(5, port), true);
    let url = format!("http://backend.test:{port}");
    let Some(gate) = Process::serve_with_hosts(folder.path(), &url, OPEN) else { return };

    let others_way = GET.replace("\r\n\r\n", "\r\nTE: trailers\r\n\r\n");
    let mut connection = gate.connect();
    let mut ask = || {
        [GET, &others_way].map(|request| {
            connection.write(request);
            let answer = connection.answer();
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.text()
        })
    };
    for _ in 0..10 {
        assert_eq!(ask(), ["127.0.0.4", "127.0.0.4"]);
    }
    assert_eq!(first.connections(), 2, "one each way");
    std::fs::write(&hosts, "127.0.0.5 backend.test\n").unwrap();
    let start = Instant::now();
    while ask() != ["127.0.0.5", "127.0.0.5"] {
        assert!(start.elapsed() < PATIENCE, "it stays where it was");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((first.connections(), second.connections()), (2, 2));
}

#[test]
fn a_backend_that_lets_nobody_in_is_a_504() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&loopback(1, 0).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // Its queue is full: whoever comes next hears nothing.
    let brief = Duration::from_millis(200);
    let waiting: Vec<_> =
        std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, brief).ok()).collect();
    for scheme in ["http", "h2c"] {
        let settings =
            format!("upstream.url = \"{scheme}://{address}\"\nupstream.connect_timeout = \"300ms\"");
        let gate = Gate::with(&settings);
        let cookie = gate.signed_in();
        // What asks for trailers is hyper's.
        for way in ["", "TE: trailers\r\n"] {
            let answer = gate.get("/", &format!("{cookie}{way}"));
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (504, Some("gateway_timeout")),
                "{scheme} {way:?}"
            );
        }
    }
    drop(waiting);
}
