//! A real WebSocket client and a real server, with the gate between them: every kind of message, and how it ends.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Gate, PATIENCE};

/// A server that sends every message back; told `close NNNN reason`, it closes so, told `drop`, it just goes.
fn server() -> SocketAddr {
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        Gate::wait(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                        echo(socket).await;
                    }
                });
            }
        });
    });
    address.recv().unwrap()
}

async fn echo(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        let text = message.to_text().unwrap_or_default().to_owned();
        if text == "drop" {
            return;
        }
        if let Some(rest) = text.strip_prefix("close ") {
            let (code, reason) = rest.split_once(' ').unwrap();
            let code = CloseCode::from(code.parse::<u16>().unwrap());
            let _ = socket.close(Some(CloseFrame { code, reason: reason.into() })).await;
            continue;
        }
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

fn gate() -> (Gate, String) {
    let gate = Gate::with(&format!("upstream.url = \"http://{}\"", server()));
    let cookie = gate.member("jack@example.com").header();
    (gate, cookie)
}

async fn connect(gate: &Gate, cookie: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{}/chat", gate.address).into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let stream = TcpStream::connect(gate.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Option<Result<Message, Error>> {
    tokio::time::timeout(PATIENCE, socket.next()).await.unwrap()
}

#[test]
fn messages_of_every_kind_and_size_come_back_as_they_were() {
    let (gate, cookie) = gate();
    Gate::wait(async {
        let mut socket = connect(&gate, &cookie).await;
        for length in [0, 1, 125, 126, 65_535, 65_536, 1_000_000, 8_000_000] {
            let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            for message in [Message::text("ü".repeat(length / 2)), Message::binary(bytes)] {
                socket.send(message.clone()).await.unwrap();
                assert!(next(&mut socket).await.unwrap().unwrap() == message, "{length} bytes");
            }
        }
        socket.send(Message::Ping(Bytes::from_static(b"are you?"))).await.unwrap();
        assert_eq!(next(&mut socket).await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"are you?")));
    });
}

#[test]
fn fragments_make_one_message_with_a_ping_between_them() {
    let (gate, cookie) = gate();
    Gate::wait(async {
        let mut socket = connect(&gate, &cookie).await;
        let part = |text: &'static str, kind, last| {
            Message::Frame(Frame::message(Bytes::from_static(text.as_bytes()), OpCode::Data(kind), last))
        };
        socket.send(part("one ", Data::Text, false)).await.unwrap();
        socket.send(part("two ", Data::Continue, false)).await.unwrap();
        socket.send(Message::Ping(Bytes::new())).await.unwrap();
        assert_eq!(next(&mut socket).await.unwrap().unwrap(), Message::Pong(Bytes::new()));
        socket.send(part("three", Data::Continue, true)).await.unwrap();
        assert_eq!(next(&mut socket).await.unwrap().unwrap(), Message::text("one two three"));
    });
}

#[test]
fn thousands_of_small_messages_keep_their_order() {
    const MANY: usize = 5000;
    let (gate, cookie) = gate();
    Gate::wait(async {
        let (mut sink, mut stream) = connect(&gate, &cookie).await.split();
        let send = async {
            for number in 0..MANY {
                sink.feed(Message::text(number.to_string())).await.unwrap();
            }
            sink.flush().await.unwrap();
        };
        let receive = async {
            for number in 0..MANY {
                let message = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap();
                assert_eq!(message.unwrap().unwrap(), Message::text(number.to_string()));
            }
        };
        tokio::join!(send, receive);
    });
}

#[test]
fn whoever_closes_the_other_learns_why() {
    let (gate, cookie) = gate();
    Gate::wait(async {
        for (code, reason) in [(1000, "bye"), (1001, "going"), (1011, "oops"), (4321, "own words")] {
            let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
            // The server closes.
            let mut socket = connect(&gate, &cookie).await;
            socket.send(Message::text(format!("close {code} {reason}"))).await.unwrap();
            assert_eq!(next(&mut socket).await.unwrap().unwrap(), Message::Close(Some(frame.clone())));
            assert!(next(&mut socket).await.is_none_or(|end| end.is_err()), "and then it is over");
            // The client closes.
            let mut socket = connect(&gate, &cookie).await;
            socket.close(Some(frame.clone())).await.unwrap();
            assert_eq!(next(&mut socket).await.unwrap().unwrap(), Message::Close(Some(frame)));
            assert!(next(&mut socket).await.is_none_or(|end| end.is_err()));
        }
        // It goes without a word.
        let mut socket = connect(&gate, &cookie).await;
        socket.send(Message::text("drop")).await.unwrap();
        assert!(next(&mut socket).await.is_none_or(|end| end.is_err()));
    });
}

#[test]
fn who_is_not_signed_in_gets_no_websocket() {
    let (gate, _) = gate();
    Gate::wait(async {
        let request = format!("ws://{}/chat", gate.address).into_client_request().unwrap();
        let stream = TcpStream::connect(gate.address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 401),
            other => panic!("{:?}", other.map(|_| "a WebSocket")),
        }
    });
}
