//! A small HTTP/1.1 server for the demo's two faces: it binds (naming the flag when the port is taken) and answers.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::DemoError;

/// Listens on a loopback port; 0 picks a free one.
pub(super) async fn bind(port: u16, flag: &'static str) -> Result<TcpListener, DemoError> {
    TcpListener::bind(loopback(port)).await.map_err(|cause| DemoError::listening(port, flag, cause))
}

/// A listener as browsers name it: `http://127.0.0.1:5500`.
pub(super) fn origin(listener: &TcpListener) -> Result<String, DemoError> {
    listener.local_addr().map(|address| format!("http://{address}")).map_err(DemoError::Runtime)
}

/// The demo never listens on anything but this machine's own address.
pub(super) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Answers connections until the future is dropped.
pub(super) async fn serve<A, F, B>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = answer.clone();
                let service = hyper::service::service_fn(move |request| {
                    let answering = answer(request);
                    async move { Ok::<_, Infallible>(answering.await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                tokio::spawn(async move {
                    // A client that leaves in mid-sentence is no concern of a demo.
                    let _left = connection.await;
                });
            }
            Err(error) => wait_out(&error).await,
        }
    }
}

/// Out of descriptors, most likely: without a pause the loop would spin until one is free.
async fn wait_out(error: &io::Error) {
    tracing::warn!(%error, "the demo could not accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
