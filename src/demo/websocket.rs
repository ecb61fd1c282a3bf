//! The demo's WebSocket echo: the handshake (RFC 6455 section 4.2), then every message is sent back.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// A longer message ends the connection; the library's own limit is 64 MiB.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Answers the handshake, and echoes on the connection once it is upgraded.
pub(super) fn accept(mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let upgrade = hyper::upgrade::on(&mut request);
    let Ok(handshake) = create_response_with_body(&request, Full::default) else {
        let mut answer = Response::new(Full::from("this is a WebSocket: connect with ws://\n"));
        *answer.status_mut() = StatusCode::UPGRADE_REQUIRED;
        answer.headers_mut().insert(http::header::UPGRADE, http::HeaderValue::from_static("websocket"));
        return answer;
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            echo(upgraded).await;
        }
    });
    handshake
}

async fn echo(upgraded: hyper::upgrade::Upgraded) {
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES));
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    // Pings and the closing handshake are answered by the library.
    while let Some(Ok(message)) = socket.next().await {
        let echoed = message.is_text() || message.is_binary();
        if echoed && socket.send(message).await.is_err() {
            return;
        }
    }
}
