//! A client that leaves and a session that ends reset their streams, and nobody else's.

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use http_body_util::BodyExt as _;

use super::server::{Server, is_reset};
use super::{connect, empty, full, gate, heard, request, written};
use crate::data_plane::leaving::{ROUNDS, assert_felt};
use crate::support::{Gate, PATIENCE};

/// How the gate ended a stream, and when.
type Ended = (Option<Reason>, Instant);

fn reports() -> (impl Fn(Option<Reason>) + Clone + Send + Sync, std::sync::mpsc::Receiver<Ended>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    (move |reason| sender.send((reason, Instant::now())).unwrap(), receiver)
}

/// Reads nothing; answers `/quick`, waits for its end before the head of `/head` and in the body of others.
fn waiting(report: impl Fn(Option<Reason>) + Clone + Send + Sync + 'static) -> Server {
    Server::answering(move |mut call| {
        let report = report.clone();
        async move {
            match call.seen.uri.path() {
                "/quick" => call.send(200, "quick"),
                "/head" => report(call.is_reset().await),
                _ => {
                    let mut stream = call.begin(200, &[]);
                    stream.send_data(Bytes::from_static(b"a"), false).unwrap();
                    report(is_reset(&mut stream).await);
                }
            }
        }
    })
}

#[test]
fn a_client_that_leaves_ends_the_upstreams_stream_and_not_its_connection() {
    let (report, reported) = reports();
    let server = waiting(report);
    let gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    let mut count = 0;
    for path in ["/head", "/body"] {
        for (method, upload) in [("GET", ""), ("POST", "Content-Length: 1000\r\n")] {
            let round = |_| {
                let mut connection = gate.connect();
                connection.write(format!(
                    "{method} {path} HTTP/1.1\r\nHost: {}\r\n{cookie}{upload}\r\n",
                    gate.address
                ));
                if path == "/body" {
                    assert_eq!(connection.head().status, 200);
                    assert_eq!(connection.exactly(6), b"1\r\na\r\n");
                }
                count += 1;
                server.until("the request comes in", |server| server.requests().len() == count);
                let left = Instant::now();
                drop(connection);
                let (reason, when) = reported.recv_timeout(PATIENCE).unwrap();
                assert_eq!(reason, Some(Reason::CANCEL), "{method} {path}");
                when.saturating_duration_since(left)
            };
            assert_felt(&format!("{method} {path}"), (0..ROUNDS).map(round).collect());
        }
    }
    assert_eq!(gate.get("/quick", &cookie).text(), "quick");
    assert_eq!(server.connections(), 1);
}

/// Also while the upload waits for the upstream to take more, and so is not asked for its next piece.
#[test]
fn an_http_2_client_that_leaves_ends_the_upstreams_stream_whatever_its_upload_does() {
    let (report, reported) = reports();
    let server = waiting(report);
    let gate = gate(&server, "server.workers = 1");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let mut client = connect(&gate).await;
        for path in ["/head", "/body"] {
            for size in [1, 300_000] {
                let mut times = Vec::new();
                for _ in 0..ROUNDS {
                    let (write, body) = written();
                    write.send(http_body::Frame::data(Bytes::from(vec![b'x'; size]))).unwrap();
                    let asked = request(&gate, &cookies, "POST", path).body(body).unwrap();
                    let answer = tokio::spawn(client.send_request(asked));
                    let came_in = server.requests().len();
                    while path == "/head" && server.requests().len() == came_in {
                        tokio::task::yield_now().await;
                    }
                    let left = if path == "/head" {
                        answer.abort();
                        let _ = answer.await;
                        Instant::now()
                    } else {
                        let mut body = answer.await.unwrap().unwrap().into_body();
                        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
                        drop(body);
                        Instant::now()
                    };
                    drop(write);
                    let (reason, when) = heard(&reported).await;
                    assert_eq!(reason, Some(Reason::CANCEL), "{path} {size}");
                    times.push(when.saturating_duration_since(left));
                }
                assert_felt(&format!("{path} {size}"), times);
            }
        }
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_session_that_ends_closes_its_streams_within_a_second() {
    let (report, reported) = reports();
    let server = Server::answering(move |mut call| {
        let report = report.clone();
        async move {
            if call.seen.uri.path() == "/head" {
                return report(call.is_reset().await);
            }
            let mut stream = call.begin(200, &[]);
            // Never silent, so that nothing ever waits; or silent from then on.
            while stream.send_data(Bytes::from_static(b"a"), false).is_ok() && call.seen.uri.path() == "/chat"
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            report(is_reset(&mut stream).await);
        }
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let mut client = connect(&gate).await;
        let mut bodies = Vec::new();
        for path in ["/chat", "/silent"] {
            let asked = request(&gate, &cookies, "GET", path).body(empty()).unwrap();
            bodies.push(client.send_request(asked).await.unwrap().into_body());
        }
        let asked = request(&gate, &cookies, "POST", "/head").body(full("x")).unwrap();
        let waiting = tokio::spawn(client.send_request(asked));
        tokio::task::yield_now().await;
        let cookie = format!("Cookie: {}\r\n", cookies.header());
        server.until("all three come in", |server| server.requests().len() == 3);
        assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
        let ended = Instant::now();
        for mut body in bodies {
            let broken = loop {
                match body.frame().await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) => break true,
                    None => break false,
                }
            };
            assert!(broken, "a stream that was cut is not whole");
        }
        assert_eq!(waiting.await.unwrap().unwrap().status(), 401);
        assert!(ended.elapsed() < Duration::from_millis(1500), "{:?}", ended.elapsed());
    });
    for _ in 0..3 {
        assert_eq!(reported.recv_timeout(PATIENCE).unwrap().0, Some(Reason::CANCEL));
    }
}

#[test]
fn an_upload_that_goes_on_after_its_answer_ends_with_its_session() {
    let (report, reported) = reports();
    let server = Server::answering(move |mut call| {
        let report = report.clone();
        async move {
            let mut stream = call.begin(200, &[]);
            stream.send_data(Bytes::from_static(b"done"), true).unwrap();
            while call.piece().await.is_some() {}
            report(is_reset(&mut stream).await);
        }
    });
    let gate = gate(&server, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        gate.address
    ));
    assert_eq!(connection.answer().text(), "done");
    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    reported.recv_timeout(PATIENCE).unwrap();
}
