//! An answer on its way back over HTTP/1.1: what is ready to be sent on, and the rest, read only when that has been sent.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::StatusCode;

use super::chunks::Form;
use super::feed::SharedFeed;
use super::intake::Intake;
use super::line::Line;
use super::{Began, Buffers, Pool};
use crate::proxy::body::BodyError;
use crate::proxy::vigil::Vigil;
use crate::web::wire::{Load, Wire};

/// An answer that goes the direct way.
pub struct Answer {
    status: StatusCode,
    dated: bool,
    began: Instant,
    intake: Intake,
    /// What of the request's body is still to come.
    feed: Option<SharedFeed>,
    /// What is ready to be sent on.
    out: Load,
    vigil: Vigil,
    buffers: Rc<Buffers>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.buffers.put(std::mem::take(self.out.bytes()));
    }
}

impl Answer {
    pub(super) fn new(
        began: Began<Vec<u8>>,
        feed: Option<SharedFeed>,
        vigil: Vigil,
        lines: Rc<Pool<Line>>,
        buffers: Rc<Buffers>,
    ) -> Self {
        let Began { line, said, out, input, at } = began;
        let home = (lines, Rc::clone(&buffers));
        let mut intake = Intake::new(Form::Chunked, (line, said.reusable), said.ends, (input, at), home);
        if let Some(feed) = &feed {
            intake.is_fed_later();
            if feed.borrow().is_over() {
                intake.is_fed(feed.borrow().is_eaten());
            }
        }
        let (status, dated) = (said.status, said.dated);
        Self { status, dated, began: at, intake, feed, out: Load::of(out), vigil, buffers }
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// When its head was there.
    pub const fn began(&self) -> Instant {
        self.began
    }

    /// Whether it says when it was made.
    pub const fn is_dated(&self) -> bool {
        self.dated
    }

    /// Whether its head has a field of this name. To be asked before [`Self::begin`], as long as there is nothing else.
    pub fn names(&self, name: &str) -> bool {
        self.out.memory().split(|byte| *byte == b'\n').any(|line| {
            let (start, rest) = line.split_at_checked(name.len()).unwrap_or_default();
            start.eq_ignore_ascii_case(name.as_bytes()) && rest.first() == Some(&b':')
        })
    }

    /// Adds a whole line to its head, before [`Self::begin`].
    pub fn add(&mut self, line: &[u8]) {
        self.out.bytes().extend_from_slice(line);
    }

    /// How many bytes of its body the client's socket has taken so far.
    pub fn carried(&self) -> u64 {
        self.intake.carried().saturating_sub(self.out.len() as u64)
    }

    /// Ends its head with `fields`, whole lines, and takes what of the body came with it. To be called once, before
    /// anything is sent. `may_pipe`: whether the client takes what is in a pipe.
    pub fn begin(&mut self, fields: &[u8], may_pipe: bool) -> Result<(), BodyError> {
        self.out.bytes().extend_from_slice(fields);
        self.out.bytes().extend_from_slice(b"\r\n");
        self.intake.may_pipe(may_pipe);
        self.intake.digest(&mut self.out)
    }

    /// Whether something is ready to be sent.
    pub fn is_ready(&self) -> bool {
        !self.out.is_empty()
    }

    /// Sends of it to the client, once; says how much, which is a sign of life.
    pub fn poll_send(&mut self, client: &mut impl Wire, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let sent = ready!(self.out.poll_drain(client, cx))?;
        if sent > 0 && !(self.out.is_empty() && self.is_whole()) {
            self.vigil.progress();
        }
        Poll::Ready(Ok(sent))
    }

    /// Has the upstream take more of the request's body, which is read of the client, until all of it is there or there
    /// is no more just now. It is an error where the client ends before its body.
    pub fn poll_feed(&mut self, client: &mut impl Wire, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(feed) = &self.feed else { return Poll::Ready(Ok(())) };
        let mut feed = feed.borrow_mut();
        loop {
            if let Some(line) = self.intake.line()
                && ready!(feed.poll_drain(line, cx)) > 0
            {
                self.vigil.progress();
            }
            if feed.is_over() {
                self.intake.is_fed(feed.is_eaten());
                return Poll::Ready(Ok(()));
            }
            if !feed.is_hungry() {
                return Poll::Pending;
            }
            ready!(feed.poll_fill(client, cx))?;
            // Also where the upstream takes no more of it.
            self.vigil.progress();
        }
    }

    /// Whether nothing will become ready any more.
    pub const fn is_whole(&self) -> bool {
        self.intake.is_whole()
    }

    /// Reads on, until more is ready or nothing will be. Only for when all that was ready has been sent.
    pub fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        // Asked each time: what never falls silent never comes to wait.
        if self.vigil.is_cut() {
            return Poll::Ready(Err(BodyError::SessionEnded));
        }
        match self.intake.poll_more(cx, &mut self.out) {
            Poll::Pending => self.poll_over(cx).map(Err),
            ready @ Poll::Ready(_) => ready,
        }
    }

    /// Ready when it must not go on: nothing came or was taken of it for too long, or its session has ended.
    pub fn poll_over(&self, cx: &Context<'_>) -> Poll<BodyError> {
        self.vigil.poll(cx).map(BodyError::from)
    }
}
