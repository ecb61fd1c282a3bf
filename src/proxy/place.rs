//! Where an exchange takes place: on a connection of its own, or as one stream of a connection that many share.

use std::time::Instant;

use bytes::Bytes;
use hyper::client::conn::http1::SendRequest;

use super::body::RequestBody;
use super::fault::Fault;
use super::http2::{Connection, Seat};
use super::pool::Held;
use super::{Proxy, connect};

/// A place for one exchange.
pub(super) enum Place {
    /// A connection in HTTP/1.1, for as long as the exchange lasts.
    Own {
        sender: Held<SendRequest<RequestBody>>,
        /// Whether the connection was there before.
        reused: bool,
    },
    /// A stream of a connection in HTTP/2.
    Stream(Seat, h2::client::SendRequest<Bytes>),
}

/// A new connection, by what is spoken over it.
pub(super) enum Opened {
    Http1(Held<SendRequest<RequestBody>>),
    Http2(Connection),
}

impl Proxy {
    /// A place for an exchange; `tunnels`: it may become a tunnel, for which a stream is no place.
    pub(super) async fn place(&self, now: Instant, tunnels: bool) -> Result<Place, Fault> {
        match &self.http2 {
            Some(http2) if !tunnels => http2.place(&self.pool, now).await,
            _ => match self.pool.take(now) {
                Some(sender) => Ok(Place::Own { sender, reused: true }),
                None => self.own_place().await,
            },
        }
    }

    /// The same where one connection turned out to be dead: others that are as old may be, too.
    pub(super) async fn another_place(&self, tunnels: bool) -> Result<Place, Fault> {
        match &self.http2 {
            Some(http2) if !tunnels => http2.another_place().await,
            _ => self.own_place().await,
        }
    }

    async fn own_place(&self) -> Result<Place, Fault> {
        let sender = Box::pin(connect::open(&self.addresses, &self.upstream, &self.deadlines)).await?;
        Ok(Place::Own { sender, reused: false })
    }
}
