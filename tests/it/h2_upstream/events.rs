//! Server-sent events of an upstream that speaks HTTP/2 come as soon as any other's.

use std::sync::{Arc, mpsc};

use bytes::Bytes;

use super::gate;
use super::server::Server;
use crate::data_plane::events::{assert_at_once_over_http_1, assert_at_once_over_http_2, event};

/// Sends an event when it is told to, and the end when nobody can tell it any more.
fn telling() -> (Server, mpsc::Sender<usize>) {
    let (go, gone) = mpsc::channel::<usize>();
    // Its own runtime must not wait for a thread's channel.
    let (woken, awaited) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || gone.into_iter().try_for_each(|number| woken.send(number)));
    let awaited = Arc::new(tokio::sync::Mutex::new(awaited));
    let server = Server::answering(move |mut call| {
        let awaited = Arc::clone(&awaited);
        async move {
            let mut stream = call.begin(200, &[("content-type", "text/event-stream")]);
            while let Some(number) = awaited.lock().await.recv().await {
                stream.send_data(Bytes::from(event(number)), false).unwrap();
            }
            stream.send_data(Bytes::new(), true).unwrap();
        }
    });
    (server, go)
}

#[test]
fn each_event_is_passed_on_within_five_milliseconds() {
    let (server, go) = telling();
    assert_at_once_over_http_1("HTTP/1.1 to h2c", &gate(&server, "server.workers = 1"), go, "");
    let (server, go) = telling();
    assert_at_once_over_http_2("HTTP/2 to h2c", &gate(&server, "server.workers = 1"), go, None);
}
