//! WebSocket messages there and back, and events as they come.

use std::io;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Done;
use super::client::Target;

/// A binary message of 64 bytes: FIN and opcode 2, masked (RFC 6455 section 5.2).
const FRAME: [u8; 70] = {
    let mut frame = [b'x'; 70];
    (frame[0], frame[1]) = (0x82, 0x80 | 64);
    frame
};

/// Sends a message, waits until it is back, and sends the next.
pub(super) async fn sockets(target: &Target, end: Instant) -> io::Result<Done> {
    let mut client = target.connect().await?;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    client.ask("GET /socket", upgrade).await?;
    client.head("101").await?;
    let mut back = [0; FRAME.len()];
    let mut done = Done::default();
    loop {
        let begun = Instant::now();
        if begun >= end {
            return Ok(done);
        }
        client.stream.write_all(&FRAME).await?;
        client.stream.read_exact(&mut back).await?;
        if back != FRAME {
            return Err(io::Error::other("another message came back"));
        }
        done.took.push(begun.elapsed());
        done.units += 1;
    }
}

/// Counts events. Their time is the backend's.
pub(super) async fn events(target: &Target, end: Instant) -> io::Result<Done> {
    let mut client = target.connect().await?;
    client.ask("GET /events", "").await?;
    client.head("200").await?;
    let mut done = Done::default();
    while Instant::now() < end {
        done.units += client.read.iter().map(|byte| u64::from(*byte == b'@')).sum::<u64>();
        client.read.clear();
        if client.stream.read_buf(&mut client.read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(done)
}
