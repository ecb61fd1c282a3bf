//! Forwarding over HTTP/2: a stream of one of this worker's few connections for each exchange.

use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{Request, Response};
use hyper::client::conn::http1::SendRequest as Sender;

use super::addresses::Addresses;
use super::body::RequestBody;
use super::connect;
use super::fault::{Fault, Kind};
use super::place::{Opened, Place};
use super::pool::{Held, Pool};
use super::vigil::{Vigil, Why};
use crate::config::settings::{Protocol, Upstream};
use crate::tls::{self, Offer, Outward};
use crate::web::deadline::Deadlines;

mod answer;
mod connection;
mod exchange;
mod pool;
mod upload;

pub(super) use answer::Answer;
pub(super) use connection::Connection;
use exchange::Exchange;
use pool::Connections;
pub(super) use pool::Seat;

/// Why HTTP/2 is expected of who doesn't speak it, for the log.
const AGREED: &str = "to which it agreed (`upstream.http2 = false` does not offer it)";

/// The HTTP/2 side of one worker.
pub(super) struct Http2 {
    addresses: Rc<Addresses>,
    upstream: Upstream,
    deadlines: Deadlines,
    connections: Rc<Connections>,
}

impl Http2 {
    /// `None`: the upstream speaks HTTP/1.1 alone, or is to.
    pub(super) fn towards(
        addresses: &Rc<Addresses>,
        upstream: &Upstream,
        deadlines: &Deadlines,
    ) -> Option<Self> {
        let speaks = match upstream.target.protocol() {
            Protocol::Http1 => false,
            Protocol::Https => upstream.http2,
            Protocol::Http2 => true,
        };
        speaks.then(|| Self {
            addresses: Rc::clone(addresses),
            upstream: upstream.clone(),
            deadlines: deadlines.clone(),
            connections: Rc::default(),
        })
    }

    /// Looks after the connections on which nothing is under way, for as long as it is polled.
    pub(super) fn tending(&self) -> impl Future<Output = ()> + use<> {
        let connections = Rc::clone(&self.connections);
        async move { connections.tend().await }
    }

    /// A place for an exchange; connections in HTTP/1.1 wait in `http1`, where the upstream agreed to that.
    pub(super) async fn place(
        &self,
        http1: &Pool<Sender<RequestBody>>,
        now: Instant,
    ) -> Result<Place, Fault> {
        if self.connections.agree_to_http1()
            && let Some(sender) = http1.take(now)
        {
            return Ok(Place::Own { sender, reused: true });
        }
        self.connections.place(None, || self.open()).await
    }

    /// A place on a connection that is opened from now on.
    pub(super) async fn another_place(&self) -> Result<Place, Fault> {
        self.connections.place(Some(Instant::now()), || self.open()).await
    }

    async fn open(&self) -> Result<Opened, Fault> {
        match &self.upstream.tls {
            Some(tls) => Box::pin(self.agree(tls)).await,
            None => {
                connection::open(&self.addresses, &self.upstream, &self.deadlines).await.map(Opened::Http2)
            }
        }
    }

    /// Opens a connection over which is spoken what the upstream agrees to.
    async fn agree(&self, tls: &Outward) -> Result<Opened, Fault> {
        let opened = async {
            let secured =
                connect::secured(&self.addresses, &self.upstream, tls, Offer::Http2, &self.deadlines);
            let Held { connection: stream, era } = secured.await?;
            if tls::is_agreed_http2(&stream) {
                connection::greeted(stream, era, AGREED).await.map(Opened::Http2)
            } else {
                let connection = connect::handshake(stream).await?;
                Ok(Opened::Http1(Held { connection, era }))
            }
        };
        connect::within(&self.upstream, &self.deadlines, opened).await
    }
}

/// Sends a request, whose head says it in HTTP/2, from its seat, and waits for the answer's head.
pub(super) async fn exchange(
    (seat, mut sender): (Seat, SendRequest<Bytes>),
    request: Request<RequestBody>,
    vigil: &Rc<Vigil>,
) -> Result<Response<Answer>, Fault> {
    let (head, body) = request.into_parts();
    let whole = matches!(body, RequestBody::Empty);
    let (answer, stream) = sender
        .send_request(Request::from_parts(head, ()), whole)
        .map_err(|error| Fault::stream(&error, seat.is_reused()))?;
    // From here on, dropping the exchange resets the stream.
    let exchange = Exchange::new(Rc::new(seat), Rc::clone(vigil));
    if !whole {
        upload::start(body, stream, exchange.share());
    }
    match head_of(answer, vigil).await {
        Ok(Ok(response)) => Ok(response.map(|body| Answer::new(body, exchange))),
        Ok(Err(error)) => Err(Fault::stream(&error, exchange.seat().is_reused())),
        Err(Why::TooLong) => {
            // Perhaps nobody is there any more: without a word, TCP takes a quarter of an hour to notice.
            exchange.seat().retire();
            Err(Fault::head_timeout())
        }
        Err(Why::SessionEnded) => Err(Fault::of(Kind::SessionEnded)),
    }
}

async fn head_of(
    answer: ResponseFuture,
    vigil: &Vigil,
) -> Result<Result<Response<h2::RecvStream>, h2::Error>, Why> {
    let mut answer = pin!(answer);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
            return Poll::Ready(Ok(outcome));
        }
        vigil.poll(cx).map(Err)
    })
    .await
}
