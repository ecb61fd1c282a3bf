//! The direct way of a client's connection: plain requests, one after the other, without hyper. It ends where a request
//! is not plain; hyper takes that, and whatever comes with it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf as _, Bytes, BytesMut};
use http::Method;
use tokio::io::AsyncWrite as _;

use super::client::{ClientIo, Socket};
use super::connection::Terms;
use super::dispatch::{Dispatch, Looked, Refused};
use super::peer::SocketPeer;
use super::vital::{InFlight, Vital};
use crate::proxy::body::BodyError;
use crate::proxy::{Answer, Feed, SharedFeed};
use crate::web::Head;
use crate::web::deadline::Timer;
use crate::web::wire::Wire as _;

mod head;
mod own;
mod raw;
mod spares;

pub(super) use own::Dates;
pub(super) use spares::Spares;

/// How much a client may send ahead while it is answered, in bytes; more waits in its socket.
const AHEAD: usize = 64 * 1024;

/// How a conversation on the direct way ends.
pub(super) enum Turn {
    /// The connection is over.
    Over,
    /// What was read last is for hyper.
    Hyper,
}

/// One client's conversation.
pub(super) struct Talk<'a> {
    pub(super) dispatch: &'a Dispatch,
    pub(super) peer: SocketPeer,
    pub(super) terms: &'a Terms,
    pub(super) vital: &'a Arc<Vital>,
    pub(super) timer: &'a Timer,
}

/// The client's side.
struct Client<'a, S: Socket> {
    io: &'a mut ClientIo<S>,
    /// What was read and not answered.
    unread: &'a mut BytesMut,
}

impl Talk<'_> {
    /// Answers requests, until one is not plain. `unread` then holds it.
    pub(super) async fn go_on<S: Socket>(&self, io: &mut ClientIo<S>, unread: &mut BytesMut) -> Turn {
        let mut work = pin!(self.answer_all(Client { io, unread }));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(turn) = work.as_mut().poll(cx) {
                return Poll::Ready(turn);
            }
            // What is being answered is answered, and says that it is the last.
            if self.terms.stopping.get() && self.vital.is_idle() {
                return Poll::Ready(Turn::Over);
            }
            while self.timer.poll_fired(cx).is_ready() {
                self.timer.acknowledge();
                if self.vital.is_over() {
                    self.vital.break_off_if_stalled();
                    return Poll::Ready(Turn::Over);
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn answer_all<S: Socket>(&self, mut client: Client<'_, S>) -> Turn {
        loop {
            if client.unread.is_empty() && !client.hears(&self.terms.spares).await {
                return Turn::Over;
            }
            let started = Instant::now();
            let bytes = client.unread.split().freeze();
            let Some(plain) = head::read(&bytes, self.terms.limits.header_bytes) else {
                client.take_back(bytes);
                return Turn::Hyper;
            };
            let is_head = plain.head.method == Method::HEAD;
            let here = bytes.len() - plain.length;
            let whole = usize::try_from(plain.body).ok().filter(|body| *body <= here);
            let end = plain.length + whole.unwrap_or(here);
            let body = bytes.slice(plain.length..end);
            let looked = self.dispatch.look_at(plain.head, body, whole.is_some(), self.peer, started);
            if matches!(looked, Looked::Unusual(_)) {
                drop(looked);
                client.take_back(bytes);
                return Turn::Hyper;
            }
            if end < bytes.len() {
                client.take_back(bytes.slice(end..));
            }
            let to_come = plain.body - (end - plain.length) as u64;
            let feed = (to_come > 0)
                .then(|| Feed::new(to_come, || self.terms.large_reads.take(), client.io.takes_pipes()));
            let in_flight = self.vital.request();
            let stays =
                self.answer(looked, (is_head, plain.stays), feed.as_ref(), in_flight, &mut client).await;
            match stays {
                Some(true) if !self.terms.stopping.get() => {}
                Some(_) => {
                    if !client.unread.is_empty() || is_open(feed.as_ref()) {
                        client.io.expect_more();
                    }
                    // What a client makes of the end is its affair.
                    let _ = std::future::poll_fn(|cx| Pin::new(&mut *client.io).poll_shutdown(cx)).await;
                    return Turn::Over;
                }
                None => {
                    self.vital.break_off_if_stalled();
                    return Turn::Over;
                }
            }
        }
    }

    /// Answers one request, and says whether the connection stays; `None`: it is broken.
    async fn answer<S: Socket>(
        &self,
        looked: Looked<impl Head>,
        (is_head, stays): (bool, bool),
        feed: Option<&SharedFeed>,
        in_flight: InFlight,
        client: &mut Client<'_, S>,
    ) -> Option<bool> {
        let (answer, errand) = match looked {
            Looked::Unusual(_) => return None,
            Looked::Own(refused) => {
                let Refused { answer, errand } = *refused;
                (Err(answer), errand)
            }
            Looked::Pass(trip) => {
                let mut asked = pin!(self.dispatch.ask(trip, feed.cloned()));
                std::future::poll_fn(|cx| {
                    loop {
                        if let Poll::Ready(answer) = asked.as_mut().poll(cx) {
                            return Poll::Ready(Some(answer));
                        }
                        let Some(feed) = feed.filter(|feed| feed.borrow().is_open()) else {
                            // It leaves, and with it the question that is asked for it.
                            return client.poll_gone(cx).map(|()| None);
                        };
                        let mut feed = feed.borrow_mut();
                        if !feed.is_hungry() {
                            return Poll::Pending;
                        }
                        if ready!(feed.poll_fill(client.io, cx)).is_err() {
                            return Poll::Ready(None);
                        }
                    }
                })
                .await?
            }
        };
        let mut fields = Vec::new();
        // What nobody reads to its end ends the conversation.
        let is_cut_short = answer.is_err() && is_open(feed);
        let mut stays = stays && !is_cut_short && !self.terms.stopping.get();
        if !stays {
            fields.extend_from_slice(own::CLOSE);
        }
        match answer {
            Ok(mut answer) => {
                if !answer.is_dated() {
                    self.dispatch.dates().write(&mut fields);
                }
                let carried = client.carry(&mut answer, &fields).await;
                let now = Instant::now();
                self.dispatch.carried(errand, answer.carried(), &carried, now);
                in_flight.end(now);
                carried.ok().map(|()| stays)
            }
            Err(answer) => {
                self.dispatch.dates().write(&mut fields);
                let mut out = Vec::with_capacity(1024);
                let (length, closes) = own::write(answer, is_head, &fields, &mut out).await;
                stays &= !closes;
                let said = client.say(&out).await;
                let now = Instant::now();
                self.dispatch.carried(errand, length, &said, now);
                in_flight.end(now);
                said.ok().map(|()| stays)
            }
        }
    }
}

/// Whether a request's body is still to come.
fn is_open(feed: Option<&SharedFeed>) -> bool {
    feed.is_some_and(|feed| feed.borrow().is_open())
}

/// Why an answer did not arrive.
pub(super) enum Lost {
    /// The client has gone.
    Client,
    /// The upstream broke off, or had to be broken off.
    Upstream(BodyError),
}

impl<S: Socket> Client<'_, S> {
    /// What was taken of what was read, and is not to be answered here and now.
    fn take_back(&mut self, bytes: Bytes) {
        *self.unread = BytesMut::from(bytes);
    }

    /// Waits for a client's next words, without holding any memory for them meanwhile; false: there are none.
    async fn hears(&mut self, spares: &Spares) -> bool {
        spares.put(std::mem::take(self.unread));
        let heard = std::future::poll_fn(|cx| {
            ready!(self.io.poll_readable(cx))?;
            if self.unread.capacity() == 0 {
                *self.unread = spares.take();
            }
            self.io.poll_fill(cx, self.unread)
        });
        heard.await.is_ok_and(|count| count > 0)
    }

    /// Ready when the client has gone. What it sends ahead is kept.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.unread.len() < AHEAD {
            if ready!(self.io.poll_readable(cx)).is_err() {
                return Poll::Ready(());
            }
            self.unread.reserve(AHEAD / 8);
            match ready!(self.io.poll_fill(cx, self.unread)) {
                Ok(1..) => {}
                // It has said all that it wanted to ask: that is not to leave.
                Ok(0) if !self.unread.is_empty() => return Poll::Pending,
                _ => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    /// The same while an answer is carried.
    fn poll_left(&mut self, is_feeding: bool, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        if is_feeding { Poll::Pending } else { self.poll_gone(cx).map(|()| Err(Lost::Client)) }
    }

    /// Carries an answer to its end, and the rest of its request, too.
    async fn carry(&mut self, answer: &mut Answer, fields: &[u8]) -> Result<(), Lost> {
        answer.begin(fields, self.io.takes_pipes()).map_err(Lost::Upstream)?;
        std::future::poll_fn(|cx| {
            let fed = answer.poll_feed(self.io, cx);
            if matches!(fed, Poll::Ready(Err(_))) {
                return Poll::Ready(Err(Lost::Client));
            }
            // While it sends its request, it shows by that whether it is there.
            let is_feeding = fed.is_pending();
            loop {
                while answer.is_ready() {
                    match answer.poll_send(self.io, cx) {
                        Poll::Ready(Ok(1..)) => {}
                        Poll::Ready(_) => return Poll::Ready(Err(Lost::Client)),
                        Poll::Pending => {
                            return match answer.poll_over(cx) {
                                // It is the client that is silent.
                                Poll::Ready(BodyError::Silent) => Poll::Ready(Err(Lost::Client)),
                                Poll::Ready(why) => Poll::Ready(Err(Lost::Upstream(why))),
                                Poll::Pending => self.poll_left(is_feeding, cx),
                            };
                        }
                    }
                }
                if answer.is_whole() {
                    if is_feeding {
                        // A socket that holds back has to be told to send, and again when it can.
                        if matches!(self.io.poll_sent(cx), Poll::Ready(Err(_))) {
                            return Poll::Ready(Err(Lost::Client));
                        }
                        return answer.poll_over(cx).map(|_| Err(Lost::Client));
                    }
                    return match self.io.poll_sent(cx) {
                        Poll::Ready(sent) => Poll::Ready(sent.map_err(|_| Lost::Client)),
                        Poll::Pending => self.poll_left(is_feeding, cx),
                    };
                }
                match answer.poll_more(cx) {
                    Poll::Ready(more) => more.map_err(Lost::Upstream)?,
                    Poll::Pending => {
                        // A client that is slow gets the rest; one that is gone shows itself below.
                        let _ = self.io.poll_sent(cx);
                        return self.poll_left(is_feeding, cx);
                    }
                }
            }
        })
        .await
    }

    /// Says something of Sidegate's own.
    async fn say(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = std::future::poll_fn(|cx| Pin::new(&mut *self.io).poll_write(cx, rest)).await;
            match written {
                Ok(written @ 1..) => rest.advance(written),
                _ => return Err(Lost::Client),
            }
        }
        std::future::poll_fn(|cx| self.io.poll_sent(cx)).await.map_err(|_| Lost::Client)
    }
}
