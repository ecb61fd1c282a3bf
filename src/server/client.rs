//! A client's socket: counted, looked through by the sieve, and begun with what was read to tell the protocol.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::pace::Pace;
use super::sieve::Sieve;
use super::vital::Vital;
use crate::web::pipe::{Pipe, Plain};
use crate::web::wire::Wire;

/// Ends a head that was refused, if it has not ended yet.
const REFUSED_END: &[u8] = b"\0\r\n\r\n";

/// A place among `limits.connections`. Travels with the socket, also into a tunnel, and is given back with it.
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slot {
    /// Takes a place, unless all `limit` are taken.
    pub(super) fn take(taken: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let slot = Self(Arc::clone(taken));
        (slot.0.fetch_add(1, Ordering::Relaxed) < limit).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a client's connection comes by.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether what was written may wait within it, until it is flushed.
    const HOLDS_BACK: bool = false;

    /// Ready when there is something to read, or the end.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Holds no more than this that is not on its way, in bytes, and says so as soon as half of it is.
    fn hold_unsent(&self, _most: u32) {}

    /// Makes the other side see a connection that broke, not one that ended in order.
    fn reset_when_closed(&self);

    /// The kernel's own socket, where nothing of ours is before it.
    fn plain(&self) -> Option<Plain<'_>> {
        None
    }

    /// What was agreed on to be spoken, if anything was.
    fn protocol(&self) -> Option<Protocol> {
        None
    }

    /// Says that the end is meant to be one, where the socket's own end doesn't.
    fn say_goodbye(&mut self) {}
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Socket for TcpStream {
    fn plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Tcp(self))
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    #[cfg(target_os = "linux")]
    fn hold_unsent(&self, most: u32) {
        // Without it, very slow readers are let go earlier.
        let _ = socket2::SockRef::from(self).set_tcp_notsent_lowat(most);
    }

    fn reset_when_closed(&self) {
        // A socket that is gone already has been broken enough.
        let _ = self.set_zero_linger();
    }
}

impl Socket for UnixStream {
    fn plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Unix(self))
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    /// They know no such thing.
    fn reset_when_closed(&self) {}
}

/// A client's socket as hyper reads it.
pub(super) struct ClientIo<S: Socket> {
    stream: S,
    /// What was read and is to be read again.
    begun: Bytes,
    sieve: Option<Sieve>,
    vital: Arc<Vital>,
    pace: Pace,
    /// Whether all that it is told has been said.
    closed: bool,
    /// Whether it sends more than was read of it.
    sends_more: bool,
    _slot: Slot,
}

impl<S: Socket> Drop for ClientIo<S> {
    fn drop(&mut self) {
        if self.vital.is_broken() {
            self.stream.reset_when_closed();
        } else if S::HOLDS_BACK && !self.closed && self.vital.is_between() {
            // Not in the middle of an answer: whoever takes its end by that of the connection would take it for whole.
            self.stream.say_goodbye();
        }
    }
}

impl<S: Socket> ClientIo<S> {
    /// `begun`: what was read already. HTTP/1 heads go through the sieve.
    pub(super) fn new(stream: S, begun: Bytes, sieve: Option<Sieve>, vital: Arc<Vital>, slot: Slot) -> Self {
        Self {
            stream,
            begun,
            sieve,
            vital,
            pace: Pace::default(),
            closed: false,
            sends_more: false,
            _slot: slot,
        }
    }

    /// Gives back what was filled in from it, to be read again.
    pub(super) fn unread(&mut self, mut bytes: BytesMut) {
        bytes.extend_from_slice(&self.begun);
        self.begun = bytes.freeze();
    }

    /// More may come that nobody will read: that must not reset the connection before its last answer is read.
    pub(super) const fn expect_more(&mut self) {
        self.sends_more = true;
    }

    /// Ready when all that was written is on its way.
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if S::HOLDS_BACK { Pin::new(self).poll_flush(cx) } else { Poll::Ready(Ok(())) }
    }

    /// Ready when there is something to read, or the end.
    pub(super) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.begun.is_empty() { self.stream.poll_readable(cx) } else { Poll::Ready(Ok(())) }
    }

    /// Up to `most` bytes of what was read already. Where that is all, its memory goes along.
    fn take_begun(&mut self, most: usize) -> Bytes {
        self.begun.split_to(self.begun.len().min(most))
    }

    /// Whether pipes go from it and to it.
    pub(super) fn takes_pipes(&self) -> bool {
        self.stream.plain().is_some()
    }

    /// What became of a write.
    fn wrote(&mut self, polled: &Poll<io::Result<usize>>) {
        self.vital.set_stalled(polled.is_pending());
        if let Poll::Ready(Ok(count)) = polled
            && let Some(most) = self.pace.took(*count)
        {
            self.stream.hold_unsent(most);
        }
    }

    fn look_at(&mut self, bytes: &mut [u8]) {
        if let Some(sieve) = &mut self.sieve {
            sieve.look_at(bytes);
            self.vital.set_in_head(sieve.is_in_head());
            self.vital.set_between(sieve.is_between_requests());
            if sieve.take_refusal() {
                // hyper answers a head once it has an end, and what was spoilt may have been just that.
                self.begun = Bytes::from_static(REFUSED_END);
            }
        }
    }
}

/// Past the sieve: for who refuses by themselves what it would spoil, and gives back the rest. Where a request begins has to
/// be known.
impl<S: Socket> Wire for ClientIo<S> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut impl BufMut) -> Poll<io::Result<usize>> {
        if self.begun.is_empty() {
            return pin!(self.stream.read_buf(buf)).poll(cx);
        }
        let begun = self.take_begun(buf.remaining_mut());
        buf.put_slice(&begun);
        Poll::Ready(Ok(begun.len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(self), cx, bytes)
    }

    fn poll_write_pipe(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<io::Result<usize>> {
        let Some(sink) = self.stream.plain() else {
            return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
        };
        let polled = pipe.poll_drain(sink, cx);
        self.wrote(&polled);
        polled
    }

    fn source(&self) -> Option<Plain<'_>> {
        if self.begun.is_empty() { self.stream.plain() } else { None }
    }
}

impl<S: Socket> AsyncRead for ClientIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.begun.is_empty() {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            buf.put_slice(&self.take_begun(buf.remaining()));
        }
        self.look_at(&mut buf.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for ClientIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if S::HOLDS_BACK {
            self.vital.set_stalled(polled.is_pending());
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            std::task::ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.closed = true;
            self.vital.last_words();
        }
        // Closing on a client that is still sending would reset the connection, perhaps before it reads its answer.
        if !self.sends_more && self.sieve.as_ref().is_none_or(Sieve::is_between_requests) {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [MaybeUninit::uninit(); 8 * 1024];
        loop {
            let mut unread = ReadBuf::uninit(&mut scratch);
            let read = std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut unread));
            if read.is_err() || unread.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
