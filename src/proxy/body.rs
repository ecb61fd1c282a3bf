//! Bodies on their way through: streamed frame by frame, never gathered.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::direct::{BadChunks, Frames};
use super::http2::Answer;
use super::pool::Lease;
use super::request::{self, Claims};
use super::response;
use super::vigil::{Vigil, Why};
use crate::metrics::UpstreamError;

/// A request's body, on its way to the upstream.
pub enum RequestBody {
    /// There is none.
    Empty,
    /// It streams.
    Stream(Upload),
}

/// A body that is still coming in.
pub struct Upload {
    inner: Incoming,
    /// Whether it came in a stream of HTTP/2's.
    framed: bool,
    claims: Rc<Claims>,
    vigil: Rc<Vigil>,
    /// How long the answer's head may take once the upload is done.
    response_timeout: Duration,
}

impl RequestBody {
    pub(super) fn stream(
        inner: Incoming,
        framed: bool,
        claims: Rc<Claims>,
        vigil: Rc<Vigil>,
        response_timeout: Duration,
    ) -> Self {
        Self::Stream(Upload { inner, framed, claims, vigil, response_timeout })
    }
}

/// Why a request's body broke off: the upstream must not take it for whole.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The client broke off.
    #[error("the client broke off: {0}")]
    Client(#[source] hyper::Error),
    /// It reset its stream with `NO_ERROR`, which hyper takes for an end.
    #[error("the client reset its stream")]
    Reset,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Self::Stream(upload) = self.get_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(&mut upload.inner).poll_frame(cx);
        match polled {
            Poll::Ready(Some(Ok(mut frame))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    request::clean_trailers(trailers, &upload.claims);
                }
                if upload.inner.is_end_stream() {
                    upload.vigil.sent(upload.response_timeout);
                } else {
                    upload.vigil.progress();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) if upload.framed && !upload.inner.is_end_stream() => {
                Poll::Ready(Some(Err(UploadError::Reset)))
            }
            Poll::Ready(None) => {
                upload.vigil.sent(upload.response_timeout);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(UploadError::Client(error)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Stream(upload) => upload.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Stream(upload) => upload.inner.size_hint(),
        }
    }
}

/// An answer's body, on its way to the client. Holds the upstream's connection until it has ended.
pub struct UpstreamBody {
    /// Boxed: answers are handed on often before their bodies are asked for.
    stream: Option<Box<Download>>,
}

struct Download {
    inner: Source,
    vigil: Rc<Vigil>,
}

/// Where an answer comes from, and what it holds there.
pub(super) enum Source {
    Http1(Incoming, Lease),
    Http2(Answer),
    Direct(Frames),
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Http1(body, _) => Pin::new(body).poll_frame(cx).map_err(BodyError::Upstream),
            Self::Http2(answer) => answer.poll_frame(cx).map_err(BodyError::stream),
            Self::Direct(frames) => frames.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body, _) => body.is_end_stream(),
            Self::Http2(answer) => answer.is_end_stream(),
            Self::Direct(frames) => frames.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body, _) => body.size_hint(),
            Self::Http2(answer) => answer.size_hint(),
            Self::Direct(frames) => frames.size_hint(),
        }
    }

    /// It has ended well: a connection may serve another request; the others know by themselves.
    fn give_back(self) {
        if let Self::Http1(_, lease) = self {
            lease.give_back();
        }
    }
}

/// Why an answer's body broke off: the client must not take it for whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The upstream broke off.
    #[error("the upstream broke off: {0}")]
    Upstream(#[from] hyper::Error),
    /// The upstream's connection broke off.
    #[error("the upstream broke off: {0}")]
    BrokenOff(#[source] std::io::Error),
    /// It can't be said where the answer ends.
    #[error(transparent)]
    Chunks(#[from] BadChunks),
    /// The upstream, or its connection, ended the stream before its answer.
    #[error("the upstream broke off: {0}")]
    Stream(#[source] h2::Error),
    /// The same with `NO_ERROR` as the reason, which must not be passed on: clients take it for an end.
    #[error("the upstream reset the stream without a reason")]
    Unfinished,
    /// It was silent for longer than `upstream.idle_timeout`.
    #[error("the upstream was silent for too long")]
    Silent,
    /// Its session has ended.
    #[error("the session has ended")]
    SessionEnded,
}

impl BodyError {
    /// As what it is counted, where the upstream is to blame.
    pub const fn counted(&self) -> Option<UpstreamError> {
        match self {
            Self::Upstream(_) | Self::BrokenOff(_) | Self::Chunks(_) | Self::Stream(_) | Self::Unfinished => {
                Some(UpstreamError::BodyBrokenOff)
            }
            Self::Silent => Some(UpstreamError::BodyTimeout),
            Self::SessionEnded => None,
        }
    }

    fn stream(error: h2::Error) -> Self {
        if error.reason() == Some(h2::Reason::NO_ERROR) { Self::Unfinished } else { Self::Stream(error) }
    }
}

impl From<Why> for BodyError {
    fn from(why: Why) -> Self {
        match why {
            Why::TooLong => Self::Silent,
            Why::SessionEnded => Self::SessionEnded,
        }
    }
}

/// The watch over an answer, for who has to end it while nobody asks it for more.
pub struct Watch(Rc<Vigil>);

impl Watch {
    /// Whether its session has ended.
    pub fn is_cut(&self) -> bool {
        self.0.is_cut()
    }

    /// Ready when the answer must not go on: nothing was taken of it for too long, or its session has ended.
    pub fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.poll(cx).map(|_| ())
    }
}

impl UpstreamBody {
    /// The watch over it; `None`: it has no body.
    pub fn watch(&self) -> Option<Watch> {
        self.stream.as_ref().map(|stream| Watch(Rc::clone(&stream.vigil)))
    }

    /// No body: a tunnel follows.
    pub(super) const fn none() -> Self {
        Self { stream: None }
    }

    pub(super) fn stream(inner: Source, vigil: Rc<Vigil>) -> Self {
        let mut body = Self { stream: Some(Box::new(Download { inner, vigil })) };
        body.settle();
        body
    }

    /// Ends the answer for the client as what it is: not whole. The connection goes with the lease, since nobody
    /// knows what is left on it.
    fn break_off(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.stream = None;
        Poll::Ready(Some(Err(error)))
    }

    /// Gives the connection back as soon as the body has ended.
    fn settle(&mut self) {
        if self.is_end_stream() {
            self.end();
        }
    }

    /// Gives the connection back: the body has ended.
    fn end(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.inner.give_back();
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        let Some(stream) = &mut body.stream else { return Poll::Ready(None) };
        // Asked at each frame: what never falls silent never comes to wait.
        if stream.vigil.is_cut() {
            return body.break_off(BodyError::SessionEnded);
        }
        match stream.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(mut frame))) => {
                stream.vigil.progress();
                if let Some(trailers) = frame.trailers_mut() {
                    response::clean_trailers(trailers);
                    // Nothing comes behind them, and nobody may ask for more.
                    body.end();
                } else {
                    body.settle();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                body.end();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => body.break_off(error),
            Poll::Pending => match stream.vigil.poll(cx) {
                Poll::Ready(why) => body.break_off(why.into()),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    /// Passed on, or gRPC's trailers-only answers would break.
    fn is_end_stream(&self) -> bool {
        self.stream.as_ref().is_none_or(|stream| stream.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.stream.as_ref().map_or(SizeHint::with_exact(0), |stream| stream.inner.size_hint())
    }
}
