//! A client that speaks HTTP/2 at once, as who has agreed to it does.

use hyper::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Gate;

/// A connection to a gate.
pub(crate) async fn connect<B>(gate: &Gate) -> SendRequest<B>
where
    B: Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + Unpin + 'static,
{
    over(tokio::net::TcpStream::connect(gate.address).await.unwrap()).await
}

/// The same over what is connected already.
pub(crate) async fn over<B, S>(stream: S) -> SendRequest<B>
where
    B: Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + Unpin + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}
