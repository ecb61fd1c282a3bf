//! Requests as no browser sends them: written byte for byte, without a cookie.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends a request without a session and gives the answer's status. `line`: `GET /path`, or `WEBSOCKET /path`.
pub(crate) async fn status(port: u16, host: &str, line: &str) -> u16 {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let request = match method {
        "WEBSOCKET" => format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://{host}\r\n\r\n"
        ),
        "GET" | "HEAD" => format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        _ => format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 2\r\n\
             Content-Type: application/json\r\n\r\n{{}}"
        ),
    };
    let head = timeout(Duration::from_secs(10), head(port, &request)).await;
    let head = head.unwrap_or_else(|_| panic!("no answer to {line}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status in the answer to {line}: {head}"))
}

async fn head(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the gate takes connections");
    stream.write_all(request.as_bytes()).await.expect("the gate reads");
    let mut head = Vec::new();
    let mut bytes = [0; 4096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let length = stream.read(&mut bytes).await.expect("the gate answers");
        if length == 0 {
            break;
        }
        head.extend_from_slice(&bytes[..length]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
