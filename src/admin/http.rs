//! `/healthz`, `/readyz` and `/metrics` on `admin.listen`: a small HTTP/1.1 listener on a thread of its own, so that it
//! answers while the workers start, stop, or have more to do than they can.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::hashing::Hasher;
use crate::metrics::{self, Metrics, Sampled};
use crate::store::Store;

/// Who asks may take so long, from the connection to the last byte: probes and scrapers are quick.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many may ask at once. More than that are no probes.
const MOST: usize = 64;
/// After a connection that could not be accepted.
const REST: Duration = Duration::from_millis(100);

/// Why nobody can ask. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Somebody else listens there.
    #[error(
        "`{0}` is in use by another program\nhint: stop it, or set `admin.listen` to another address, or to \"\" for no health and metrics"
    )]
    Taken(SocketAddr),
    /// The system says no.
    #[error(
        "can't listen on `{address}`: {cause}\nhint: set `admin.listen` to an address of this machine, or to \"\" for no health and metrics"
    )]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
}

/// What is read to answer `/metrics`. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    /// What is counted.
    pub metrics: Metrics,
    /// Who hashes passwords.
    pub hasher: Hasher,
    /// Where it is all kept.
    pub store: Arc<dyn Store>,
}

/// How far the gate is.
#[derive(Clone)]
enum Stage {
    Starting,
    Ready(Sources),
    Stopping(Sources),
}

/// The listener, which answers from when it is opened until it is stopped or dropped.
pub struct Http {
    address: SocketAddr,
    stage: watch::Sender<Stage>,
    thread: JoinHandle<()>,
    enough: oneshot::Sender<()>,
}

impl Http {
    /// Listens and answers: alive, but not ready.
    pub fn open(address: SocketAddr) -> Result<Self, HttpError> {
        let refused = |cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => HttpError::Taken(address),
            _ => HttpError::Refused { address, cause },
        };
        let listener = TcpListener::bind(address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let (stage, seen) = watch::channel(Stage::Starting);
        let (enough, told) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(refused)?
        };
        let thread = std::thread::Builder::new()
            .name("admin-http".to_owned())
            .spawn(move || runtime.block_on(attend(listener, seen, told)))
            .map_err(refused)?;
        Ok(Self { address, stage, thread, enough })
    }

    /// Where it listens; a port of 0 has become a real one.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The store is open and clients are answered.
    pub fn ready(&self, sources: Sources) {
        self.stage.send_replace(Stage::Ready(sources));
    }

    /// No new clients are to be sent here.
    pub fn stopping(&self) {
        self.stage.send_modify(|stage| {
            if let Stage::Ready(sources) = stage {
                *stage = Stage::Stopping(sources.clone());
            }
        });
    }

    /// Answers nobody any more, and lets the store go.
    pub fn stop(self) {
        // Whoever is gone needs no word.
        let _ = self.enough.send(());
        let _ = self.thread.join();
    }
}

async fn attend(
    listener: tokio::net::TcpListener,
    stage: watch::Receiver<Stage>,
    mut told: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut told => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(_) if connections.len() >= MOST => {}
                Ok((stream, _)) => {
                    let served = serve(stream, stage.clone());
                    connections.spawn(tokio::time::timeout(PATIENCE, served));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to `admin.listen` could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

async fn serve(stream: tokio::net::TcpStream, stage: watch::Receiver<Stage>) {
    let service = service_fn(move |request| {
        let stage = stage.borrow().clone();
        async move { Ok::<_, Infallible>(answer(&request, stage).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Nobody asks so often that a connection is worth keeping.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // How it ended is the asker's affair.
    let _ = connection.await;
}

async fn answer<B>(request: &Request<B>, stage: Stage) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return text(StatusCode::NOT_FOUND, "here are /healthz, /readyz and /metrics\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match (path, stage) {
        ("/healthz", _) => text(StatusCode::OK, "ok\n"),
        ("/readyz", Stage::Ready(_)) => text(StatusCode::OK, "ready\n"),
        ("/readyz", Stage::Stopping(_)) => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        (_, Stage::Starting) => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        (_, Stage::Ready(sources) | Stage::Stopping(sources)) => metrics_page(&sources).await,
    }
}

async fn metrics_page(sources: &Sources) -> Response<Full<Bytes>> {
    let sessions = sources.store.session_count().await;
    if let Err(error) = &sessions {
        tracing::warn!(%error, "sessions could not be counted for the metrics");
    }
    let sampled = Sampled {
        hash_queue_depth: sources.hasher.waiting(),
        sessions: sessions.ok(),
        store_commits: sources.store.commits(),
    };
    let mut answer = text(StatusCode::OK, metrics::write(&sources.metrics, sampled));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
