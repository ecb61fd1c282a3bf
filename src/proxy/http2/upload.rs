//! A request's body on its way into a stream: as much as the upstream takes, until either side has had enough.

use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body as _;

use super::exchange::{Progress, Shared};
use crate::proxy::body::RequestBody;

/// Sends a body in a task of its own: the answer may begin, and end, before it.
pub(super) fn start(body: RequestBody, stream: SendStream<Bytes>, exchange: Rc<Shared>) {
    let mut upload = Upload { body, stream, exchange, chunk: Bytes::new(), last: false };
    tokio::task::spawn_local(async move {
        if let Err(reason) = std::future::poll_fn(|cx| upload.poll(cx)).await {
            upload.stream.send_reset(reason);
        }
    });
}

struct Upload {
    body: RequestBody,
    stream: SendStream<Bytes>,
    exchange: Rc<Shared>,
    /// What was taken of the body and not yet sent.
    chunk: Bytes,
    /// Whether that is all.
    last: bool,
}

impl Upload {
    /// Ready when there is nothing more to send; with a reason when the stream must not go on.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Reason>> {
        match self.exchange.progress(cx) {
            Progress::Dropped => return Poll::Ready(Err(Reason::CANCEL)),
            // Nobody else looks at the clock and after the session any more.
            Progress::Whole if self.exchange.vigil.is_cut() || self.exchange.vigil.poll(cx).is_ready() => {
                return Poll::Ready(Err(Reason::CANCEL));
            }
            Progress::Open | Progress::Whole => {}
        }
        loop {
            // The upstream has had enough: that the answer is whole, or what went wrong, its reader learns.
            if self.stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if !self.chunk.is_empty() {
                let room = self.stream.capacity();
                if room == 0 {
                    match ready!(self.stream.poll_capacity(cx)) {
                        Some(Ok(_)) => continue,
                        // The stream is closed.
                        Some(Err(_)) | None => return Poll::Ready(Ok(())),
                    }
                }
                let part = self.chunk.split_to(room.min(self.chunk.len()));
                let last = self.last && self.chunk.is_empty();
                if self.stream.send_data(part, last).is_err() || last {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                let _ = self.stream.send_data(Bytes::new(), true);
                return Poll::Ready(Ok(()));
            };
            match frame.map_err(|error| reason(&error))?.into_data() {
                Ok(data) => {
                    self.last = self.body.is_end_stream();
                    if data.is_empty() && self.last {
                        let _ = self.stream.send_data(data, true);
                        return Poll::Ready(Ok(()));
                    }
                    // Asked for only now: what is reserved for a body that never comes is lost to the other streams.
                    self.stream.reserve_capacity(data.len());
                    self.chunk = data;
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        let _ = self.stream.send_trailers(trailers);
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

/// What the upstream is told of a body that broke off: what an HTTP/2 client said, else that it is gone.
fn reason(error: &(dyn Error + 'static)) -> Reason {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(said) = error.downcast_ref::<h2::Error>().and_then(h2::Error::reason) {
            // An end without an error would be one that the upstream may take for good.
            return if said == Reason::NO_ERROR { Reason::CANCEL } else { said };
        }
        cause = error.source();
    }
    Reason::CANCEL
}
