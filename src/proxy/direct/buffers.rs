//! The buffers of one worker's exchanges, used again and again: what is read and written stays warm.

use std::cell::RefCell;

use crate::web::large_reads::LargeReads;
use crate::web::pipe::Pipes;

/// How much room a buffer has at least, in bytes: most heads and answers need no more.
const ROOM: usize = 8 * 1024;

/// Larger ones are not kept, nor more than so many.
const LARGEST: usize = 16 * 1024;
const MOST: usize = 64;

/// The buffers that nobody uses just now.
pub(in crate::proxy) struct Buffers {
    kept: RefCell<Vec<Vec<u8>>>,
    /// For bodies that need more room than a buffer has.
    pub(super) large_reads: LargeReads,
}

impl Buffers {
    /// None yet; with the worker's pipes.
    pub(in crate::proxy) fn new(pipes: Pipes) -> Self {
        Self { kept: RefCell::default(), large_reads: LargeReads::new(pipes) }
    }

    /// An empty buffer.
    pub(super) fn take(&self) -> Vec<u8> {
        self.kept.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(ROOM))
    }

    /// Gives it back, whatever it holds.
    pub(super) fn put(&self, mut buffer: Vec<u8>) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < MOST && (ROOM..=LARGEST).contains(&buffer.capacity()) {
            buffer.clear();
            kept.push(buffer);
        }
    }
}
