//! A request's body that is still coming in: read of the client only when the upstream has taken what was read before.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::line::Line;
use crate::web::large_reads::{LARGE, LargeRead, PIPED, SOME};
use crate::web::wire::{Load, Wire};

/// What of a request's body did not come along with its head. Who talks to the client fills it; who talks to the upstream,
/// in the same task, drains it.
pub struct Feed {
    /// How many bytes the client has still to send.
    to_come: u64,
    /// What was read and is not written yet.
    held: Load,
    /// Whether the upstream takes no more of it. The client sends all the same, and nobody wants it.
    refused: bool,
    large: Option<LargeRead>,
}

/// Both of them hold it.
pub type SharedFeed = Rc<RefCell<Feed>>;

impl Feed {
    /// `to_come`: its length in bytes. A large one is read in large amounts with a permit for that, and goes by a pipe where
    /// `may_pipe` says that the client can be read by one.
    pub fn new(to_come: u64, permit: impl FnOnce() -> Option<LargeRead>, may_pipe: bool) -> SharedFeed {
        let large = if to_come > SOME as u64 { permit() } else { None };
        let mut held = Load::default();
        if may_pipe && to_come >= PIPED {
            held.go_by(large.as_ref().and_then(LargeRead::pipe));
        }
        Rc::new(RefCell::new(Self { to_come, held, refused: false, large }))
    }

    /// Whether the client has more of it to send.
    pub const fn is_open(&self) -> bool {
        self.to_come > 0
    }

    /// Whether it is time to fill it.
    pub fn is_hungry(&self) -> bool {
        self.is_open() && self.held.is_empty()
    }

    /// Whether the upstream has got all of it.
    pub(super) fn is_eaten(&self) -> bool {
        self.is_over() && !self.refused
    }

    /// Whether nothing is to be done about it any more.
    pub(super) fn is_over(&self) -> bool {
        !self.is_open() && self.held.is_empty()
    }

    /// Fills it, once; only for when it is hungry. It is an error where the client ends before its body.
    pub fn poll_fill(&mut self, client: &mut impl Wire, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let most = if self.large.is_some() { LARGE } else { SOME };
        let most = usize::try_from(self.to_come).unwrap_or(usize::MAX).min(most);
        let Poll::Ready(read) = self.held.poll_fill(client, cx, most) else {
            // Ten thousand that wait hold nothing; those with a permit are few.
            if self.large.is_none() {
                self.held = Load::default();
            }
            return Poll::Pending;
        };
        let count = read?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.to_come -= count as u64;
        if self.refused {
            self.held = Load::default();
        }
        Poll::Ready(Ok(()))
    }

    /// The upstream takes no more of it.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
        self.held = Load::default();
    }

    /// Writes on; gives how many bytes the upstream took. Pending: it takes no more just now.
    pub(super) fn poll_drain(&mut self, line: &mut Line, cx: &mut Context<'_>) -> Poll<usize> {
        let mut taken = 0;
        while !self.held.is_empty() {
            match self.held.poll_drain(line, cx) {
                Poll::Ready(Ok(written @ 1..)) => taken += written,
                // It may have answered all the same, which reading tells.
                Poll::Ready(_) => self.refuse(),
                Poll::Pending if taken == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        if self.is_over() {
            // The rest of the exchange needs no room.
            self.held = Load::default();
            self.large = None;
        }
        Poll::Ready(taken)
    }
}
