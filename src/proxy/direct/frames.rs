//! An answer on its way back over HTTP/2: its head as fields, its body as frames.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};

use super::chunks::Form;
use super::head::{Said, Sink};
use super::intake::Intake;
use super::line::Line;
use super::{Bad, Began, Buffers, Pool};
use crate::proxy::body::BodyError;
use crate::web::wire::Load;

/// How much is read at once, in bytes: what waits for its client's window holds no more.
const MOST: usize = 64 * 1024;

/// The body of an answer that goes the direct way, in frames.
pub(in crate::proxy) struct Frames {
    intake: Intake,
    /// What is ready.
    out: Vec<u8>,
    buffers: Rc<Buffers>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.buffers.put(std::mem::take(&mut self.out));
    }
}

impl Frames {
    /// Gives the head, too. Fails where what came with the head makes no sense.
    pub(super) fn new(
        began: Began<HeaderMap>,
        lines: Rc<Pool<Line>>,
        buffers: Rc<Buffers>,
    ) -> Result<(HeaderMap, Self), BodyError> {
        let Began { line, said, out: head, input, at } = began;
        let home = (lines, Rc::clone(&buffers));
        let intake =
            Intake::new(Form::Plain, (line, said.reusable), said.ends, (input, at), home).at_most(MOST);
        let mut frames = Self { intake, out: buffers.take(), buffers };
        frames.load(Intake::digest)?;
        Ok((head, frames))
    }

    /// Has more made ready. What is kept is memory alone: it makes no stream larger.
    fn load<T>(&mut self, more: impl FnOnce(&mut Intake, &mut Load) -> T) -> T {
        let mut load = Load::of(std::mem::take(&mut self.out));
        let done = more(&mut self.intake, &mut load);
        self.out = std::mem::take(load.bytes());
        done
    }

    /// The next frame.
    pub(in crate::proxy) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        ready!(self.load(|intake, load| intake.poll_more(cx, load)))?;
        if self.out.is_empty() {
            return Poll::Ready(self.intake.take_trailers().map(|trailers| Ok(Frame::trailers(*trailers))));
        }
        // What waits to be sent should be no larger than it seems.
        let data = if self.out.len() * 2 < self.out.capacity() {
            let data = Bytes::copy_from_slice(&self.out);
            self.out.clear();
            data
        } else {
            Bytes::from(std::mem::take(&mut self.out))
        };
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    /// Whether all frames were given.
    pub(in crate::proxy) fn is_end_stream(&self) -> bool {
        self.out.is_empty() && self.intake.is_whole() && !self.intake.has_trailers()
    }

    /// How much is still to be given.
    pub(in crate::proxy) fn size_hint(&self) -> SizeHint {
        let ready = self.out.len() as u64;
        self.intake.left().map_or_else(SizeHint::default, |left| SizeHint::with_exact(ready + left))
    }
}

/// Takes a head's fields. HTTP/2 has a framing of its own.
impl Sink for HeaderMap {
    fn begin(&mut self, _: &Said, _: &str) {}

    fn field(&mut self, name: &str, value: &[u8]) -> Result<(), Bad> {
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok(());
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Bad("a field's name that is none"))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| Bad("a field's value that is none"))?;
        self.append(name, value);
        Ok(())
    }
}
