//! Opens a connection to the upstream, within one time limit.

use std::io;
use std::rc::Rc;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::addresses::Addresses;
use super::body::RequestBody;
use super::direct::Line;
use super::fault::{Fault, Kind};
use super::pool::Held;
use super::socket::UpstreamSocket;
use crate::config::settings::{Upstream, UpstreamTarget};
use crate::tls::{Offer, Outward};
use crate::web::deadline::Deadlines;

/// What is read from the upstream at once, in bytes. hyper's own 400 KiB make an allocator keep 14 MiB for one large
/// download; 128 KiB cost no speed that shows.
const BUFFER: usize = 128 * 1024;

/// A new connection in HTTP/1.1, ready for its first request. Its task ends with it.
pub(super) async fn open(
    addresses: &Rc<Addresses>,
    upstream: &Upstream,
    deadlines: &Deadlines,
) -> Result<Held<SendRequest<RequestBody>>, Fault> {
    let (connection, era) = if let Some(tls) = &upstream.tls {
        let Held { connection, era } = secured(addresses, upstream, tls, Offer::Http1, deadlines).await?;
        (handshake(connection).await?, era)
    } else {
        let Held { connection, era } = line(addresses, upstream, deadlines).await?;
        let sender = match connection {
            Line::Tcp(stream) => handshake(stream).await?,
            Line::Unix(stream) => handshake(stream).await?,
        };
        (sender, era)
    };
    Ok(Held { connection, era })
}

/// A new connection by TLS: connecting and its handshake have one time limit.
pub(super) async fn secured(
    addresses: &Rc<Addresses>,
    upstream: &Upstream,
    tls: &Outward,
    offer: Offer,
    deadlines: &Deadlines,
) -> Result<Held<TlsStream<TcpStream>>, Fault> {
    let connected = async {
        let Held { connection, era } = line(addresses, upstream, deadlines).await?;
        match connection {
            Line::Tcp(stream) => {
                let secured = tls.secure(stream, offer).await;
                Ok(Held { connection: secured.map_err(|error| Fault::handshake(&error, offer))?, era })
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
        () = timer.fired() => Err(Fault::connect_timeout()),
    }
}

/// A new connection as it is, for the direct way.
pub(super) async fn line(
    addresses: &Rc<Addresses>,
    upstream: &Upstream,
    deadlines: &Deadlines,
) -> Result<Held<Line>, Fault> {
    let connected = async {
        match &upstream.target {
            UpstreamTarget::Http { .. } => {
                let (stream, era) = addresses.connect().await.map_err(|error| refused(&error))?;
                Ok(Held { connection: Line::Tcp(stream), era })
            }
            UpstreamTarget::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| refused(&error))?;
                Ok(Held { connection: Line::Unix(stream), era: addresses.era() })
            }
        }
    };
    within(upstream, deadlines, connected).await
}

fn refused(error: &io::Error) -> Fault {
    let kind = if error.kind() == io::ErrorKind::TimedOut { Kind::ConnectTimeout } else { Kind::Connect };
    Fault::because(kind, error)
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
