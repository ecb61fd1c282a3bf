//! The yardstick: a pass-through proxy of hyper's own parts on one thread, that knows nobody and changes nothing.

use std::error::Error;
use std::io::Write as _;

use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Request, Uri, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

// Copies as the gate does.
#[cfg(all(target_arch = "x86_64", target_env = "musl"))]
use sidegate_memory as _;

mod tunnel;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The client that forwards.
type Forwarder = Client<HttpConnector, Incoming>;

const USAGE: &str = "usage: bare HOST:PORT [http1 | http2 | tunnels]";

/// What clients speak. Each is a process of its own, so that none carries what another one needs.
#[derive(Clone, Copy)]
enum Mode {
    Http1,
    Http2,
    Tunnels,
}

/// Usage: `bare HOST:PORT [http1 | http2 | tunnels]`, the upstream and what clients speak. It says where it listens.
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let upstream = arguments.next().ok_or(USAGE)?.parse()?;
    let mode = match arguments.next().as_deref() {
        None | Some("http1") => Mode::Http1,
        Some("http2") => Mode::Http2,
        Some("tunnels") => Mode::Tunnels,
        Some(_) => return Err(USAGE.into()),
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(upstream, mode))
}

async fn serve(upstream: Authority, mode: Mode) -> Result<(), Box<dyn Error>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Forwarder = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, upstream) = (client.clone(), upstream.clone());
        tokio::spawn(async move {
            // How a connection ends shows in the load generator's count.
            let _ = connection(stream, client, upstream, mode).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    client: Forwarder,
    upstream: Authority,
    mode: Mode,
) -> hyper::Result<()> {
    let io = TokioIo::new(stream);
    match mode {
        Mode::Http1 => {
            let service = service_fn(move |request| client.request(aim(request, &upstream)));
            http1::Builder::new().serve_connection(io, service).await
        }
        Mode::Http2 => {
            let service = service_fn(move |mut request: Request<Incoming>| {
                *request.version_mut() = Version::HTTP_11;
                client.request(aim(request, &upstream))
            });
            http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
        }
        Mode::Tunnels => {
            let service = service_fn(move |request| tunnel::forward(client.clone(), aim(request, &upstream)));
            http1::Builder::new().serve_connection(io, service).with_upgrades().await
        }
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
