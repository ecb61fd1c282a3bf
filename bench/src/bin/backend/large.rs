//! Large bodies, both ways.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Their size.
const SIZE: usize = 64 << 20;
/// What is written or read at once.
const PIECE: usize = 256 << 10;

/// Sends one.
pub(super) async fn send(stream: &mut TcpStream) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {SIZE}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let piece = vec![b'x'; PIECE];
    for _ in 0..SIZE / PIECE {
        stream.write_all(&piece).await?;
    }
    Ok(())
}

/// Takes one in, of which so much came with the head.
pub(super) async fn take(stream: &mut TcpStream, head: &str, mut taken: usize) -> io::Result<()> {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
    });
    // A proxy that makes chunks of it does other work than the rest.
    let Some(length) = length else {
        return stream.write_all(b"HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n").await;
    };
    let mut piece = vec![0; PIECE];
    while taken < length {
        match stream.read(&mut piece).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => taken += more,
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await
}
