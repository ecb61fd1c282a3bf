//! One connection to the upstream.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::web::pipe::{Pipe, Plain};
use crate::web::wire::Wire;

/// An upstream's socket.
pub(in crate::proxy) enum Line {
    /// `http:`.
    Tcp(TcpStream),
    /// `unix:`.
    Unix(UnixStream),
}

impl Line {
    /// Whether nothing has come in, not even the end: what an upstream says before it is asked is no answer to what it
    /// will be asked.
    pub(in crate::proxy) fn is_quiet(&self) -> bool {
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut [0]),
            Self::Unix(stream) => stream.try_read(&mut [0]),
        };
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    const fn plain(&self) -> Plain<'_> {
        match self {
            Self::Tcp(stream) => Plain::Tcp(stream),
            Self::Unix(stream) => Plain::Unix(stream),
        }
    }
}

impl Wire for Line {
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut impl BufMut) -> Poll<io::Result<usize>> {
        pin!(self.read_buf(buf)).poll(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_pipe(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<io::Result<usize>> {
        pipe.poll_drain(self.plain(), cx)
    }

    fn source(&self) -> Option<Plain<'_>> {
        Some(self.plain())
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}
