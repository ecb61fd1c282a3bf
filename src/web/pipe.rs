//! Pipes of the kernel's: what goes through one from a socket to another is never copied into this process (`splice(2)`).
//! For large bodies of which nothing has to be read.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// How many pages or parts of such a pipe has room for: 256 KiB mostly. With more it moves no faster, with 16, as it comes,
/// no faster than copies.
#[cfg(target_os = "linux")]
const SLOTS: usize = 64;

/// How many pipes a process has. The kernel lets a user have 256 of them on the whole machine (`pipe-user-pages-soft`), and
/// there are other programs.
const ALL: usize = 64;

/// Every worker has that many.
const LEAST: usize = 2;

/// Each is two descriptors: no more than a sixteenth of those go to pipes.
const SHARE: u64 = 32;

/// How many empty ones a worker keeps.
const SPARE: usize = 4;

/// How long none is asked for after one could not be had, or was of no use.
const PAUSE: Duration = Duration::from_secs(10);

/// A socket of the kernel's, with nothing of ours in between.
#[derive(Clone, Copy)]
pub enum Plain<'a> {
    /// One of TCP.
    Tcp(&'a TcpStream),
    /// One of this machine.
    Unix(&'a UnixStream),
}

/// Where a worker's pipes come from. Clones share it.
#[derive(Clone)]
pub struct Pipes(Rc<Kept>);

struct Kept {
    spare: RefCell<Vec<Rc<Ends>>>,
    /// How many more may be opened.
    left: Cell<usize>,
    /// Until when none is asked for.
    pause: Cell<Option<Instant>>,
}

/// Where a pipe is read, and where it is written.
struct Ends {
    out: OwnedFd,
    into: OwnedFd,
    /// How much it is filled at once, in bytes: it is never full then, so that a filling that has to wait waits for its socket.
    room: usize,
}

/// A pipe. Dropping it while it is empty leaves it to who needs one next.
pub struct Pipe {
    /// Shared for a moment, when it is given back.
    ends: Rc<Ends>,
    /// How many bytes are in it.
    held: usize,
    home: Pipes,
}

impl Pipes {
    /// Those of one worker among so many.
    pub fn of_one_among(workers: usize) -> Self {
        let descriptors = getrlimit(Resource::Nofile).current;
        Self::with(share(workers, descriptors.unwrap_or(u64::MAX)))
    }

    fn with(left: usize) -> Self {
        Self(Rc::new(Kept { spare: RefCell::default(), left: Cell::new(left), pause: Cell::default() }))
    }

    /// An empty pipe; `None`: there is none to be had, and bodies are copied.
    pub fn take(&self) -> Option<Pipe> {
        if self.0.pause.get().is_some_and(|pause| Instant::now() < pause) {
            return None;
        }
        let spare = self.0.spare.borrow_mut().pop();
        let ends = match spare {
            Some(ends) => ends,
            None => Rc::new(self.open()?),
        };
        // What is one's is never another's, whatever was counted: one that is not empty is closed.
        let pipe = Pipe { held: ends.hold(), ends, home: self.clone() };
        pipe.is_empty().then_some(pipe)
    }

    fn open(&self) -> Option<Ends> {
        let left = self.0.left.get().checked_sub(1)?;
        let Ok(Some(ends)) = Ends::open() else {
            self.pause();
            return None;
        };
        self.0.left.set(left);
        Some(ends)
    }

    fn pause(&self) {
        self.0.pause.set(Some(Instant::now() + PAUSE));
    }
}

/// How many pipes one of so many workers has, where a process may have so many descriptors.
fn share(workers: usize, descriptors: u64) -> usize {
    let all = usize::try_from(descriptors / SHARE).unwrap_or(ALL).min(ALL);
    (all / workers.max(1)).max(LEAST)
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let kept = &self.home.0;
        let mut spare = kept.spare.borrow_mut();
        if self.is_empty() && spare.len() < SPARE {
            spare.push(Rc::clone(&self.ends));
        } else {
            kept.left.set(kept.left.get() + 1);
        }
    }
}

impl Pipe {
    /// How many bytes are in it.
    pub const fn len(&self) -> usize {
        self.held
    }

    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes up to `most` bytes from a socket; only for when it is empty. 0: the socket's end. What is there and goes by no pipe
    /// (what precedes TCP's urgent data) gets behind what `beside` holds. An error of the kind `Unsupported` says that this
    /// system can't; nothing is lost by it.
    pub fn poll_fill(
        &mut self,
        from: Plain<'_>,
        cx: &mut Context<'_>,
        most: usize,
        beside: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        let most = most.min(self.ends.room);
        loop {
            ready!(from.poll_ready(Interest::READABLE, cx))?;
            let mut few = [0; 16];
            let few = &mut few[..most.min(16)];
            let mut by_pipe = true;
            let moved = from.try_io(Interest::READABLE, |socket| {
                let moved = splice(socket, self.ends.into.as_fd(), most);
                if !matches!(&moved, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                    return moved;
                }
                by_pipe = false;
                Ok(rustix::io::read(socket, &mut *few)?)
            });
            if let Some(count) = self.moved(moved)? {
                if by_pipe {
                    self.held += count;
                } else {
                    beside.extend_from_slice(&few[..count]);
                }
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

    /// What became of a call: `None`, it has to be made again.
    fn moved(&self, result: io::Result<usize>) -> io::Result<Option<usize>> {
        use io::ErrorKind::{
            Interrupted, InvalidInput, OutOfMemory, PermissionDenied, Unsupported, WouldBlock,
        };
        match result {
            Ok(count) => Ok(Some(count)),
            Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => Ok(None),
            // A system that knows no such thing, a sandbox that forbids it, or a kernel that has no room for it.
            Err(error)
                if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported | OutOfMemory) =>
            {
                tracing::debug!(%error, "bodies are copied for a while");
                self.home.pause();
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

impl Ends {
    /// How many bytes the system says are in it; more than there can be where it can't tell.
    fn hold(&self) -> usize {
        let held = rustix::io::ioctl_fionread(&self.out).ok();
        held.and_then(|held| usize::try_from(held).ok()).unwrap_or(usize::MAX)
    }
}

#[cfg(target_os = "linux")]
impl Ends {
    /// `None`: it would have too little room.
    fn open() -> io::Result<Option<Self>> {
        use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
        let room = SLOTS * rustix::param::page_size();
        let (out, into) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        // Refused where its user has many, or pages are large.
        let wide = fcntl_setpipe_size(&into, room).is_ok_and(|size| size >= room);
        Ok(wide.then_some(Self { out, into, room }))
    }
}

/// A socket that is closed at the other end is an error (`EPIPE`), as it is for `write`: as long as nobody lets SIGPIPE end the process,
/// which Rust's runtime ignores.
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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
