//! One connection to the upstream, as the direct exchange uses it: a socket and what was read from it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connection to the upstream.
pub(in crate::proxy) struct Line {
    socket: Socket,
    /// Where what it says is read to. Empty while the connection waits; it keeps its room.
    pub(super) input: Vec<u8>,
}

/// An upstream's socket.
pub(in crate::proxy) enum Socket {
    /// `http:`.
    Tcp(TcpStream),
    /// `unix:`.
    Unix(UnixStream),
}

impl Line {
    pub(in crate::proxy) const fn new(socket: Socket) -> Self {
        Self { socket, input: Vec::new() }
    }

    /// Whether nothing has come in, not even the end: what an upstream says before it is asked is no answer to what it
    /// will be asked.
    pub(in crate::proxy) fn is_quiet(&self) -> bool {
        let read = match &self.socket {
            Socket::Tcp(stream) => stream.try_read(&mut [0]),
            Socket::Unix(stream) => stream.try_read(&mut [0]),
        };
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads once behind what `buf` holds; 0: the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut impl BufMut) -> Poll<io::Result<usize>> {
        pin!(self.socket.read_buf(buf)).poll(cx)
    }

    /// Writes once.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    /// Nothing is held back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
