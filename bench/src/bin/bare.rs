//! The yardstick: a pass-through proxy of hyper's own parts on one thread, that knows nobody and changes nothing.

use std::error::Error;
use std::io::Write as _;

use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Usage: `bare HOST:PORT`, the upstream. It says where it listens.
fn main() -> Result<(), Box<dyn Error>> {
    let upstream: Authority = std::env::args().nth(1).ok_or("usage: bare HOST:PORT")?.parse()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(upstream))
}

async fn serve(upstream: Authority) -> Result<(), Box<dyn Error>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, upstream) = (client.clone(), upstream.clone());
        let service = service_fn(move |request| client.request(aim(request, &upstream)));
        tokio::spawn(async move {
            // How a connection ends shows in the load generator's count.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The client wants to be told by the target where a request goes. It refuses what no target can be made of.
fn aim(mut request: Request<Incoming>, upstream: &Authority) -> Request<Incoming> {
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream.clone());
    parts.path_and_query =
        Some(request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}
