//! What goes over a client's TLS is what goes over plain sockets: requests in a row, bodies, tunnels, HTTP/2, and a stop.

use std::io::Read as _;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::TlsConnector;

use super::{secured, secured_before};
use crate::data_plane::stage::echoing;
use crate::streaming::shouting;
use crate::support::papers::Papers;
use crate::support::process::Process;
use crate::support::{PATIENCE, Raw, Upstream};

#[test]
fn requests_sent_at_once_are_answered_in_their_order_on_both_ways() {
    let (gate, _papers) = secured_before(echoing(), "server.workers = 1");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    let plain = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    // One that is hyper's, with a body in chunks, between plain ones.
    let chunked = format!(
        "POST /c HTTP/1.1\r\nHost: {}\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        gate.address
    );
    connection.write(plain("/a") + &plain("/b") + &chunked + &plain("/d"));
    for expected in ["GET /a 1 ", "GET /b 1 ", "POST /c 1 abc", "GET /d 1 "] {
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text().as_str()), (200, expected));
    }
    // And in pieces of one byte a record.
    for byte in plain("/e").bytes() {
        connection.write([byte]);
    }
    assert_eq!(connection.answer().text(), "GET /e 1 ");
}

#[test]
fn large_bodies_go_both_ways_whole_whoever_is_slow() {
    const SIZE: usize = 24 * 1024 * 1024;
    let upstream = Upstream::answering(|exchange| {
        let body = std::mem::take(&mut exchange.seen.body);
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
        exchange.write(body);
        true
    });
    let (gate, _papers) = secured_before(upstream, "");
    let cookie = gate.signed_in();
    let body: Vec<u8> = (0..=250_u8).flat_map(|byte| [byte; 7]).cycle().take(SIZE).collect();
    for framing in ["plain", "chunked"] {
        let mut connection = gate.connect();
        let length = match framing {
            "plain" => format!("Content-Length: {SIZE}"),
            _ => "Transfer-Encoding: chunked".to_owned(),
        };
        connection.write(format!("POST / HTTP/1.1\r\nHost: {}\r\n{cookie}{length}\r\n\r\n", gate.address));
        if framing == "chunked" {
            connection.write(format!("{SIZE:x}\r\n"));
        }
        connection.write(&body);
        if framing == "chunked" {
            connection.write("\r\n0\r\n\r\n");
        }
        let answer = connection.answer();
        assert_eq!(answer.status, 200);
        assert!(answer.body == body, "{framing}: other bytes came back");
    }
}

/// On both ways: what TLS still holds of an answer must not wait for the next request, nor for the answer's next piece.
#[test]
fn a_large_answer_arrives_to_its_last_byte_however_narrow_the_way() {
    const SIZE: usize = 8 * 1024 * 1024 + 17;
    let upstream = Upstream::answering(|exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        exchange.write(vec![b'x'; SIZE - 10]);
        if exchange.seen.line().contains("pause") {
            // Until the client has all of that, and says so.
            let _ = exchange.stream.read(&mut [0]);
        }
        exchange.write([b'y'; 10]);
        true
    });
    let (gate, papers) = secured_before(upstream, "");
    let cookie = gate.signed_in();
    for upgrade in ["", "Connection: Upgrade\r\nUpgrade: unknown\r\n"] {
        let mut connection = Raw::narrow(gate.address).by_tls(papers.client(&[]), "localhost");
        connection.write(format!("GET / HTTP/1.1\r\nHost: a\r\n{cookie}{upgrade}\r\n"));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.body.len()), (200, SIZE), "{upgrade}");
    }
    let mut connection = Raw::narrow(gate.address).by_tls(papers.client(&[]), "localhost");
    connection.write(format!("GET /pause HTTP/1.1\r\nHost: a\r\n{cookie}\r\n"));
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.exactly(SIZE - 10).len(), SIZE - 10);
}

#[test]
fn a_stream_of_events_comes_piece_by_piece() {
    let upstream = Upstream::answering(|exchange| {
        exchange.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        for piece in ["data: 1\n\n", "data: 2\n\n"] {
            exchange.write(piece);
            // The next one is sent when the test has the one before.
            if exchange.stream.read(&mut [0]).is_err() {
                return false;
            }
        }
        false
    });
    let (gate, _papers) = secured_before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET /events HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.head().status, 200);
    assert!(String::from_utf8(connection.exactly(14)).unwrap().contains("data: 1"));
}

#[test]
fn a_tunnel_goes_through_tls_and_ends_with_it() {
    let (gate, _papers) = secured_before(shouting(), "");
    let cookie = gate.signed_in();
    let mut tunnel = gate.tunnel(&cookie);
    for word in ["hello", "again"] {
        tunnel.write(word);
        assert_eq!(tunnel.exactly(5), word.to_uppercase().into_bytes());
    }
    tunnel.end();
    assert_eq!(tunnel.end_of(), Ok(()));
}

#[test]
fn http2_over_tls_carries_many_requests_at_once() {
    let (gate, papers) = secured_before(echoing(), "");
    let cookie = gate.member("jack@example.com").header();
    crate::support::Gate::wait(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let connector = TlsConnector::from(papers.client(&["h2", "http/1.1"]));
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut sender = crate::support::http2::over(stream).await;
        let mut answers = Vec::new();
        for number in 0..20 {
            let request = Request::post(format!("https://localhost/{number}"))
                .header("cookie", &cookie)
                .body(Full::new(Bytes::from(number.to_string())))
                .unwrap();
            sender.ready().await.unwrap();
            answers.push(sender.send_request(request));
        }
        for (number, answer) in answers.into_iter().enumerate() {
            let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap();
            assert_eq!(answer.status(), 200);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("POST /{number} 1 {number}"));
        }
    });
    assert_eq!(gate.upstream.last().header("x-forwarded-proto").as_deref(), Some("https"));
}

/// The connection's words are held back (`server::held_back`), and TLS may hold back some more.
#[test]
fn what_http2_says_over_a_narrow_tls_arrives_without_a_further_word() {
    const SIZE: usize = 4 * 1024 * 1024 + 17;
    let upstream = Upstream::answering(|exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", SIZE + 10));
        exchange.write(vec![b'x'; SIZE]);
        // Until the client has all of that, and leaves.
        let _ = exchange.stream.read(&mut [0]);
        false
    });
    let (gate, papers) = secured_before(upstream, "");
    let cookie = gate.member("jack@example.com").header();
    crate::support::Gate::wait(async {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.connect(&gate.address.into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(socket.into()).unwrap();
        let connector = TlsConnector::from(papers.client(&["h2"]));
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(16 << 20)
            .initial_connection_window_size(16 << 20)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        for te in ["", "trailers"] {
            let mut request = Request::get("https://localhost/").header("cookie", &cookie);
            if !te.is_empty() {
                request = request.header("te", te);
            }
            let request = request.body(Full::new(Bytes::new())).unwrap();
            let read = async {
                let mut body = sender.send_request(request).await.unwrap().into_body();
                let mut got = 0;
                while got < SIZE {
                    let frame = body.frame().await.unwrap().unwrap();
                    got += frame.into_data().unwrap().len();
                }
                got
            };
            assert_eq!(tokio::time::timeout(PATIENCE, read).await.unwrap(), SIZE, "{te:?}");
        }
    });
}

#[test]
fn malformed_heads_are_refused_by_tls_too() {
    let (gate, _papers) = secured("");
    let cookie = gate.signed_in();
    for fields in
        ["Host: a\r\nHost: b\r\n", "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", ""]
    {
        let mut connection = gate.connect();
        connection.write(format!("POST / HTTP/1.1\r\n{fields}{cookie}\r\n"));
        assert_eq!(connection.answer().status, 400, "{fields:?}");
        assert_eq!(connection.end_of(), Ok(()), "{fields:?}");
    }
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn what_runs_is_finished_when_the_gate_stops() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        gone.lock().unwrap().recv().unwrap();
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
        true
    });
    let (papers, folder) = (Papers::new(), tempfile::tempdir().unwrap());
    papers.file("gate", &["localhost"]);
    let mut process = Process::serve(folder.path(), &upstream.url(), &papers.settings(&["gate"]));
    let connect = || Raw::connect(process.address).by_tls(papers.client(&[]), "localhost");
    let (mut running, mut idle, mut silent) = (connect(), connect(), connect());
    let cookie = idle.signed_in();
    silent.shake_hands().unwrap();
    running.write(format!("GET /slow HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n"));
    upstream.wait_for(1);
    process.terminate();
    process.line("SIGTERM");
    assert_eq!(idle.end_of(), Ok(()), "an idle connection is not waited for, and told");
    assert!(silent.is_closed());
    go.send(()).unwrap();
    assert_eq!(running.answer().text(), "done");
    assert_eq!(process.wait().code(), Some(0));
}
