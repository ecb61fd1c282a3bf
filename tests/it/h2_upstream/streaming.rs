//! Bodies and trailers pass as they come, both ways at once, and nothing is gathered for who reads slowly.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::server::{Server, is_reset};
use super::{connect, data, gate, request, trailers, written};
use crate::support::{Gate, PATIENCE};

/// Sends each piece back in capitals as it comes, and the trailers at the end.
fn shouting() -> Server {
    Server::answering(async |mut call| {
        let mut stream = call.begin(200, &[]);
        while let Some(piece) = call.piece().await {
            stream.send_data(Bytes::from(piece.to_ascii_uppercase()), false).unwrap();
        }
        let trailers = call.body.trailers().await.unwrap().unwrap_or_default();
        stream.send_trailers(trailers).unwrap();
    })
}

#[test]
fn an_answer_begins_before_its_request_has_ended_and_each_piece_passes_at_once() {
    let server = shouting();
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let mut client = connect(&gate).await;
        let (write, body) = written();
        let response =
            client.send_request(request(&gate, &cookies, "POST", "/").body(body).unwrap()).await.unwrap();
        let mut body = response.into_body();
        for (said, heard) in [("one", "ONE"), ("two", "TWO"), ("three", "THREE")] {
            write.send(data(said)).unwrap();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), heard);
        }
        write.send(trailers(&[("x-sum", "3")])).unwrap();
        let last = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(last, super::headers(&[("x-sum", "3")]));
        assert!(body.frame().await.is_none());
    });

    let mut connection = gate.connect();
    connection.write(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\none\r\n",
        gate.address,
        cookies.header()
    ));
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.exactly(8), b"3\r\nONE\r\n");
    connection.write("3\r\ntwo\r\n");
    assert_eq!(connection.exactly(8), b"3\r\nTWO\r\n");
    connection.write("0\r\nX-Sum: 2\r\n\r\n");
    assert_eq!(connection.exactly(3), b"0\r\n");
}

#[test]
fn trailers_of_an_answer_reach_an_http_1_client_that_takes_them() {
    let server = Server::answering(async |mut call| {
        assert_eq!(call.seen.headers["te"], "trailers");
        let mut stream = call.begin(200, &[("trailer", "x-sum")]);
        stream.send_data(Bytes::from_static(b"ok"), false).unwrap();
        stream.send_trailers(super::headers(&[("x-sum", "42")])).unwrap();
    });
    let gate = gate(&server, "");
    let answer = gate.get("/", &format!("{}TE: trailers\r\n", gate.signed_in()));
    assert_eq!(answer.text(), "ok");
    let [(name, value)] = answer.trailers.as_slice() else { panic!("{answer:?}") };
    assert_eq!((name.to_ascii_lowercase().as_str(), value.as_str()), ("x-sum", "42"));
}

#[test]
fn large_bodies_pass_both_ways_whole() {
    const SIZE: usize = 8 << 20;
    let server = shouting();
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let mut client = connect(&gate).await;
        let (write, body) = written();
        let sent: Bytes = (0..SIZE).map(|at| b'a' + u8::try_from(at % 26).unwrap()).collect();
        let mut rest = sent.clone();
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(100_003));
            write.send(http_body::Frame::data(piece)).unwrap();
        }
        drop(write);
        let response =
            client.send_request(request(&gate, &cookies, "POST", "/").body(body).unwrap()).await.unwrap();
        let got = response.into_body().collect().await.unwrap().to_bytes();
        assert!(got == sent.to_ascii_uppercase(), "{} bytes came back", got.len());
    });
}

#[test]
fn a_client_that_reads_nothing_holds_the_upstream_back_and_nobody_else() {
    let (sent, so_far) = std::sync::mpsc::channel();
    let server = Server::answering(move |mut call| {
        let sent = sent.clone();
        async move {
            if call.seen.uri.path() != "/flood" {
                return call.send(200, "quick");
            }
            let mut stream = call.begin(200, &[]);
            let mut total = 0;
            loop {
                stream.reserve_capacity(16 * 1024);
                let room = std::future::poll_fn(|cx| stream.poll_capacity(cx));
                match tokio::time::timeout(Duration::from_millis(500), room).await {
                    Ok(Some(Ok(room))) => {
                        total += room;
                        stream.send_data(Bytes::from(vec![b'x'; room]), false).unwrap();
                    }
                    // Nothing is taken any more: says how much was, and waits for the end.
                    _ => break sent.send(total).unwrap(),
                }
            }
            is_reset(&mut stream).await;
        }
    });
    let gate = gate(&server, "");
    let cookie = gate.signed_in();
    // As many as fill a connection's streams: each worker has one at least.
    let lazy: Vec<_> = (0..80)
        .map(|_| {
            let mut connection = gate.connect();
            connection.write(format!("GET /flood HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
            assert_eq!(connection.head().status, 200);
            connection
        })
        .collect();
    for _ in &lazy {
        let total = so_far.recv_timeout(PATIENCE).unwrap();
        assert!(
            total < 16 << 20,
            "{total} bytes were taken from the upstream for a client that reads nothing"
        );
    }
    (0..8).for_each(|_| assert_eq!(gate.get("/", &cookie).text(), "quick"));
    assert!(server.connections() <= 2, "{}", server.connections());
}

#[test]
fn an_upstream_that_takes_nothing_holds_its_client_back() {
    let server = Server::answering(async |mut call| {
        // Its window stays as it was opened: 64 KiB.
        call.is_reset().await;
    });
    let gate = gate(&server, "upstream.idle_timeout = \"3s\"");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.stream().set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    connection.write(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Length: 1000000000\r\n\r\n",
        gate.address
    ));
    let chunk = vec![b'x'; 64 * 1024];
    let taken = (0..10_000).find(|_| connection.try_write(&chunk).is_err()).unwrap();
    assert!(taken * chunk.len() < 32 << 20, "{taken} chunks were taken");
    // And is not waited for for ever.
    assert_eq!(connection.answer().status, 504);
}
