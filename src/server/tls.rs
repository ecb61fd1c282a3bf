//! Clients that come by TLS: the handshake, and the stream as a socket like any other.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client::{Protocol, Socket};
use super::connection;
use crate::tls::{Certificates, H2, HTTP_1_1};
use crate::web::permits::Permits;
use crate::web::{Code, Problem};

/// A client's connection once it is secured. Boxed: what TLS keeps is large, and sockets move.
pub(super) type TlsSocket = Box<TlsStream<TcpStream>>;

/// What the first record of a handshake begins with (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// How many clients of a worker may be told at once that there is no room for them: each costs a handshake, and none of
/// them is counted. More are not told.
const TOLD: usize = 32;

/// A worker's permits to tell somebody so.
pub(super) type Told = Permits<TOLD>;

/// How clients are met.
#[derive(Clone)]
pub(super) struct Acceptor {
    acceptor: TlsAcceptor,
    /// For those who are only told that there is no room, in HTTP/1.1.
    away: TlsAcceptor,
}

impl Acceptor {
    pub(super) fn new(certificates: &Certificates) -> io::Result<Self> {
        let config = certificates.server_config().map_err(io::Error::other)?;
        let mut away = (*config).clone();
        away.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Self { acceptor: config.into(), away: Arc::new(away).into() })
    }

    /// Shakes hands. Until a client says something nothing is made for it.
    pub(super) async fn meet(&self, stream: TcpStream) -> io::Result<TlsSocket> {
        meet(&self.acceptor, stream).await
    }

    /// Tells a client that there is no room, and closes. `fields`: more lines for the head.
    pub(super) async fn turn_away(&self, stream: TcpStream, fields: &[u8]) -> io::Result<()> {
        connection::turn_away(meet(&self.away, stream).await?, fields).await;
        Ok(())
    }
}

async fn meet(acceptor: &TlsAcceptor, stream: TcpStream) -> io::Result<TlsSocket> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if first[0] != HANDSHAKE {
        refuse_plain(stream, first[0]).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not TLS"));
    }
    let met = Box::pin(acceptor.accept(stream)).await;
    met.map(Box::new).inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed"))
}

/// Who speaks HTTP where TLS is spoken is told so; anything else is not answered.
async fn refuse_plain(mut stream: TcpStream, first: u8) -> io::Result<()> {
    if !first.is_ascii_uppercase() {
        return Ok(());
    }
    let body = Problem::new(Code::Malformed).detail("This port speaks TLS: use https.").document();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // What it still sends would reset the connection, perhaps before it has read that.
    let mut scratch = [0; 1024];
    while stream.read(&mut scratch).await? > 0 {}
    Ok(())
}

impl Socket for TlsSocket {
    const HOLDS_BACK: bool = true;

    /// Not as long as only a part of a record is there.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_fill_buf(cx).map_ok(|_| ())
    }

    fn reset_when_closed(&self) {
        self.get_ref().0.reset_when_closed();
    }

    fn protocol(&self) -> Option<Protocol> {
        let chosen = self.get_ref().1.alpn_protocol()?;
        Some(if chosen == H2 { Protocol::Http2 } else { Protocol::Http1 })
    }

    fn say_goodbye(&mut self) {
        let (stream, session) = TlsStream::get_mut(self);
        session.send_close_notify();
        // What the socket doesn't take at once is not waited for.
        let _ = session.write_tls(&mut AtOnce(stream));
    }
}

/// Writes what goes without waiting.
struct AtOnce<'a>(&'a TcpStream);

impl Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
