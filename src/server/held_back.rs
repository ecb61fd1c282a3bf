//! What an HTTP/2 connection says is held back until the streams that have something to say, too, have said it: one call
//! to the system then carries many answers. hyper by itself makes one for each.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::{ClientIo, Socket};
use super::frames::Frames;
use super::vital::Vital;

/// How much is held back at most, in bytes; what is as long as that by itself is not copied.
const MOST: usize = 16 * 1024;

/// A client's socket that says things later. Clones share it: hyper has one, and whoever polls hyper the other.
pub(super) struct HeldBack<S: Socket>(Rc<RefCell<Inner<S>>>);

struct Inner<S: Socket> {
    io: ClientIo<S>,
    frames: Frames,
    vital: Arc<Vital>,
    /// What hyper takes for said.
    out: BytesMut,
    /// Whether the socket was told something that it may hold back itself, as TLS does.
    unflushed: bool,
    /// Whether others were let in since something was held back.
    let_others_in: bool,
}

impl<S: Socket> Clone for HeldBack<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: Socket> HeldBack<S> {
    pub(super) fn new(io: ClientIo<S>, vital: Arc<Vital>) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            io,
            frames: Frames::new(),
            vital,
            out: BytesMut::new(),
            unflushed: false,
            let_others_in: false,
        })))
    }

    /// To be called whenever hyper has nothing more to say for now: says what was held back, once all others that were
    /// ready at that time have had their turn.
    pub(super) fn settle(&self, cx: &mut Context<'_>) {
        let inner = &mut *self.0.borrow_mut();
        if inner.out.is_empty() && !inner.unflushed {
            return;
        }
        if !std::mem::replace(&mut inner.let_others_in, true) {
            cx.waker().wake_by_ref();
            return;
        }
        // An error shows at hyper's next word. What the socket doesn't take now wakes this task when it does.
        if inner.poll_say(cx).is_ready() {
            inner.let_others_in = false;
        }
    }
}

impl<S: Socket> Inner<S> {
    /// Follows the first `count` bytes of what hyper says.
    fn note_said(&mut self, bufs: &[io::IoSlice<'_>], mut count: usize) {
        let mut answers = false;
        for buf in bufs {
            let said = &buf[..buf.len().min(count)];
            answers |= self.frames.say(said);
            count -= said.len();
        }
        if answers {
            self.vital.said(self.frames.owes());
        }
    }

    /// Says all that was held back, here and by the socket.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = match ready!(self.poll_say_own(cx)) {
            Ok(()) => ready!(Pin::new(&mut self.io).poll_flush(cx)),
            error => error,
        };
        // What could not be said never will; and a connection that has nothing to say holds no memory for it.
        self.out = BytesMut::new();
        self.unflushed = false;
        Poll::Ready(said)
    }

    fn poll_say_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            self.unflushed = S::HOLDS_BACK;
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.out))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.out.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncRead for HeldBack<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (inner, before) = (&mut *self.0.borrow_mut(), buf.filled().len());
        ready!(Pin::new(&mut inner.io).poll_read(cx, buf))?;
        inner.frames.hear(&buf.filled()[before..]);
        inner.vital.heard(inner.frames.is_in_head(), inner.frames.owes());
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for HeldBack<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.0.borrow_mut();
        let length = bufs.iter().map(|buf| buf.len()).sum::<usize>();
        if inner.out.len() + length <= MOST {
            if inner.out.capacity() == 0 {
                inner.out.reserve(length.max(MOST / 4));
            }
            for buf in bufs {
                inner.out.extend_from_slice(buf);
            }
            inner.note_said(bufs, length);
            return Poll::Ready(Ok(length));
        }
        ready!(inner.poll_say_own(cx))?;
        inner.unflushed = S::HOLDS_BACK;
        let written = ready!(Pin::new(&mut inner.io).poll_write_vectored(cx, bufs))?;
        inner.note_said(bufs, written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper asks for it after each frame: what is held back is said when [`HeldBack::settle`] finds it time.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.borrow_mut();
        ready!(inner.poll_say(cx))?;
        Pin::new(&mut inner.io).poll_shutdown(cx)
    }
}
