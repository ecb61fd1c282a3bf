//! An answer's body, whoever wrote it, with what has to be known when it ends.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::observe::Record;
use super::vital::InFlight;
use crate::metrics::Tally;
use crate::proxy::body::{BodyError, UpstreamBody, Watch};

/// Who wrote it.
pub(super) enum Source {
    /// Sidegate.
    Own(Full<Bytes>),
    /// The upstream.
    Upstream(UpstreamBody),
}

/// A body on its way to the client. Dropping it ends the request: it is logged, and its connection is idle.
pub(super) struct Outgoing {
    source: Source,
    record: Option<Record>,
    tally: Rc<Tally>,
    in_flight: InFlight,
    version: Version,
    broken: bool,
}

impl Outgoing {
    /// `version`: the request's.
    pub(super) const fn new(
        source: Source,
        record: Option<Record>,
        tally: Rc<Tally>,
        in_flight: InFlight,
        version: Version,
    ) -> Self {
        Self { source, record, tally, in_flight, version, broken: false }
    }

    /// The watch over it, where it is the upstream's.
    pub(super) fn watch(&self) -> Option<Watch> {
        match &self.source {
            Source::Upstream(body) => body.watch(),
            Source::Own(_) => None,
        }
    }

    fn break_off(&mut self, why: &BodyError) {
        if let Some(error) = why.counted() {
            self.tally.upstream_error(error);
        }
        self.broken = true;
        // HTTP/1.0 knows no chunks: there, the end of the connection is the end of the answer.
        if self.version < Version::HTTP_11 {
            self.in_flight.break_off();
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            Source::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Source::Upstream(body) => Pin::new(body).poll_frame(cx),
        };
        if let (Some(record), Poll::Ready(Some(Ok(frame)))) = (&mut this.record, &polled) {
            record.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        if let Poll::Ready(Some(Err(why))) = &polled {
            this.break_off(why);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(body) => body.is_end_stream(),
            Source::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(body) => body.size_hint(),
            Source::Upstream(body) => body.size_hint(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let read = self.is_end_stream();
        if let Some(record) = &mut self.record {
            // An answer to HEAD has no body; hyper drops the one that GET would have got.
            record.complete = (read || record.is_head()) && !self.broken;
        }
    }
}
