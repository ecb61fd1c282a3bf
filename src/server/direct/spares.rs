//! The buffers of one worker that nobody reads into just now. A connection that waits holds none.

use std::cell::RefCell;

use bytes::BytesMut;

/// How much is read of a client at once, in bytes.
const ROOM: usize = 8 * 1024;

/// How many are kept; more than that were a burst.
const MOST: usize = 64;

/// The buffers.
#[derive(Default)]
pub(in crate::server) struct Spares(RefCell<Vec<BytesMut>>);

impl Spares {
    /// A buffer with room; what was in it is gone, once nobody holds a part of that any more.
    pub(super) fn take(&self) -> BytesMut {
        let mut buffer = self.0.borrow_mut().pop().unwrap_or_default();
        buffer.reserve(ROOM);
        buffer
    }

    /// Gives back a buffer that is empty, unless it has grown.
    pub(super) fn put(&self, buffer: BytesMut) {
        let mut spares = self.0.borrow_mut();
        if spares.len() < MOST && (1..=2 * ROOM).contains(&buffer.capacity()) {
            spares.push(buffer);
        }
    }
}
