//! An answer's body as it comes out of a stream.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Frame, SizeHint};

use super::exchange::Exchange;

/// An answer's body. It is whole when its stream was ended by the upstream, and in no other case: a reset is an error
/// whatever its reason. Dropping it before resets the stream.
pub(in crate::proxy) struct Answer {
    stream: RecvStream,
    data_done: bool,
    exchange: Exchange,
}

impl Answer {
    pub(super) fn new(stream: RecvStream, exchange: Exchange) -> Self {
        Self { stream, data_done: false, exchange }
    }

    pub(in crate::proxy) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.data_done {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Taken: the upstream may send as much again. It fails where the stream is over, and then is no matter.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.data_done = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx))?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    pub(in crate::proxy) fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// Known only where there is nothing: a length that the upstream told stands in the head.
    pub(in crate::proxy) fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.stream.is_end_stream() {
            self.exchange.is_whole();
        }
    }
}
