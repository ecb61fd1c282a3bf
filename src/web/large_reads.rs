//! How much is read at once of bodies that are large. A call to the system costs as much as some ten KiB that it copies, so
//! large reads pay; but what was read and is not taken is memory: the process's own, or, in a pipe, the kernel's. So a few bodies at a
//! time have the room, and the others, be they ten thousand that nobody takes, do with little.

use super::permits::{Permit, Permits};
use super::pipe::{Pipe, Pipes};

/// What one read of a body may give that has no permit for more, in bytes.
pub const SOME: usize = 16 * 1024;

/// What one read of a large body may give at most, in bytes.
pub const LARGE: usize = 384 * 1024;

/// What is shorter goes by no pipe, in bytes: to open one would cost as much as it spares.
pub const PIPED: u64 = 128 * 1024;

/// How many bodies of one worker and one direction have that much room: together 24 MiB.
const PERMITS: usize = 64;

/// One worker's permits to read [`LARGE`] amounts, and the pipes for those who have one.
#[derive(Clone)]
pub struct LargeReads {
    permits: Permits<PERMITS>,
    pipes: Pipes,
}

/// One of them.
pub struct LargeRead {
    _permit: Permit,
    pipes: Pipes,
}

impl LargeReads {
    /// All permits, and the worker's pipes.
    pub fn new(pipes: Pipes) -> Self {
        Self { permits: Permits::default(), pipes }
    }

    /// A permit, unless all are taken.
    pub fn take(&self) -> Option<LargeRead> {
        Some(LargeRead { _permit: self.permits.take()?, pipes: self.pipes.clone() })
    }
}

impl LargeRead {
    /// A pipe by which the body may go on, if there is one to be had.
    pub fn pipe(&self) -> Option<Pipe> {
        self.pipes.take()
    }
}
