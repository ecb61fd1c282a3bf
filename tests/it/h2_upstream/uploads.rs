//! An upload that its client breaks off is never a whole one for the upstream.

use std::io::Read as _;

use bytes::Bytes;
use h2::Reason;

use super::server::Server;
use super::{gate, heard, request};
use crate::support::Gate;

/// Seen in hyper: `NO_ERROR` is taken for the body's end.
#[test]
fn an_upload_that_its_client_resets_is_never_a_whole_one() {
    let (sender, received) = std::sync::mpsc::channel();
    let server = Server::answering(move |mut call| {
        let sender = sender.clone();
        async move {
            call.read().await;
            sender.send(call.body.is_end_stream()).unwrap();
            call.send(200, "fine");
        }
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    let mut count = 0;
    for reason in [Reason::NO_ERROR, Reason::CANCEL] {
        Gate::wait(async {
            let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
            let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            let asked = request(&gate, &cookies, "POST", "/").body(()).unwrap();
            let (answer, mut upload) = client.send_request(asked, false).unwrap();
            upload.send_data(Bytes::from_static(b"half"), false).unwrap();
            count += 1;
            while server.requests().len() < count {
                tokio::task::yield_now().await;
            }
            upload.send_reset(reason);
            drop(answer);
            assert!(!heard(&received).await, "{reason:?}");
        });
    }
}

/// The same before an upstream that speaks HTTP/1.1.
#[test]
fn an_upload_that_its_client_resets_is_never_a_whole_one_for_an_http_1_upstream_either() {
    let (sender, received) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let upstream = crate::support::Upstream::answering_heads(move |exchange| {
        let mut got = std::mem::take(&mut exchange.rest);
        while crate::support::raw::find(&got, b"half").is_none() {
            let mut bytes = [0; 1024];
            let count = exchange.stream.read(&mut bytes).unwrap();
            got.extend_from_slice(&bytes[..count]);
        }
        sender.lock().unwrap().send(None).unwrap();
        let mut rest = Vec::new();
        let _ = exchange.stream.read_to_end(&mut rest);
        sender.lock().unwrap().send(Some(rest)).unwrap();
        false
    });
    let gate = Gate::before(upstream, "");
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let asked = request(&gate, &cookies, "POST", "/").body(()).unwrap();
        let (answer, mut upload) = client.send_request(asked, false).unwrap();
        upload.send_data(Bytes::from_static(b"half"), false).unwrap();
        assert_eq!(heard(&received).await, None);
        upload.send_reset(Reason::NO_ERROR);
        drop(answer);
        let rest = heard(&received).await.unwrap();
        assert!(crate::support::raw::find(&rest, b"0\r\n\r\n").is_none(), "{rest:?}");
    });
}
