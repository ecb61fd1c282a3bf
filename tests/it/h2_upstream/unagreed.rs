//! What can go wrong when an `https:` upstream is asked what it speaks, and what the client is told.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use super::server::Server;
use super::{Site, terms};
use crate::support::front::{self, Front};
use crate::support::papers::Papers;
use crate::support::{Gate, PATIENCE, Upstream};

/// Takes connections and says nothing.
fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || while let Ok(1..) = stream.read(&mut [0; 1024]) {});
        }
    });
    address
}

#[test]
fn an_upstream_that_does_not_speak_what_it_agreed_to_is_a_502() {
    let (upstream, papers) = (Upstream::answering_heads(|_| false), Papers::new());
    // What it agrees to is HTTP/2; it then answers HTTP/1.1, or leaves.
    let answers = Upstream::answering_heads(|exchange| {
        exchange.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        false
    });
    for http2 in [answers.address, upstream.address] {
        let front = Front::start(terms(&papers, &["h2"]), upstream.address, http2);
        let gate = Gate::with(&front::before(&front, &papers));
        let answer = gate.get("/", &gate.signed_in());
        assert_eq!((answer.status, answer.header("content-type")), (502, Some("application/problem+json")));
    }
    // The other way round.
    let server = Server::start();
    let front = Front::start(terms(&papers, &[]), server.address, server.address);
    let gate = Gate::with(&front::before(&front, &papers));
    assert_eq!(gate.get("/", &gate.signed_in()).status, 502);
    assert!(server.requests().is_empty());
}

#[test]
fn an_upstream_that_agrees_to_nothing_that_is_offered_is_a_502() {
    for (protocols, extra) in [(&["spdy/1"][..], ""), (&["h2"], "upstream.http2 = false")] {
        let site = Site::start(protocols, extra);
        let cookie = site.gate.signed_in();
        assert_eq!(site.gate.get("/", &cookie).status, 502, "{protocols:?}");
        assert_eq!(site.requests(), (0, 0));
        site.front.change(|terms| terms.protocols = &["http/1.1"]);
        assert_eq!(site.gate.get("/", &cookie).status, 200, "{protocols:?}");
    }
}

/// Whether it is silent before its part of TLS or before its part of HTTP/2; and many who wait for it are told together.
#[test]
fn a_burst_before_a_silent_upstream_waits_for_one_time_limit_and_not_for_one_each() {
    let papers = Papers::new();
    let upstream = silent();
    let front = Front::start(terms(&papers, &["h2"]), upstream, upstream);
    let of_tls = format!(
        "upstream.url = \"https://localhost:{}\"\nserver.workers = 1\nupstream.ca_file = {}\n",
        upstream.port(),
        papers.quoted("ca.pem")
    );
    for settings in [of_tls, front::before(&front, &papers)] {
        let gate = Gate::with(&(settings + "upstream.connect_timeout = \"400ms\""));
        let cookie = gate.signed_in();
        let begun = Instant::now();
        let ask = |_| {
            let mut connection = gate.connect();
            connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
            connection
        };
        let connections: Vec<_> = (0..30).map(ask).collect();
        for mut connection in connections {
            assert_eq!(connection.answer().status, 504);
        }
        assert!(begun.elapsed() < PATIENCE / 4, "{:?}", begun.elapsed());
    }
}

/// Whoever waited for the one that opens a connection, and left, is no reason for others to wait.
#[test]
fn a_client_that_leaves_while_its_request_asks_what_is_spoken_hinders_nobody() {
    let site = Site::start(&["h2", "http/1.1"], "");
    let cookie = site.gate.signed_in();
    for _ in 0..20 {
        let mut connection = site.gate.connect();
        connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", site.gate.address));
        drop(connection);
    }
    assert_eq!(site.gate.get("/last", &cookie).status, 200);
    assert_eq!(site.http2.last().uri.path(), "/last");
}
