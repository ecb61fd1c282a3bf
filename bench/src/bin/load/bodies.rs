//! Bodies of 64 MiB, one after the other on one connection.

use std::io;
use std::time::Instant;

use tokio::io::AsyncWriteExt as _;

use super::Done;
use super::client::Target;

/// Their size.
const SIZE: usize = 64 << 20;
/// What is written at once.
const PIECE: usize = 256 << 10;

/// Fetches them. The last one is fetched whole.
pub(super) async fn down(target: &Target, end: Instant) -> io::Result<Done> {
    let mut client = target.connect().await?;
    let mut done = Done::default();
    while Instant::now() < end {
        let begun = Instant::now();
        client.ask("GET /large", "").await?;
        let head = client.head("200").await?;
        if !head.contains(&format!("content-length: {SIZE}\r")) {
            return Err(io::Error::other(format!("not {SIZE} bytes: {head}")));
        }
        client.body(&head).await?;
        done.took.push(begun.elapsed());
        done.units += 1;
    }
    Ok(done)
}

/// Sends them. The last one is sent whole.
pub(super) async fn up(target: &Target, end: Instant) -> io::Result<Done> {
    let mut client = target.connect().await?;
    let piece = vec![b'x'; PIECE];
    let mut done = Done::default();
    while Instant::now() < end {
        let begun = Instant::now();
        client.ask("POST /large", &format!("Content-Length: {SIZE}\r\n")).await?;
        for _ in 0..SIZE / PIECE {
            client.stream.write_all(&piece).await?;
        }
        let head = client.head("200").await?;
        client.body(&head).await?;
        done.took.push(begun.elapsed());
        done.units += 1;
    }
    Ok(done)
}
