//! An answer on its way back: what is ready to be sent on, and the rest, read only when that has been sent.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::BufMut as _;
use http::StatusCode;

use super::chunks::{self, Chunks};
use super::head::Ends;
use super::line::Line;
use super::{Began, Buffers, Pool};
use crate::proxy::body::BodyError;
use crate::proxy::vigil::Vigil;
use crate::web::large_reads::{LARGE, LargeRead};

/// How much is read at once of a body in bytes, unless it is large and may be read in large amounts.
const SOME: usize = 16 * 1024;

/// The same for chunks, which take their room twice: as they came, and as they go on.
const MOST_OF_CHUNKS: usize = 128 * 1024;

/// An answer that goes the direct way.
pub struct Answer {
    status: StatusCode,
    dated: bool,
    /// `None`: the body has ended, and the connection went back to the others.
    line: Option<Line>,
    reusable: bool,
    rest: Rest,
    /// What was read and is not understood yet.
    input: Vec<u8>,
    /// Whether the last read filled it: then there is more to come than it has room for.
    filled: bool,
    /// What is ready to be sent on, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// How many bytes of the body were made ready.
    carried: u64,
    /// A body that is large has it, if there is one.
    large: Option<LargeRead>,
    vigil: Vigil,
    lines: Rc<Pool<Line>>,
    buffers: Rc<Buffers>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.buffers.put(std::mem::take(&mut self.input));
        self.buffers.put(std::mem::take(&mut self.out));
    }
}

/// What of a body is still to come.
enum Rest {
    Nothing,
    Bytes(u64),
    Chunks(Chunks),
    UntilTheEnd,
}

impl Answer {
    pub(super) fn new(began: Began, vigil: Vigil, lines: Rc<Pool<Line>>, buffers: Rc<Buffers>) -> Self {
        let Began { line, said, out, input } = began;
        let rest = match said.ends {
            Ends::AtOnce => Rest::Nothing,
            Ends::After(length) => Rest::Bytes(length),
            Ends::WithLastChunk => Rest::Chunks(Chunks::new()),
            Ends::WithConnection => Rest::UntilTheEnd,
        };
        let (line, reusable) = (Some(line), said.reusable);
        Self {
            status: said.status,
            dated: said.dated,
            line,
            reusable,
            rest,
            input,
            filled: false,
            out,
            sent: 0,
            carried: 0,
            large: None,
            vigil,
            lines,
            buffers,
        }
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether it says when it was made.
    pub const fn is_dated(&self) -> bool {
        self.dated
    }

    /// How many bytes of its body went through so far.
    pub const fn carried(&self) -> u64 {
        self.carried
    }

    /// Ends its head with `fields`, whole lines, and takes what of the body came with it. To be called once, before
    /// anything is sent.
    pub fn begin(&mut self, fields: &[u8]) -> Result<(), BodyError> {
        self.out.extend_from_slice(fields);
        self.out.extend_from_slice(b"\r\n");
        self.digest()
    }

    /// What is ready to be sent.
    pub fn ready(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// So many bytes of what was ready have been sent: a sign of life.
    pub fn advance(&mut self, sent: usize) {
        self.sent += sent;
        let all = self.sent == self.out.len();
        if all {
            self.out.clear();
            self.sent = 0;
        }
        if !(all && self.is_whole()) {
            self.vigil.progress();
        }
    }

    /// Whether nothing will become ready any more.
    pub const fn is_whole(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    /// Reads on, until more is ready or nothing will be. Only for when all that was ready has been sent.
    pub fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        // Asked each time: what never falls silent never comes to wait.
        if self.vigil.is_cut() {
            return Poll::Ready(Err(BodyError::SessionEnded));
        }
        while self.out.is_empty() && !self.is_whole() {
            match self.poll_read(cx) {
                Poll::Ready(Ok(())) => self.digest()?,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(BodyError::BrokenOff(error))),
                Poll::Pending => return self.poll_over(cx).map(Err),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when it must not go on: nothing came or was taken of it for too long, or its session has ended.
    pub fn poll_over(&self, cx: &Context<'_>) -> Poll<BodyError> {
        self.vigil.poll(cx).map(BodyError::from)
    }

    /// Reads once. A body of known length is read to where it is sent from.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(line) = &mut self.line else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        let is_large = match self.rest {
            Rest::Bytes(left) => left > SOME as u64,
            _ => self.filled,
        };
        if is_large && self.large.is_none() {
            self.large = self.buffers.large_reads.take();
        }
        if let Rest::Bytes(left) = &mut self.rest {
            let most = if self.large.is_some() { LARGE } else { SOME };
            let most = usize::try_from(*left).unwrap_or(usize::MAX).min(most);
            self.out.reserve(most);
            let count = ready!(line.poll_fill(cx, &mut (&mut self.out).limit(most)))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            *left -= count as u64;
            self.carried += count as u64;
            return Poll::Ready(Ok(()));
        }
        if self.filled || self.input.len() == self.input.capacity() {
            let most = if self.large.is_some() { MOST_OF_CHUNKS } else { SOME };
            self.input.reserve((self.input.capacity() * 2).clamp(SOME, most));
        }
        let count = ready!(line.poll_fill(cx, &mut self.input))?;
        self.filled = self.input.len() == self.input.capacity();
        if count > 0 {
            return Poll::Ready(Ok(()));
        }
        if matches!(self.rest, Rest::UntilTheEnd) {
            self.out.extend_from_slice(chunks::LAST);
            self.reusable = false;
            self.rest = Rest::Nothing;
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
    }

    /// Makes ready what was read.
    fn digest(&mut self) -> Result<(), BodyError> {
        match &mut self.rest {
            Rest::Bytes(left) if !self.input.is_empty() => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(self.input.len());
                self.out.extend_from_slice(&self.input[..count]);
                self.input.drain(..count);
                *left -= count as u64;
                self.carried += count as u64;
            }
            Rest::Chunks(chunks) => {
                let (taken, data) = chunks.take(&self.input, &mut self.out).map_err(BodyError::Chunks)?;
                self.input.drain(..taken);
                self.carried += data;
            }
            Rest::UntilTheEnd if !self.input.is_empty() => {
                chunks::write(&self.input, &mut self.out);
                self.carried += self.input.len() as u64;
                self.input.clear();
            }
            _ => {}
        }
        let over = match &self.rest {
            Rest::Nothing | Rest::Bytes(0) => true,
            Rest::Chunks(chunks) => chunks.is_done(),
            Rest::Bytes(_) | Rest::UntilTheEnd => false,
        };
        if over {
            self.rest = Rest::Nothing;
            self.give_back();
        }
        Ok(())
    }

    /// The connection may serve another request, unless more came than the answer.
    fn give_back(&mut self) {
        if let Some(line) = self.line.take()
            && self.reusable
            && self.input.is_empty()
        {
            self.lines.put(line);
        }
    }
}
