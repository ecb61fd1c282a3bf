//! An answer's body as it comes in: read over the upstream's connection, understood, and made ready to go on. The connection
//! goes back to the others with the last byte.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::HeaderMap;

use super::chunks::{self, Chunks, Form};
use super::head::Ends;
use super::line::Line;
use super::{Buffers, Held, Pool};
use crate::proxy::body::BodyError;
use crate::web::large_reads::{LARGE, LargeRead, PIPED, SOME};
use crate::web::wire::{Load, Wire as _};

/// How much is read at once of a large body in chunks, which take their room twice: as they came, and as they go on.
const MOST_OF_CHUNKS: usize = 128 * 1024;

/// What is still to come of an answer.
pub(super) struct Intake {
    form: Form,
    /// `None`: the body has ended, and the connection went back to the others.
    line: Option<Held<Line>>,
    reusable: bool,
    /// Whether the upstream still gets the request's body by the same connection.
    being_fed: bool,
    rest: Rest,
    /// What came behind the body.
    trailers: Option<Box<HeaderMap>>,
    /// What was read and is not understood yet.
    input: Vec<u8>,
    /// Whether the last read filled it: then there is more to come than it has room for.
    filled: bool,
    /// How many bytes of the body were made ready.
    carried: u64,
    /// When what is in `input` came, as long as nothing else has.
    came: Option<Instant>,
    /// The most that is read at once.
    most: usize,
    /// A body that is large has it, if there is one.
    large: Option<LargeRead>,
    /// Whether it may go by a pipe.
    may_pipe: bool,
    lines: Rc<Pool<Line>>,
    buffers: Rc<Buffers>,
}

/// What of a body is still to come.
enum Rest {
    Nothing,
    Bytes(u64),
    Chunks(Chunks),
    UntilTheEnd,
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.buffers.put(std::mem::take(&mut self.input));
    }
}

impl Intake {
    /// `input`: what came behind the head, and when.
    pub(super) fn new(
        form: Form,
        (line, reusable): (Held<Line>, bool),
        ends: Ends,
        (input, came): (Vec<u8>, Instant),
        (lines, buffers): (Rc<Pool<Line>>, Rc<Buffers>),
    ) -> Self {
        let rest = match ends {
            Ends::AtOnce => Rest::Nothing,
            Ends::After(length) => Rest::Bytes(length),
            Ends::WithLastChunk => Rest::Chunks(Chunks::new(form)),
            Ends::WithConnection => Rest::UntilTheEnd,
        };
        let line = Some(line);
        let (being_fed, filled, carried, most, large) = (false, false, 0, LARGE, None);
        let (trailers, came) = (None, Some(came));
        Self {
            form,
            line,
            reusable,
            being_fed,
            rest,
            trailers,
            input,
            filled,
            carried,
            came,
            most,
            large,
            may_pipe: false,
            lines,
            buffers,
        }
    }

    /// The connection stays until [`Self::is_fed`] is said.
    pub(super) const fn is_fed_later(&mut self) {
        self.being_fed = true;
    }

    /// The request's body has ended; `whole`: the upstream took all of it.
    pub(super) fn is_fed(&mut self, whole: bool) {
        if std::mem::take(&mut self.being_fed) {
            self.reusable &= whole;
            if self.is_whole() {
                self.give_back(Instant::now());
            }
        }
    }

    /// The connection, until it went back to the others.
    pub(super) fn line(&mut self) -> Option<&mut Line> {
        self.line.as_deref_mut()
    }

    /// Reads no more than this at once, in bytes.
    pub(super) const fn at_most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Whether who gets it takes what is in a pipe.
    pub(super) const fn may_pipe(&mut self, may: bool) {
        self.may_pipe = may;
    }

    /// How many bytes of the body were made ready so far.
    pub(super) const fn carried(&self) -> u64 {
        self.carried
    }

    /// Whether nothing will become ready any more.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    /// The trailers that came behind a body of frames; to be taken once nothing else is to come.
    pub(super) const fn take_trailers(&mut self) -> Option<Box<HeaderMap>> {
        self.trailers.take()
    }

    /// Whether there are such.
    pub(super) const fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// How many bytes are to come, where that is known.
    pub(super) const fn left(&self) -> Option<u64> {
        match self.rest {
            Rest::Nothing => Some(0),
            Rest::Bytes(left) => Some(left),
            Rest::Chunks(_) | Rest::UntilTheEnd => None,
        }
    }

    /// Reads on, until there is something in `out`, which is empty, or the body has ended.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>, out: &mut Load) -> Poll<Result<(), BodyError>> {
        while out.is_empty() && !self.is_whole() {
            ready!(self.poll_read(cx, out)).map_err(BodyError::BrokenOff)?;
            self.digest(out)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once. A body of known length is read to where it is sent from.
    fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut Load) -> Poll<io::Result<()>> {
        let Some(line) = &mut self.line else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        let is_large = match self.rest {
            Rest::Bytes(left) => left > SOME as u64,
            _ => self.filled,
        };
        self.came = None;
        if is_large && self.large.is_none() {
            self.large = self.buffers.large_reads.take();
            if let (true, Rest::Bytes(PIPED..), Some(large)) = (self.may_pipe, &self.rest, &self.large) {
                out.go_by(large.pipe());
            }
        }
        if let Rest::Bytes(left) = &mut self.rest {
            let most = if self.large.is_some() { self.most } else { SOME };
            let most = usize::try_from(*left).unwrap_or(usize::MAX).min(most);
            let count = ready!(out.poll_fill(&mut line.connection, cx, most))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            *left -= count as u64;
            self.carried += count as u64;
            return Poll::Ready(Ok(()));
        }
        if self.filled || self.input.len() == self.input.capacity() {
            let most = if self.large.is_some() { MOST_OF_CHUNKS.min(self.most) } else { SOME };
            self.input.reserve((self.input.capacity() * 2).clamp(SOME, most));
        }
        let count = ready!(line.poll_fill(cx, &mut self.input))?;
        self.filled = self.input.len() == self.input.capacity();
        if count > 0 {
            return Poll::Ready(Ok(()));
        }
        if matches!(self.rest, Rest::UntilTheEnd) {
            if self.form == Form::Chunked {
                out.bytes().extend_from_slice(chunks::LAST);
            }
            self.reusable = false;
            self.rest = Rest::Nothing;
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
    }

    /// Makes ready what was read.
    pub(super) fn digest(&mut self, out: &mut Load) -> Result<(), BodyError> {
        match &mut self.rest {
            Rest::Bytes(left) if !self.input.is_empty() => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(self.input.len());
                out.bytes().extend_from_slice(&self.input[..count]);
                self.input.drain(..count);
                *left -= count as u64;
                self.carried += count as u64;
                if self.input.is_empty() {
                    // What follows is read to where it is sent from.
                    self.buffers.put(std::mem::take(&mut self.input));
                }
            }
            Rest::Chunks(chunks) => {
                let (taken, data) = chunks.take(&self.input, out.bytes()).map_err(BodyError::Chunks)?;
                self.input.drain(..taken);
                self.carried += data;
            }
            Rest::UntilTheEnd if !self.input.is_empty() => {
                match self.form {
                    Form::Chunked => chunks::write(&self.input, out.bytes()),
                    Form::Plain => out.bytes().extend_from_slice(&self.input),
                }
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
            if let Rest::Chunks(chunks) = &mut self.rest {
                self.trailers = chunks.take_trailers();
            }
            self.rest = Rest::Nothing;
            if !self.being_fed {
                self.give_back(self.came.unwrap_or_else(Instant::now));
            }
        }
        Ok(())
    }

    /// The connection may serve another request, unless more came than the answer.
    fn give_back(&mut self, since: Instant) {
        if let Some(line) = self.line.take()
            && self.reusable
            && self.input.is_empty()
        {
            self.lines.put(line, since);
        }
    }
}
