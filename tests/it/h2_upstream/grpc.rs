//! gRPC's four kinds of calls as frames: trailers, trailers-only answers, metadata, deadlines.

use bytes::Bytes;
use h2::Reason;
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::server::{Server, is_reset};
use super::{connect, data, empty, gate, heard, request, written};
use crate::support::Gate;

const GRPC: &str = "application/grpc";

#[test]
fn all_four_kinds_of_calls_pass_with_their_trailers() {
    // Each message is sent back at once; the status comes at the end.
    let server = Server::answering(async |mut call| {
        assert_eq!(
            (&call.seen.headers["te"], &call.seen.headers["content-type"]),
            (&"trailers".parse().unwrap(), &GRPC.parse().unwrap())
        );
        assert_eq!(call.seen.headers["grpc-timeout"], "10S");
        let mut stream = call.begin(200, &[("content-type", GRPC), ("x-initial", "1")]);
        let mut count = 0;
        while let Some(message) = call.piece().await {
            count += message.len();
            stream.send_data(message, false).unwrap();
        }
        let mut fields = super::headers(&[("grpc-status", "0"), ("grpc-message", "")]);
        fields.insert("x-count", count.into());
        stream.send_trailers(fields).unwrap();
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let mut client = connect(&gate).await;
        for messages in [&[][..], &["a"], &["a", "b", "c"]] {
            let (write, body) = written();
            let asked = request(&gate, &cookies, "POST", "/garden.Plants/Grow")
                .header("content-type", GRPC)
                .header("te", "trailers")
                .header("grpc-timeout", "10S");
            let response = client.send_request(asked.body(body).unwrap()).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()["x-initial"]),
                (200, &"1".parse().unwrap())
            );
            let mut answer = response.into_body();
            for message in messages {
                write.send(data(message)).unwrap();
                assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), message);
            }
            drop(write);
            let last = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
            assert_eq!(last["grpc-status"], "0");
            assert_eq!(last["x-count"], messages.len().to_string().as_str());
            assert!(answer.is_end_stream());
        }
    });
}

#[test]
fn a_trailers_only_answer_stays_one_frame() {
    let server = Server::answering(async |mut call| {
        call.read().await;
        call.head_alone(
            200,
            &[("content-type", GRPC), ("grpc-status", "5"), ("grpc-message", "no such plant")],
        );
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let mut client = connect(&gate).await;
        let (write, body) = written();
        write.send(data("a")).unwrap();
        drop(write);
        let asked =
            request(&gate, &cookies, "POST", "/").header("content-type", GRPC).header("te", "trailers");
        let response = client.send_request(asked.body(body).unwrap()).await.unwrap();
        assert_eq!(response.headers()["grpc-status"], "5");
        assert_eq!(response.headers()["grpc-message"], "no such plant");
        assert!(response.body().is_end_stream());
    });
}

#[test]
fn without_a_session_a_call_ends_with_status_16_and_reaches_nobody() {
    let server = Server::start();
    let gate = gate(&server, "");
    Gate::wait(async {
        let mut client = connect(&gate).await;
        let asked = http::Request::post(format!("http://{}/a.B/C", gate.address))
            .header("content-type", GRPC)
            .header("te", "trailers")
            .body(empty())
            .unwrap();
        let response = client.send_request(asked).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["grpc-status"]),
            (401, &"16".parse().unwrap())
        );
        assert!(response.body().is_end_stream());
    });
    assert_eq!(server.connections(), 0);
}

/// A client whose deadline is over cancels: the server has to stop working for it.
#[test]
fn a_cancelled_call_is_cancelled_upstream_with_its_reason() {
    let (sender, received) = std::sync::mpsc::channel();
    let server = Server::answering(move |mut call| {
        let sender = sender.clone();
        async move {
            let mut stream = call.begin(200, &[("content-type", GRPC)]);
            stream.send_data(Bytes::from_static(b"first"), false).unwrap();
            sender.send(is_reset(&mut stream).await).unwrap();
        }
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let (mut client, connection) = h2::client::handshake::<_>(stream).await.unwrap();
        tokio::spawn(connection);
        for half_closed in [false, true] {
            let asked = request(&gate, &cookies, "POST", "/").header("content-type", GRPC).body(()).unwrap();
            let (answer, mut upload) = client.send_request(asked, false).unwrap();
            upload.send_data(Bytes::from_static(b"x"), half_closed).unwrap();
            let response = answer.await.unwrap();
            upload.send_reset(Reason::CANCEL);
            drop(response);
            let reason = heard(&received).await;
            assert_eq!(reason, Some(Reason::CANCEL), "half closed: {half_closed}");
        }
    });
}
