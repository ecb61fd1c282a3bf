//! What lasts: event streams, and tunnels that send back what comes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

/// How often a stream has news.
const EVERY: Duration = Duration::from_millis(10);

/// An event a tick, in a chunk of its own. The only `@` is how the load generator counts them.
pub(super) async fn events(mut stream: TcpStream) -> io::Result<()> {
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
              transfer-encoding: chunked\r\n\r\n",
        )
        .await?;
    let event = format!("event: tick\ndata: {{\"text\":\"{}@\"}}\n\n", "x".repeat(100));
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        stream.write_all(chunk.as_bytes()).await?;
    }
}

/// Agrees to a WebSocket and echoes its bytes: proxies don't look into frames, and the load generator doesn't mind that
/// these are still masked. It asks with the key of RFC 6455 section 1.3.
pub(super) async fn echo(mut stream: TcpStream, rest: &[u8]) -> io::Result<()> {
    stream
        .write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
              sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        )
        .await?;
    stream.write_all(rest).await?;
    let mut read = Vec::with_capacity(4 * 1024);
    while stream.read_buf(&mut read).await? > 0 {
        stream.write_all(&read).await?;
        read.clear();
    }
    Ok(())
}
