//! A connection that is read a line at a time, so that nobody holds what came after a line.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A plain connection to a mail server. lettre reads ahead, and would take for words said under TLS what somebody on the way
/// put behind the answer to STARTTLS (RFC 3207 section 6 asks for the opposite). Here those bytes stay behind, and are what
/// the handshake fails over.
#[derive(Debug)]
pub(super) struct ByLines {
    stream: TcpStream,
    ahead: Box<[u8; 1024]>,
    /// Which of `ahead` have come and are not given.
    begin: usize,
    end: usize,
}

impl ByLines {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: Box::new([0; 1024]), begin: 0, end: 0 }
    }
}

impl AsyncRead for ByLines {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.begin == this.end {
            let mut ahead = ReadBuf::new(&mut this.ahead[..]);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut ahead))?;
            (this.begin, this.end) = (0, ahead.filled().len());
        }
        let waiting = &this.ahead[this.begin..this.end];
        let line = memchr::memchr(b'\n', waiting).map_or(waiting.len(), |newline| newline + 1);
        let given = line.min(buf.remaining());
        buf.put_slice(&waiting[..given]);
        this.begin += given;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByLines {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for ByLines {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
