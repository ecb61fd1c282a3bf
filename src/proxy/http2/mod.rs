//! Forwarding over HTTP/2: a stream of one of this worker's few connections for each exchange.

use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use h2::client::ResponseFuture;
use http::{Request, Response};

use super::addresses::Addresses;
use super::body::RequestBody;
use super::fault::{Fault, Kind};
use super::vigil::{Vigil, Why};
use crate::config::settings::Upstream;
use crate::web::deadline::Deadlines;

mod answer;
mod connection;
mod exchange;
mod pool;
mod upload;

pub(super) use answer::Answer;
use exchange::Exchange;
use pool::Connections;

/// The HTTP/2 side of one worker.
pub(super) struct Http2 {
    addresses: Rc<Addresses>,
    upstream: Upstream,
    deadlines: Deadlines,
    connections: Rc<Connections>,
}

impl Http2 {
    pub(super) fn new(addresses: Rc<Addresses>, upstream: Upstream, deadlines: Deadlines) -> Self {
        Self { addresses, upstream, deadlines, connections: Rc::default() }
    }

    /// Looks after the connections on which nothing is under way, for as long as it is polled.
    pub(super) fn tending(&self) -> impl Future<Output = ()> + use<> {
        let connections = Rc::clone(&self.connections);
        async move { connections.tend().await }
    }

    /// Sends a request, whose head is edited, and waits for the answer's head.
    pub(super) async fn exchange(
        &self,
        request: Request<RequestBody>,
        vigil: &Rc<Vigil>,
    ) -> Result<Response<Answer>, Fault> {
        let (head, body) = request.into_parts();
        let copy = matches!(body, RequestBody::Empty).then(|| head.clone());
        match self.attempt(Request::from_parts(head, body), None, vigil).await {
            Ok(answered) => Ok(answered),
            Err(fault) => {
                let again = fault.retry(None, copy).ok_or(fault)?;
                // Where one connection turned out to be dead, others that are as old may be, too.
                self.attempt(again, Some(Instant::now()), vigil).await
            }
        }
    }

    async fn attempt(
        &self,
        request: Request<RequestBody>,
        opened_after: Option<Instant>,
        vigil: &Rc<Vigil>,
    ) -> Result<Response<Answer>, Fault> {
        let open = || connection::open(&self.addresses, &self.upstream, &self.deadlines);
        let (seat, mut sender) = self.connections.seat(opened_after, open).await?;
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
                Err(Fault::of(Kind::HeadTimeout))
            }
            Err(Why::SessionEnded) => Err(Fault::of(Kind::SessionEnded)),
        }
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
