//! One client's connection: which protocol it speaks, hyper with every limit, and how it ends.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::client::{ClientIo, Protocol, Slot, Socket};
use super::direct::{Spares, Talk, Turn};
use super::dispatch::Dispatch;
use super::held_back::HeldBack;
use super::peer::SocketPeer;
use super::sieve::Sieve;
use super::stream::Streams;
use super::vital::Vital;
use crate::config::settings;
use crate::proxy::body::Watch;
use crate::proxy::hop;
use crate::web::deadline::{Deadlines, Timer};
use crate::web::large_reads::{LARGE, LargeReads};
use crate::web::{Code, Problem};

/// RFC 9113 section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is read from a client at once, in bytes, unless heads may be larger or it has a permit for more.
const BUFFER: usize = 128 * 1024;

/// What an HTTP/2 connection may cost. These are hyper's and h2's own numbers, said here since they are relied on. What h2
/// limits besides, with no way to say it: a head has 5 CONTINUATION frames, or a quarter more than `limits.header_bytes`
/// needs; 100 DATA frames in a row may be empty; a PING or SETTINGS is read only once the one before is answered; 50 streams
/// that were reset are remembered, for a second.
mod http2_limits {
    /// Streams that the client reset before they were looked at; one more ends the connection (CVE-2023-44487).
    pub(super) const PENDING_RESETS: usize = 20;
    /// Streams that had to be reset for the client's mistakes; one more ends the connection (CVE-2025-8671).
    pub(super) const OWN_RESETS: usize = 1024;
    /// What may be under way of one upload, and of all of a connection together.
    pub(super) const WINDOW: u32 = 1024 * 1024;
    /// What waits to be sent of one answer whose client opens no window.
    pub(super) const SEND_BUFFER: usize = 400 * 1024;
}

/// How long a new connection's first bytes are waited for when the gate is about to stop.
const UNNOTICED: Duration = Duration::from_millis(100);

/// The limits of connections, and what says that they have to end.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) limits: Rc<settings::Limits>,
    pub(super) keep_alive: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) deadlines: Deadlines,
    pub(super) closing: tokio::sync::watch::Receiver<bool>,
    /// The same, for who is roused when it changes.
    pub(super) stopping: Rc<Cell<bool>>,
    /// Where the direct way reads to.
    pub(super) spares: Rc<Spares>,
    /// What lets large uploads be read in large amounts.
    pub(super) large_reads: LargeReads,
}

impl Terms {
    /// Waits until it has to be seen to a connection: its time may be over, or all connections have to end.
    async fn roused(&self, timer: &Timer, told: bool) {
        if !self.stopping.get() || told {
            timer.fired().await;
        }
        timer.acknowledge();
    }
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(
    mut stream: S,
    peer: SocketPeer,
    dispatch: Rc<Dispatch>,
    terms: Terms,
    slot: Slot,
) where
    S: Socket,
{
    let (timer, limit) = terms.deadlines.remote_timer();
    let vital = Vital::new(limit, &terms);
    let Some(begun) = begins(&terms, &timer, first_bytes(&mut stream)).await else { return };
    let is_http2 = match stream.protocol() {
        Some(agreed) => agreed == Protocol::Http2,
        None => begun.starts_with(PREFACE),
    };
    if is_http2 {
        let io = ClientIo::new(stream, begun, None, Arc::clone(&vital), slot);
        serve_http2(io, peer, dispatch, &terms, &vital, &timer).await;
    } else {
        let sieve = Sieve::new(terms.limits.header_bytes);
        let io = ClientIo::new(stream, begun, Some(sieve), Arc::clone(&vital), slot);
        serve_http1(io, peer, dispatch, &terms, &vital, &timer).await;
    }
}

/// Waits for the beginning of a connection; `None`: there is none, its time is over, or all connections have to end.
async fn begins<T>(
    terms: &Terms,
    timer: &Timer,
    beginning: impl Future<Output = io::Result<T>>,
) -> Option<T> {
    let mut closing = terms.closing.clone();
    // A connection that has not asked for anything loses nothing; but what was sent may not have been noticed yet.
    let nothing_asked = async {
        let _ = closing.wait_for(|closing| *closing).await;
        tokio::time::sleep(UNNOTICED).await;
    };
    let (mut beginning, mut nothing_asked) = (pin!(beginning), pin!(nothing_asked));
    loop {
        tokio::select! {
            biased;
            begun = beginning.as_mut() => return begun.ok(),
            () = timer.fired() => {
                timer.acknowledge();
                // Or it was roused, and the other clock runs.
                if !terms.stopping.get() {
                    return None;
                }
            }
            () = nothing_asked.as_mut() => return None,
        }
    }
}

/// The same for what comes before HTTP, which has as long as a head.
pub(super) async fn before_http<T>(
    terms: &Terms,
    beginning: impl Future<Output = io::Result<T>>,
) -> Option<T> {
    let (timer, limit) = terms.deadlines.remote_timer();
    limit.set(terms.limits.header_timeout);
    begins(terms, &timer, beginning).await
}

/// How much is read at first, in bytes: most heads whole, for those that come in parts are hyper's.
const FIRST: usize = 8 * 1024;

/// Reads until the first bytes tell HTTP/1 from HTTP/2. Who says nothing has no memory for that.
async fn first_bytes<S: Socket>(stream: &mut S) -> io::Result<Bytes> {
    std::future::poll_fn(|cx| stream.poll_readable(cx)).await?;
    let mut begun = BytesMut::with_capacity(FIRST);
    loop {
        if stream.read_buf(&mut begun).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if begun.len() >= PREFACE.len() || !PREFACE.starts_with(&begun) {
            return Ok(begun.freeze());
        }
    }
}

/// Plain requests go the direct way, the others hyper's. It changes with each request that asks for it.
async fn serve_http1<S>(
    mut io: ClientIo<S>,
    peer: SocketPeer,
    dispatch: Rc<Dispatch>,
    terms: &Terms,
    vital: &Arc<Vital>,
    timer: &Timer,
) where
    S: Socket,
{
    let mut unread = BytesMut::new();
    loop {
        let talk = Talk { dispatch: &dispatch, peer, terms, vital, timer };
        if dispatch.goes_directly()
            && let Turn::Over = talk.go_on(&mut io, &mut unread).await
        {
            return;
        }
        io.unread(std::mem::take(&mut unread));
        // Boxed: it is large, and most connections wait for their next plain request.
        let turn = Box::pin(by_hyper(io, peer, &dispatch, terms, vital, timer));
        let Some(back) = turn.await else { return };
        io = back;
    }
}

/// Whether a connection may go back to the direct way after hyper's answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing has been asked yet.
    Unknown,
    Back,
    /// It was asked for a tunnel, or by an older protocol, or it is to be closed.
    Hyper,
}

/// Whether a head says that nothing comes after its message.
fn is_last(head: &HeaderMap) -> bool {
    hop::names(head, &CONNECTION, "close")
}

/// Has hyper answer; gives the connection back once what was asked has been answered, if nothing hinders.
async fn by_hyper<S>(
    io: ClientIo<S>,
    peer: SocketPeer,
    dispatch: &Rc<Dispatch>,
    terms: &Terms,
    vital: &Arc<Vital>,
    timer: &Timer,
) -> Option<ClientIo<S>>
where
    S: Socket,
{
    // The answer that is on its way. A client that reads nothing is not asked for more of it, and so its body can't look
    // after its session.
    let answering: RefCell<Option<Watch>> = RefCell::default();
    let way = Cell::new(Way::Unknown);
    // How many requests came, and how many had come when all of them were answered.
    let (asked, settled) = (Cell::new(0_u64), Cell::new(0));
    let service = service_fn(|request: Request<Incoming>| {
        let plain = request.version() == Version::HTTP_11
            && !request.headers().contains_key(UPGRADE)
            && !is_last(request.headers());
        let goes_back = plain && dispatch.goes_directly() && way.get() != Way::Hyper;
        way.set(if goes_back { Way::Back } else { Way::Hyper });
        asked.set(asked.get() + 1);
        let (dispatch, in_flight, answering, way) = (Rc::clone(dispatch), vital.request(), &answering, &way);
        async move {
            let answer = dispatch.handle(request, peer, in_flight).await;
            if is_last(answer.headers()) {
                way.set(Way::Hyper);
            }
            answering.replace(answer.body().watch());
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    // Where all connections stay with hyper, those that wait would keep all permits.
    let large = if dispatch.goes_directly() { terms.large_reads.take() } else { None };
    // Half: hyper holds on to several reads at once.
    let most = if large.is_some() { LARGE / 2 } else { BUFFER };
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(terms.limits.header_bytes)
        .max_buf_size(terms.limits.header_bytes.max(most))
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut told = false;
    loop {
        let answered = std::future::poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            // How it ended is the client's affair; what was not answered is in the access log.
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending if way.get() == Way::Back && vital.is_between() => {
                // It rests after some requests though more of them wait: only who finds nothing to do the next time
                // has none left.
                if settled.replace(asked.get()) == asked.get() {
                    return Poll::Ready(true);
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            biased;
            answered = answered => {
                if !answered || told {
                    return None;
                }
                break;
            }
            () = terms.roused(timer, told) => {
                if terms.stopping.get() && !told {
                    // Half a head is not what runs: nobody waits for its other half.
                    if vital.is_begun_only() {
                        return None;
                    }
                    told = true;
                    Pin::new(&mut connection).graceful_shutdown();
                    continue;
                }
                let is_cut = vital.is_stalled() && answering.borrow().as_ref().is_some_and(Watch::is_cut);
                if is_cut || vital.is_over() {
                    vital.break_off_if_stalled();
                    return None;
                }
            }
        }
    }
    let parts = connection.into_parts()?;
    // All that came are whole requests, and the last one is answered. Were anything left, it were the rest of a body that
    // nobody wanted, and no request; but an empty line behind a body is some old clients' way.
    let rest = parts.read_buf.iter().all(|byte| b"\r\n".contains(byte));
    rest.then(|| parts.io.into_inner())
}

async fn serve_http2<S>(
    io: ClientIo<S>,
    peer: SocketPeer,
    dispatch: Rc<Dispatch>,
    terms: &Terms,
    vital: &Arc<Vital>,
    timer: &Timer,
) where
    S: Socket,
{
    let service = service_fn(|request| {
        let (dispatch, in_flight) = (Rc::clone(&dispatch), vital.request());
        // Boxed: hyper and the runtime hand it on some times before it begins.
        Box::pin(async move {
            Ok::<_, std::convert::Infallible>(dispatch.handle_stream(request, peer, in_flight).await)
        })
    });
    let io = HeldBack::new(io, Arc::clone(vital));
    let streams = Streams { deadlines: terms.deadlines.clone(), patience: terms.idle_timeout };
    let header_list = u32::try_from(terms.limits.header_bytes).unwrap_or(u32::MAX);
    let connection = http2::Builder::new(streams)
        .max_concurrent_streams(terms.limits.streams)
        .max_header_list_size(header_list)
        .max_pending_accept_reset_streams(http2_limits::PENDING_RESETS)
        .max_local_error_reset_streams(http2_limits::OWN_RESETS)
        .initial_stream_window_size(http2_limits::WINDOW)
        .initial_connection_window_size(http2_limits::WINDOW)
        .max_send_buf_size(http2_limits::SEND_BUFFER)
        .serve_connection(TokioIo::new(io.clone()), service);
    let mut connection = pin!(connection);
    let (mut told, mut stopped) = (false, false);
    loop {
        let ended = std::future::poll_fn(|cx| {
            let polled = connection.as_mut().poll(cx);
            io.settle(cx);
            // How it ended is the client's affair.
            polled.map(|_| ())
        });
        tokio::select! {
            biased;
            () = ended => return,
            () = terms.roused(timer, stopped) => {
                if terms.stopping.get() && !stopped {
                    stopped = true;
                } else if !vital.is_over() {
                    continue;
                } else if told || vital.break_off_if_stalled() {
                    return;
                }
                // Said with a GOAWAY, so that a request that is on its way is sent again elsewhere.
                told = true;
                connection.as_mut().graceful_shutdown();
                vital.leave();
            }
        }
    }
}

/// Tells a client that there is no room, and closes. `fields`: more lines for the head.
pub(super) async fn turn_away<S: AsyncWrite + Unpin>(mut stream: S, fields: &[u8]) {
    let problem = Problem::new(Code::Unavailable).retry_after(Duration::from_secs(1));
    let body = problem.document();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         retry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len(),
    );
    let answer = [head.as_bytes(), fields, b"\r\n", body.as_bytes()].concat();
    // One that does not read it has gone.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}
