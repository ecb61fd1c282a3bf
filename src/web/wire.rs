//! The connections on both sides of an exchange, and what is on its way from one to the other.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::pipe::{Pipe, Plain};

/// A connection by which bodies come and go.
pub trait Wire {
    /// Reads once behind what `buf` holds; 0: the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut impl BufMut) -> Poll<io::Result<usize>>;

    /// Writes once.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes once what is in a pipe. `Unsupported`: nothing of it, nor ever.
    fn poll_write_pipe(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<io::Result<usize>>;

    /// Where a pipe takes what is to be read next; `None`: not by a pipe.
    fn source(&self) -> Option<Plain<'_>>;
}

/// What was read of one connection and goes on by another: in memory, or in a pipe.
#[derive(Default)]
pub struct Load {
    /// From `sent` on it is still to be written.
    bytes: Vec<u8>,
    sent: usize,
    /// What is in it comes behind those.
    pipe: Option<Pipe>,
}

impl Load {
    /// With memory that may hold something already.
    pub const fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0, pipe: None }
    }

    /// From now on what comes from a socket goes by this pipe; only for when it is empty.
    pub fn go_by(&mut self, pipe: Option<Pipe>) {
        debug_assert!(self.is_empty(), "what is in memory or in another pipe comes first");
        self.pipe = pipe;
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.pipe.as_ref().is_none_or(Pipe::is_empty)
    }

    /// What of it is in memory, for who adds to it or takes it; only for when nothing of it has been written.
    pub const fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// How much is still to be written, in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent + self.pipe.as_ref().map_or(0, Pipe::len)
    }

    /// What of it is in memory.
    pub fn memory(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Reads once, up to `most` bytes; only for when it is empty. 0: the end.
    pub fn poll_fill(
        &mut self,
        from: &mut impl Wire,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(self.is_empty(), "nothing may come between");
        if let (Some(pipe), Some(source)) = (&mut self.pipe, from.source()) {
            match ready!(pipe.poll_fill(source, cx, most, &mut self.bytes)) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => self.pipe = None,
                filled => return Poll::Ready(filled),
            }
        }
        self.bytes.reserve(most);
        from.poll_fill(cx, &mut (&mut self.bytes).limit(most))
    }

    /// Writes once, and says how much; only for when it is not empty.
    pub fn poll_drain(&mut self, to: &mut impl Wire, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(pipe) = &mut self.pipe
            && self.bytes.is_empty()
        {
            match ready!(to.poll_write_pipe(cx, pipe)) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    pipe.empty_into(&mut self.bytes)?;
                    self.pipe = None;
                }
                drained => return Poll::Ready(drained),
            }
        }
        let written = ready!(to.poll_write(cx, &self.bytes[self.sent..]))?;
        self.sent += written;
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
        Poll::Ready(Ok(written))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixStream;

    use super::*;
    use crate::web::pipe::Pipes;

    /// Gives what is in a socket, and takes no pipe.
    struct Odd {
        socket: UnixStream,
        written: Vec<u8>,
    }

    impl Wire for Odd {
        fn poll_fill(&mut self, _: &mut Context<'_>, buf: &mut impl BufMut) -> Poll<io::Result<usize>> {
            buf.put_slice(b"by memory");
            Poll::Ready(Ok(9))
        }

        fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(3);
            self.written.extend_from_slice(&bytes[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_write_pipe(&mut self, _: &mut Context<'_>, _: &mut Pipe) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
        }

        fn source(&self) -> Option<Plain<'_>> {
            Some(Plain::Unix(&self.socket))
        }
    }

    #[tokio::test]
    async fn what_a_connection_does_not_take_from_a_pipe_it_gets_from_memory_and_all_that_follows() {
        let (mut far, socket) = UnixStream::pair().unwrap();
        far.write_all(b"by pipe, ").await.unwrap();
        let mut wire = Odd { socket, written: Vec::new() };
        let mut load = Load::default();
        load.go_by(Pipes::of_one_among(1).take());
        for _ in 0..2 {
            poll_fn(|cx| load.poll_fill(&mut wire, cx, 100)).await.unwrap();
            while !load.is_empty() {
                poll_fn(|cx| load.poll_drain(&mut wire, cx)).await.unwrap();
            }
        }
        assert_eq!(wire.written, b"by pipe, by memory");
    }

    #[tokio::test]
    async fn what_a_pipe_does_not_take_goes_by_memory() {
        let (mut far, socket) = UnixStream::pair().unwrap();
        far.write_all(b"something to read").await.unwrap();
        let mut wire = Odd { socket, written: Vec::new() };
        let mut load = Load::default();
        load.go_by(Some(Pipe::that_takes_nothing()));
        assert_eq!(poll_fn(|cx| load.poll_fill(&mut wire, cx, 100)).await.unwrap(), 9);
        assert_eq!(load.memory(), b"by memory");
        assert!(load.pipe.is_none(), "it is not asked again");
    }
}
