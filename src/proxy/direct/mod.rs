//! The direct way: one HTTP/1.1 exchange with the upstream, within the request's own future. For requests with a body of
//! known length or none, over `http:` and `unix:`; whatever is unusual about a request goes hyper's way.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Buf as _;
use http::header::{CONTENT_LENGTH, EXPECT, TE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::body::{Source, UpstreamBody};
use super::fault::{self, Fault, Kind};
use super::pool::{Held, Pool};
use super::vigil::Vigil;
use super::{Proxy, connect};
use crate::gate::Pass;
use crate::web::wire::Wire as _;
use crate::web::{Head, Peer};

mod body;
mod buffers;
mod chunks;
mod feed;
mod frames;
mod head;
mod intake;
mod line;

pub use body::Answer;
pub(super) use buffers::Buffers;
pub(super) use chunks::BadChunks;
use chunks::{Chunks, Form};
pub use feed::{Feed, SharedFeed};
pub(super) use frames::Frames;
use head::Sink;
pub use head::edit_answer;
pub(super) use line::Line;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bad(&'static str);

/// One request as it is asked, perhaps twice.
struct Question<'a> {
    wire: &'a [u8],
    method: &'a Method,
    /// What of its body is still to come.
    feed: Option<&'a SharedFeed>,
    vigil: &'a Vigil,
}

/// A request's body.
pub struct Payload<'a> {
    /// What came along with the head.
    pub there: &'a [u8],
    /// The rest.
    pub feed: Option<SharedFeed>,
}

/// What is said of a request besides its own words.
struct Sign<'a> {
    pass: &'a Pass,
    peer: &'a Peer,
    id: &'a HeaderValue,
}

/// An answer's head, and what came with it.
struct Began<K> {
    line: Held<Line>,
    said: head::Said,
    /// What the client gets of the head.
    out: K,
    /// What came behind it.
    input: Vec<u8>,
    /// When it was there.
    at: Instant,
}

impl Proxy {
    /// Forwards a request, and waits for the head of its answer. What is still to come of its body is fed meanwhile, and after.
    /// `id`: the request's id, for the upstream's own log; `now`: the caller has just looked.
    pub async fn ask(
        &self,
        pass: Pass,
        head: &impl Head,
        body: Payload<'_>,
        peer: &Peer,
        id: &HeaderValue,
        now: Instant,
    ) -> Result<Answer, Fault> {
        let vigil = Vigil::new(&self.deadlines, pass.lifeline());
        let sign = Sign { pass: &pass, peer, id };
        let began = self.began(head, &body, &sign, now, &vigil, Buffers::take).await?;
        self.check_chunks(&began)?;
        vigil.answered_at(began.at, self.upstream.idle_timeout);
        Ok(Answer::new(began, body.feed, vigil, Rc::clone(&self.lines), Rc::clone(&self.buffers)))
    }

    /// The same for a client that speaks HTTP/2, and a request without a body for which [`can_frame`] holds. Says as well when
    /// the answer's head was there.
    pub async fn ask_framed(
        &self,
        pass: Pass,
        head: &impl Head,
        peer: &Peer,
        id: &HeaderValue,
        now: Instant,
    ) -> Result<(Response<UpstreamBody>, Instant), Fault> {
        let vigil = Rc::new(Vigil::new(&self.deadlines, pass.lifeline()));
        let sign = Sign { pass: &pass, peer, id };
        let body = Payload { there: &[], feed: None };
        let began = self.began(head, &body, &sign, now, &vigil, |_| HeaderMap::with_capacity(16)).await?;
        let (status, at) = (began.said.status, began.at);
        let (fields, frames) = Frames::new(began, Rc::clone(&self.lines), Rc::clone(&self.buffers))
            .map_err(|error| Fault::because(Kind::BadAnswer, &error))?;
        vigil.answered_at(at, self.upstream.idle_timeout);
        let mut response = Response::new(UpstreamBody::stream(Source::Direct(frames), vigil));
        (*response.status_mut(), *response.headers_mut()) = (status, fields);
        Ok((response, at))
    }

    /// Asks, and asks again where that is safe; gives the head once it is there, told to what `sink` makes.
    async fn began<K: Sink>(
        &self,
        head: &impl Head,
        body: &Payload<'_>,
        sign: &Sign<'_>,
        now: Instant,
        vigil: &Vigil,
        sink: impl Fn(&Buffers) -> K,
    ) -> Result<Began<K>, Fault> {
        let mut wire = self.buffers.take();
        head::write_request_line(head, sign.pass.way(), &mut wire);
        self.editor.write(head, sign.pass, sign.peer, sign.id, &mut wire);
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(body.there);
        let feed = body.feed.as_ref();
        let repeatable = fault::is_safe(head.method()) && body.there.is_empty() && feed.is_none();
        let upstream = &self.upstream;
        vigil
            .expect_from(now, if feed.is_some() { upstream.idle_timeout } else { upstream.response_timeout });
        let question = Question { wire: &wire, method: head.method(), feed, vigil };
        let began = match self.lines.take(now) {
            Some(line) => match self.exchange(line, &question, true, &sink).await {
                Err(fault) if fault.goes_again(repeatable) => {
                    self.exchange(self.line().await?, &question, false, &sink).await?
                }
                outcome => outcome?,
            },
            None => self.exchange(self.line().await?, &question, false, &sink).await?,
        };
        self.buffers.put(wire);
        Ok(began)
    }

    /// Chunks that make no sense and are there already are told as what they are, while nothing has been sent.
    fn check_chunks(&self, began: &Began<Vec<u8>>) -> Result<(), Fault> {
        if began.said.ends != head::Ends::WithLastChunk || began.input.is_empty() {
            return Ok(());
        }
        let mut scratch = self.buffers.take();
        let taken = Chunks::new(Form::Chunked).take(&began.input, &mut scratch);
        self.buffers.put(scratch);
        taken.map(|_| ()).map_err(|error| Fault::because(Kind::BadAnswer, &error))
    }

    async fn line(&self) -> Result<Held<Line>, Fault> {
        connect::line(&self.addresses, &self.upstream, &self.deadlines).await
    }

    /// Asks over one connection.
    async fn exchange<K: Sink>(
        &self,
        mut line: Held<Line>,
        question: &Question<'_>,
        reused: bool,
        sink: impl Fn(&Buffers) -> K,
    ) -> Result<Began<K>, Fault> {
        let (mut out, mut input) = (sink(&self.buffers), self.buffers.take());
        let mut unsent = question.wire;
        let whole = unsent.len();
        // Whether the rest of the request was let go: then nothing may follow on this connection.
        let mut let_go = false;
        let mut said = std::future::poll_fn(|cx| {
            let step = loop {
                let stepped = if unsent.is_empty() {
                    if let Some(feed) = question.feed {
                        if let_go {
                            feed.borrow_mut().refuse();
                        }
                        self.feed(feed, &mut line, question.vigil, cx);
                    }
                    self.listen(&mut line, cx, question.method, &mut input, &mut out)
                } else {
                    speak(&mut line, cx, &mut unsent, whole, &mut let_go).map_ok(|()| None)
                };
                match stepped {
                    Poll::Ready(Ok(None)) => {}
                    stepped => break stepped,
                }
            };
            match step {
                Poll::Ready(Ok(said)) => Poll::Ready(said.ok_or_else(|| Fault::of(Kind::BadAnswer))),
                Poll::Ready(Err(Failed::Io(error))) => {
                    Poll::Ready(Err(Fault::breaking(&error, reused, unsent.len() == whole)))
                }
                Poll::Ready(Err(Failed::Bad(Bad(why)))) => {
                    Poll::Ready(Err(Fault::because(Kind::BadAnswer, &why)))
                }
                Poll::Pending => question.vigil.poll(cx).map(|why| Err(Fault::waiting(why))),
            }
        })
        .await?;
        said.reusable &= !let_go;
        Ok(Began { line, said, out, input, at: Instant::now() })
    }

    /// Has the upstream take what is there of a request's body, as far as it does.
    fn feed(&self, feed: &SharedFeed, line: &mut Line, vigil: &Vigil, cx: &mut Context<'_>) {
        let mut feed = feed.borrow_mut();
        if matches!(feed.poll_drain(line, cx), Poll::Ready(1..)) {
            if feed.is_over() { vigil.sent(self.upstream.response_timeout) } else { vigil.progress() }
        }
    }

    /// Reads on; gives the head once it is there.
    fn listen(
        &self,
        line: &mut Line,
        cx: &mut Context<'_>,
        method: &Method,
        input: &mut Vec<u8>,
        out: &mut impl Sink,
    ) -> Poll<Result<Option<head::Said>, Failed>> {
        if input.len() == input.capacity() {
            input.reserve(input.len());
        }
        if ready!(line.poll_fill(cx, input))? == 0 {
            return Poll::Ready(Err(Failed::Io(io::ErrorKind::UnexpectedEof.into())));
        }
        // Informational answers (RFC 9110 section 15.2) come before the one that counts.
        while !input.is_empty() {
            let read = head::read_answer(input, method, self.credentials.cookie_names(), out);
            let Some((length, said)) = read.map_err(Failed::Bad)? else { break };
            input.drain(..length);
            if said.status == StatusCode::SWITCHING_PROTOCOLS {
                return Poll::Ready(Err(Failed::Bad(Bad("a 101 that was not asked for"))));
            }
            if !said.status.is_informational() {
                return Poll::Ready(Ok(Some(said)));
            }
        }
        Poll::Ready(Ok(None))
    }
}

/// Whether a request without a body, made in HTTP/2, asks for nothing unusual: then it can go the direct way.
pub fn can_frame(head: &Parts) -> bool {
    let plain_target =
        head.uri.path().starts_with('/') && matches!(head.uri.scheme_str(), Some("http" | "https"));
    let no_length = head.headers.get_all(CONTENT_LENGTH).iter().all(|length| length == "0");
    plain_target && no_length && ![TE, EXPECT].iter().any(|name| head.headers.contains_key(name))
}

/// Why an answer's head did not come.
enum Failed {
    Io(io::Error),
    Bad(Bad),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes on. An upstream may answer early and stop listening: what can't be written any more is let go, and reading tells
/// how it ended.
fn speak(
    line: &mut Line,
    cx: &mut Context<'_>,
    unsent: &mut &[u8],
    whole: usize,
    let_go: &mut bool,
) -> Poll<Result<(), Failed>> {
    match ready!(line.poll_write(cx, unsent)) {
        Ok(written @ 1..) => unsent.advance(written),
        Ok(_) => return Poll::Ready(Err(Failed::Io(io::ErrorKind::WriteZero.into()))),
        Err(_) if unsent.len() < whole => (*unsent, *let_go) = (&[], true),
        Err(error) => return Poll::Ready(Err(Failed::Io(error))),
    }
    Poll::Ready(Ok(()))
}
