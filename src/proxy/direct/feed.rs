//! A request's body that is still coming in: read of the client only when the upstream has taken what was read before.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BufMut as _;
use bytes::buf::Limit;

use super::line::Line;
use crate::web::large_reads::{LARGE, LargeRead, SOME};

/// What of a request's body did not come along with its head. Who talks to the client fills it; who talks to the upstream,
/// in the same task, drains it.
pub struct Feed {
    /// How many bytes the client has still to send.
    to_come: u64,
    /// What was read, and from `sent` on is not written yet.
    held: Vec<u8>,
    sent: usize,
    /// Whether the upstream takes no more of it. The client sends all the same, and nobody wants it.
    refused: bool,
    large: Option<LargeRead>,
}

/// Both of them hold it.
pub type SharedFeed = Rc<RefCell<Feed>>;

impl Feed {
    /// `to_come`: its length in bytes. A large one is read in large amounts with a permit for that.
    pub fn new(to_come: u64, permit: impl FnOnce() -> Option<LargeRead>) -> SharedFeed {
        let large = if to_come > SOME as u64 { permit() } else { None };
        Rc::new(RefCell::new(Self { to_come, held: Vec::new(), sent: 0, refused: false, large }))
    }

    /// Whether the client has more of it to send.
    pub const fn is_open(&self) -> bool {
        self.to_come > 0
    }

    /// Whether it is time to fill it.
    pub const fn is_hungry(&self) -> bool {
        self.is_open() && self.held.is_empty()
    }

    /// Whether the upstream has got all of it.
    pub(super) const fn is_eaten(&self) -> bool {
        self.is_over() && !self.refused
    }

    /// Whether nothing is to be done about it any more.
    pub(super) const fn is_over(&self) -> bool {
        !self.is_open() && self.held.is_empty()
    }

    /// Fills it, once, by what `read` reads; only for when it is hungry. It is an error where the client ends before its body.
    pub fn poll_fill(
        &mut self,
        read: impl FnOnce(&mut Limit<&mut Vec<u8>>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let most = if self.large.is_some() { LARGE } else { SOME };
        let most = usize::try_from(self.to_come).unwrap_or(usize::MAX).min(most);
        self.held.reserve(most);
        let Poll::Ready(read) = read(&mut (&mut self.held).limit(most)) else {
            // Ten thousand that wait hold nothing; those with a permit are few.
            if self.large.is_none() {
                self.held = Vec::new();
            }
            return Poll::Pending;
        };
        let count = read?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.to_come -= count as u64;
        if self.refused {
            self.held.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// The upstream takes no more of it.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
        self.held.clear();
        self.sent = 0;
    }

    /// Writes on; gives how many bytes the upstream took. Pending: it takes no more just now.
    pub(super) fn poll_drain(&mut self, line: &mut Line, cx: &mut Context<'_>) -> Poll<usize> {
        let mut taken = 0;
        while !self.held.is_empty() {
            match line.poll_write(cx, &self.held[self.sent..]) {
                Poll::Ready(Ok(written @ 1..)) => {
                    self.sent += written;
                    taken += written;
                }
                // It may have answered all the same, which reading tells.
                Poll::Ready(_) => self.refuse(),
                Poll::Pending if taken == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
            if self.sent == self.held.len() {
                self.held.clear();
                self.sent = 0;
            }
        }
        if self.is_over() {
            // The rest of the exchange needs no room.
            self.held = Vec::new();
            self.large = None;
        }
        Poll::Ready(taken)
    }
}
