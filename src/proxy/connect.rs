//! Opens a connection to the upstream: every address of its name is tried, within one time limit.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::body::RequestBody;
use super::direct::Line;
use super::fault::{Fault, Kind};
use super::socket::UpstreamSocket;
use crate::config::settings::{Upstream, UpstreamTarget};
use crate::tls::{Offer, Outward};
use crate::web::deadline::Deadlines;

/// What is read from the upstream at once, in bytes. hyper's own 400 KiB make an allocator keep 14 MiB for one large
/// download; 128 KiB cost no speed that shows.
const BUFFER: usize = 128 * 1024;

/// A new connection in HTTP/1.1, ready for its first request. Its task ends with it.
pub(super) async fn open(
    upstream: &Upstream,
    deadlines: &Deadlines,
) -> Result<SendRequest<RequestBody>, Fault> {
    if let Some(tls) = &upstream.tls {
        return handshake(secured(upstream, tls, Offer::Http1, deadlines).await?).await;
    }
    match line(upstream, deadlines).await? {
        Line::Tcp(stream) => handshake(stream).await,
        Line::Unix(stream) => handshake(stream).await,
    }
}

/// A new connection by TLS: connecting and its handshake have one time limit.
pub(super) async fn secured(
    upstream: &Upstream,
    tls: &Outward,
    offer: Offer,
    deadlines: &Deadlines,
) -> Result<TlsStream<TcpStream>, Fault> {
    let connected = async {
        match line(upstream, deadlines).await? {
            Line::Tcp(stream) => {
                tls.secure(stream, offer).await.map_err(|error| Fault::handshake(&error, offer))
            }
            Line::Unix(_) => Err(Fault::because(Kind::Tls, &"a Unix socket is not spoken to by TLS")),
        }
    };
    within(upstream, deadlines, connected).await
}

/// What comes of an attempt within `connect_timeout`.
pub(super) async fn within<T>(
    upstream: &Upstream,
    deadlines: &Deadlines,
    attempt: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let timer = deadlines.timer();
    timer.set(upstream.connect_timeout);
    tokio::select! {
        biased;
        outcome = attempt => outcome,
        () = timer.fired() => Err(Fault::of(Kind::ConnectTimeout)),
    }
}

/// A new connection as it is, for the direct way.
pub(super) async fn line(upstream: &Upstream, deadlines: &Deadlines) -> Result<Line, Fault> {
    let timer = deadlines.timer();
    timer.set(upstream.connect_timeout);
    let connected = async {
        match &upstream.target {
            UpstreamTarget::Http { host, port, .. } => {
                tcp(host, *port, upstream.connect_timeout).await.map(Line::Tcp)
            }
            UpstreamTarget::Unix(path) => UnixStream::connect(path).await.map(Line::Unix),
        }
    };
    tokio::select! {
        biased;
        connected = connected => connected.map_err(|error| refused(&error)),
        () = timer.fired() => Err(Fault::of(Kind::ConnectTimeout)),
    }
}

pub(super) fn refused(error: &io::Error) -> Fault {
    Fault::because(Kind::Connect, error)
}

/// Tries the addresses in the resolver's order. Each gets its share of the time, so that a silent one does not
/// keep the next from being tried.
pub(super) async fn tcp(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => tokio::net::lookup_host((host, port)).await?.collect(),
    };
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "connecting took too long"),
        }
    }
    Err(last)
}

/// What HTTP/1.1 is spoken over.
pub(super) async fn handshake<S>(stream: S) -> Result<SendRequest<RequestBody>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        // Answers keep their names' spelling. Requests' names are written as people write them (`X-User-Id`): to
        // keep the client's own would cost a seventh of the gate's time, and names compare without case.
        .preserve_header_case(true)
        .title_case_headers(true)
        .max_buf_size(BUFFER)
        .handshake(TokioIo::new(UpstreamSocket::new(stream)))
        .await
        .map_err(|error| Fault::because(Kind::Connect, &error))?;
    tokio::task::spawn_local(async move {
        // Its failures reach the request that met them; one that nobody waits for is no news.
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}
