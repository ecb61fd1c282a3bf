//! Whether a request's body has been read when Sidegate answers it by itself.
//!
//! hyper closes such a connection after the answer, unless the rest of the body happens to be there already, and says nothing
//! of it. A client that keeps connections (Caddy was seen to) sends its next request on one that is gone, and can't tell
//! whether it was taken: a 502 for a write that met nothing worse than another one's 403. So the answer says it.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// How much is taken of a body that nobody wants: what came along with the head, not an upload.
const MOST: usize = 64 * 1024;
/// How often hyper is given the chance to hand over what it has; it takes one turn to do so.
const TURNS: usize = 3;

/// A body that tells when its end has come.
pub(super) struct Watched<'a> {
    pub(super) body: &'a mut Incoming,
    pub(super) read: &'a Cell<bool>,
}

impl Body for Watched<'_> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut *self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.read.set(true);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a body may be taken only to be rid of it. Who expects to be asked for it (RFC 9110 section 10.1.1) would be, by that;
/// HTTP/2 has a stream of its own for each request.
pub(super) fn may_be_drained(head: &Parts) -> bool {
    head.version < Version::HTTP_2 && !head.headers.contains_key(EXPECT)
}

impl Watched<'_> {
    /// Takes what is there of a body that nobody wants, and waits for none of it.
    pub(super) async fn drain(mut self) {
        let mut taken = 0;
        for _ in 0..TURNS {
            while !self.read.get() && taken <= MOST {
                let frame = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut self).poll_frame(cx))).await;
                match frame {
                    Poll::Ready(Some(Ok(frame))) => taken += frame.data_ref().map_or(0, Bytes::len),
                    Poll::Ready(_) => return,
                    Poll::Pending => break,
                }
            }
            if self.read.get() || taken > MOST {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}
