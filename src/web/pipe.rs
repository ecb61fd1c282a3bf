//! Pipes of the kernel's: what goes through one from a socket to another is never copied into this process (`splice(2)`).
//! For large bodies of which nothing has to be read.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// How much room a pipe is asked to have, in bytes. More than that moves no faster.
#[cfg(target_os = "linux")]
const ROOM: usize = 256 * 1024;

/// One with less room is of no use: the kernel gives a user whose pipes are many already a page for each.
#[cfg(target_os = "linux")]
const LEAST: usize = 64 * 1024;

/// How many empty ones are kept.
const SPARE: usize = 8;

/// A socket of the kernel's, with nothing of ours in between.
#[derive(Clone, Copy)]
pub enum Plain<'a> {
    /// One of TCP.
    Tcp(&'a TcpStream),
    /// One of this machine.
    Unix(&'a UnixStream),
}

/// Where a worker's pipes come from. Clones share it.
#[derive(Clone, Default)]
pub struct Pipes(Rc<Kept>);

#[derive(Default)]
struct Kept {
    spare: RefCell<Vec<Rc<Ends>>>,
    /// Whether this system, or a sandbox, knows no such thing.
    forbidden: Cell<bool>,
}

/// Where a pipe is read, and where it is written.
struct Ends {
    out: OwnedFd,
    into: OwnedFd,
}

/// A pipe. Dropping it while it is empty leaves it to who needs one next.
pub struct Pipe {
    ends: Rc<Ends>,
    /// How many bytes are in it.
    held: usize,
    home: Pipes,
}

impl Pipes {
    /// An empty pipe; `None`: there is none to be had, and bodies are copied.
    pub fn take(&self) -> Option<Pipe> {
        if self.0.forbidden.get() {
            return None;
        }
        let spare = self.0.spare.borrow_mut().pop();
        // What is one's is never another's, whatever the system has counted.
        let ends =
            spare.filter(|ends| ends.hold_nothing()).or_else(|| Ends::open().ok().flatten().map(Rc::new))?;
        Some(Pipe { ends, held: 0, home: self.clone() })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut spare = self.home.0.spare.borrow_mut();
        if self.is_empty() && spare.len() < SPARE {
            spare.push(Rc::clone(&self.ends));
        }
    }
}

impl Pipe {
    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes up to `most` bytes from a socket; only for when it is empty. 0: the socket's end. An error of the kind
    /// `Unsupported` says that this system can't; nothing is lost by it.
    pub fn poll_fill(
        &mut self,
        from: Plain<'_>,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(from.poll_ready(Interest::READABLE, cx))?;
            let moved =
                from.try_io(Interest::READABLE, |socket| splice(socket, self.ends.into.as_fd(), most));
            if let Some(count) = self.moved(moved)? {
                self.held += count;
                return Poll::Ready(Ok(count));
            }
        }
    }

    /// Gives a socket what is in it, and says how much of it that was. An error of the kind `Unsupported` says that this
    /// system can't; nothing is lost by it.
    pub fn poll_drain(&mut self, to: Plain<'_>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(to.poll_ready(Interest::WRITABLE, cx))?;
            let moved =
                to.try_io(Interest::WRITABLE, |socket| splice(self.ends.out.as_fd(), socket, self.held));
            if let Some(count) = self.moved(moved)? {
                self.held -= count;
                return Poll::Ready(Ok(count));
            }
        }
    }

    /// Takes out what is in it, behind what `bytes` hold.
    pub fn empty_into(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.reserve(self.held);
        while !self.is_empty() {
            self.held -= rustix::io::read(&self.ends.out, rustix::buffer::spare_capacity(bytes))?;
        }
        Ok(())
    }

    /// What became of a call: `None`, the socket is not ready after all.
    fn moved(&self, result: io::Result<usize>) -> io::Result<Option<usize>> {
        use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported, WouldBlock};
        match result {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == WouldBlock => Ok(None),
            // It won't be otherwise the next time.
            Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => {
                self.home.0.forbidden.set(true);
                Err(Unsupported.into())
            }
            Err(error) => Err(error),
        }
    }
}

impl Plain<'_> {
    fn poll_ready(self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) if interest.is_readable() => stream.poll_read_ready(cx),
            Self::Unix(stream) if interest.is_readable() => stream.poll_read_ready(cx),
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Unix(stream) => stream.poll_write_ready(cx),
        }
    }

    fn try_io<T>(
        self,
        interest: Interest,
        step: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        match self {
            Self::Tcp(stream) => stream.try_io(interest, || step(stream.as_fd())),
            Self::Unix(stream) => stream.try_io(interest, || step(stream.as_fd())),
        }
    }
}

#[cfg(target_os = "linux")]
impl Ends {
    /// `None`: its room is of no use.
    fn open() -> io::Result<Option<Self>> {
        use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with};
        let (out, into) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        // A user may have only so much; what there is by itself will do.
        let _ = fcntl_setpipe_size(&into, ROOM);
        Ok((fcntl_getpipe_size(&into)? >= LEAST).then_some(Self { out, into }))
    }
}

impl Ends {
    fn hold_nothing(&self) -> bool {
        rustix::io::ioctl_fionread(&self.out).is_ok_and(|held| held == 0)
    }
}

#[cfg(target_os = "linux")]
fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
    use rustix::pipe::SpliceFlags;
    Ok(rustix::pipe::splice(from, None, to, None, most, SpliceFlags::NONBLOCK | SpliceFlags::MOVE)?)
}

// Elsewhere bodies are copied.
#[cfg(not(target_os = "linux"))]
impl Ends {
    fn open() -> io::Result<Option<Self>> {
        Ok(None)
    }
}

#[cfg(not(target_os = "linux"))]
fn splice(_: BorrowedFd<'_>, _: BorrowedFd<'_>, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_goes_through_a_pipe_comes_out_as_it_went_in_and_the_pipe_is_used_again() {
        let pipes = Pipes::default();
        let ((mut upstream, from), (to, mut client)) =
            (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        for round in 0..20_u8 {
            let mut pipe = pipes.take().unwrap();
            let sent: Vec<u8> = (0..50_000).map(|at: u32| (at % 251) as u8 ^ round).collect();
            upstream.write_all(&sent).await.unwrap();
            let mut moved = 0;
            while moved < sent.len() {
                let filled = poll_fn(|cx| pipe.poll_fill(Plain::Unix(&from), cx, 7_777)).await.unwrap();
                assert!((1..=7_777).contains(&filled));
                while !pipe.is_empty() {
                    moved += poll_fn(|cx| pipe.poll_drain(Plain::Unix(&to), cx)).await.unwrap();
                }
            }
            let mut heard = vec![0; sent.len()];
            client.read_exact(&mut heard).await.unwrap();
            assert!(heard == sent, "round {round}");
        }
        assert_eq!(pipes.0.spare.borrow().len(), 1);
        drop(upstream);
        let mut pipe = pipes.take().unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_fill(Plain::Unix(&from), cx, 1)).await.unwrap(), 0, "the end");
    }

    #[tokio::test]
    async fn a_pipe_that_is_not_empty_is_used_by_nobody_else() {
        let pipes = Pipes::default();
        let (mut upstream, from) = UnixStream::pair().unwrap();
        upstream.write_all(b"a secret of one").await.unwrap();
        let mut pipe = pipes.take().unwrap();
        poll_fn(|cx| pipe.poll_fill(Plain::Unix(&from), cx, 100)).await.unwrap();
        drop(pipe);
        assert!(pipes.0.spare.borrow().is_empty());
    }

    #[tokio::test]
    async fn no_more_than_a_few_empty_pipes_are_kept() {
        let pipes = Pipes::default();
        let taken: Vec<_> = std::iter::from_fn(|| pipes.take()).take(SPARE + 3).collect();
        drop(taken);
        assert_eq!(pipes.0.spare.borrow().len(), SPARE);
    }

    #[tokio::test]
    async fn where_it_is_forbidden_nothing_is_lost_and_it_is_not_tried_again() {
        let pipes = Pipes::default();
        let (mut upstream, from) = UnixStream::pair().unwrap();
        upstream.write_all(b"hello").await.unwrap();
        let mut pipe = pipes.take().unwrap();
        poll_fn(|cx| pipe.poll_fill(Plain::Unix(&from), cx, 100)).await.unwrap();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::InvalidInput, io::ErrorKind::Unsupported]
        {
            pipes.0.forbidden.set(false);
            let told = pipe.moved(Err(kind.into())).unwrap_err();
            assert_eq!(told.kind(), io::ErrorKind::Unsupported);
            assert!(pipes.take().is_none());
        }
        let mut bytes = b"> ".to_vec();
        pipe.empty_into(&mut bytes).unwrap();
        assert_eq!(bytes, b"> hello");
        assert!(pipe.is_empty());
    }
}
