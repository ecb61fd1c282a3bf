//! One HTTP/2 connection to the upstream: how it is opened, what may be under way on it, and how it ends.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use crate::config::settings::Upstream;
use crate::proxy::addresses::{Addresses, Era};
use crate::proxy::connect;
use crate::proxy::direct::Line;
use crate::proxy::fault::{Fault, Kind};
use crate::proxy::pool::Held;
use crate::proxy::socket::UpstreamSocket;
use crate::web::deadline::Deadlines;

/// How many streams a connection carries at most, whatever the upstream allows: what RFC 9113 (section 6.5.2) takes for
/// the least that a server should.
const MOST: u32 = 100;

/// How many streams a connection carries in its life. nginx says goodbye after a thousand, and drops without a word what was
/// under way to it by then; what has a body could not be sent again.
const IN_ALL: usize = 900;

/// How much of one answer the upstream may send ahead of its client: as much as is read at once over HTTP/1.1.
const STREAM_WINDOW: u32 = 128 * 1024;

/// The same for all answers of a connection. Were it less than their sum, a few clients that read nothing would stop
/// everybody else's answers.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MOST;

/// How large an answer's head may be, and its trailers: as over HTTP/1.1.
const HEAD: u32 = 128 * 1024;

/// The smallest limit there is (RFC 9113 section 6.5.2): streams take turns more often.
const FRAME: u32 = 16 * 1024;

/// How much of one request's body waits to be written: what is read of a client at once.
const SEND: usize = 128 * 1024;

/// How many streams that were reset are remembered, for what the upstream sent before it knew.
const RESET: usize = 1024;

/// Why HTTP/2 is expected of who is spoken to in plain text, for the log.
const SAID: &str = "as `h2c:` says it speaks";

/// A connection, for as long as somebody holds it; then it says goodbye and closes.
pub(in crate::proxy) struct Connection {
    sender: SendRequest<Bytes>,
    /// How many streams the upstream allows at once, as it said last.
    limit: Rc<Cell<usize>>,
    pub(super) opened: Instant,
    /// How many are under way.
    pub(super) streams: Cell<usize>,
    /// How many have begun on it.
    begun: Cell<usize>,
    /// Since when none is.
    pub(super) idle_since: Cell<Instant>,
    /// Whether what runs goes on, and nothing else begins.
    retired: Cell<bool>,
    era: Rc<Era>,
    // Dropped after the sender: the connection's task then sees that nobody can send any more.
    _held: oneshot::Sender<()>,
}

impl Connection {
    /// Nothing else begins on it.
    pub(super) fn retire(&self) {
        self.retired.set(true);
    }

    /// Whether nothing else begins on it, also where the upstream's addresses are others by now.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.get() || self.era.is_over()
    }

    /// Whether one more stream has room on it.
    pub(super) fn has_room(&self) -> bool {
        !self.is_retired() && self.streams.get() < self.limit.get().min(MOST as usize)
    }

    /// One more stream begins on it.
    pub(super) fn begin(&self) {
        self.streams.set(self.streams.get() + 1);
        self.begun.set(self.begun.get() + 1);
        if self.begun.get() == IN_ALL {
            self.retire();
        }
    }

    /// What a stream is opened with; `None`: it is closing or closed.
    pub(super) fn sender(&self) -> Option<SendRequest<Bytes>> {
        let mut sender = self.sender.clone();
        // Never pending: each stream has a sender of its own, which waits for no other.
        match sender.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(_)) => None,
            _ => Some(sender),
        }
    }
}

/// A new connection, which the upstream has greeted (RFC 9113 section 3.4): it speaks HTTP/2, and has said how many
/// streams it takes.
pub(super) async fn open(
    addresses: &Rc<Addresses>,
    upstream: &Upstream,
    deadlines: &Deadlines,
) -> Result<Connection, Fault> {
    let opened = async {
        let Held { connection, era } = connect::line(addresses, upstream, deadlines).await?;
        match connection {
            Line::Tcp(stream) => greeted(stream, era, SAID).await,
            Line::Unix(stream) => greeted(stream, era, SAID).await,
        }
    };
    connect::within(upstream, deadlines, opened).await
}

/// A connection by what has just been opened. `word`: why HTTP/2 is what is expected there.
pub(in crate::proxy) async fn greeted<S>(stream: S, era: Rc<Era>, word: &str) -> Result<Connection, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, mut connection) = client::Builder::new()
        .enable_push(false)
        // None before the upstream has said how many: what it would refuse is not sent.
        .initial_max_send_streams(0)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(HEAD)
        .max_send_buffer_size(SEND)
        // These three are against hostile peers, and close a connection with all that is on it. The upstream is none, and
        // they would let one client that often leaves, or does not read what comes in small pieces, end everybody's requests.
        .max_concurrent_reset_streams(RESET)
        .max_local_error_reset_streams(None)
        .data_frame_budget(usize::MAX)
        .handshake(UpstreamSocket::new(stream))
        .await
        .map_err(|error| Fault::because(Kind::Connect, &error))?;
    let allowed = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Err(not_greeted(ended.err().as_ref(), word))),
        Poll::Pending => match connection.max_concurrent_send_streams() {
            0 => Poll::Pending,
            allowed => Poll::Ready(Ok(allowed)),
        },
    })
    .await?;

    let limit = Rc::new(Cell::new(allowed));
    let (held, mut let_go) = oneshot::channel::<()>();
    let (told, now) = (Rc::clone(&limit), Instant::now());
    tokio::task::spawn_local(async move {
        let mut gone = false;
        poll_fn(|cx| {
            // Only wakes this task; that nobody holds it the connection sees by itself.
            gone = gone || Pin::new(&mut let_go).poll(cx).is_ready();
            let polled = Pin::new(&mut connection).poll(cx);
            told.set(connection.max_concurrent_send_streams());
            // Its failures reach the streams that met them; one that nobody waits for is no news.
            polled.map(drop)
        })
        .await;
    });
    Ok(Connection {
        sender,
        limit,
        opened: now,
        streams: Cell::new(0),
        begun: Cell::new(0),
        idle_since: Cell::new(now),
        retired: Cell::new(false),
        era,
        _held: held,
    })
}

/// Why there is no connection: mostly the upstream speaks HTTP/1.1 alone.
fn not_greeted(error: Option<&h2::Error>, word: &str) -> Fault {
    match error {
        Some(error) if error.is_library() => {
            Fault::because(Kind::BadAnswer, &format!("not HTTP/2, {word}: {error}"))
        }
        Some(error) => Fault::because(Kind::Connect, error),
        None => Fault::because(Kind::Connect, &"the upstream closed the connection at once"),
    }
}
