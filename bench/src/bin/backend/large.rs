//! Large bodies, both ways.

use std::io;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Their size.
const SIZE: usize = 64 << 20;
/// What is written or read at once.
const PIECE: usize = 256 << 10;
/// What is sent, one for all: thousands wait in the middle of theirs.
static SENT: [u8; PIECE] = [b'x'; PIECE];

/// Sends one.
pub(super) async fn send(stream: &mut TcpStream) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {SIZE}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    for _ in 0..SIZE / PIECE {
        stream.write_all(&SENT).await?;
    }
    Ok(())
}

/// What the socket of an answer that is taken slowly may hold: the kernel's own memory is to last for thousands.
const LITTLE: usize = 16 << 10;

/// Sends one to a client that takes it slowly.
pub(super) async fn send_slowly(stream: &mut TcpStream) -> io::Result<()> {
    SockRef::from(&*stream).set_send_buffer_size(LITTLE)?;
    send(stream).await
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
