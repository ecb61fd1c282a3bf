//! Workers: a core's thread each, with its own runtime, listeners, verification cache and upstream connections.

use std::io;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::LocalOptions;
use tokio::sync::watch;

use super::client::{Slot, Socket};
use super::connection::{self, Terms};
use super::dispatch::{Dispatch, Parties};
use super::door::Door;
use super::listen::{self, Listeners};
use super::observe::RequestIds;
use super::peer::{Peers, SocketPeer};
use super::proxy_protocol;
use super::tls::{Acceptor, Told};
use crate::auth::Auth;
use crate::config::Settings;
use crate::gate::Gate;
use crate::log::AccessLog;
use crate::metrics::{Metrics, Tally};
use crate::proxy::{self, Troubles, Tunnels, Upstreams};
use crate::sessions::Sessions;
use crate::tokens::Tokens;
use crate::types::Clock;
use crate::web::counter::Counter;
use crate::web::deadline::Deadlines;
use crate::web::large_reads::LargeReads;
use crate::web::pipe::Pipes;

/// What all workers read and none changes.
#[derive(Clone)]
pub struct Shared {
    /// The settings.
    pub settings: Arc<Settings>,
    /// Verifies access tokens.
    pub tokens: Tokens,
    /// Renews sessions, and publishes which have ended.
    pub sessions: Sessions,
    /// Answers `/auth/*`.
    pub auth: Arc<Auth>,
    /// The time.
    pub clock: Clock,
    /// Where requests are logged.
    pub log: AccessLog,
    /// How many workers there are.
    pub workers: usize,
}

/// The running workers.
pub struct Crew {
    threads: Vec<JoinHandle<()>>,
    closing: watch::Sender<bool>,
}

/// One worker's parts that are made on its own thread.
struct Worker {
    dispatch: Rc<Dispatch>,
    terms: Terms,
    connections: Arc<AtomicUsize>,
    tally: Rc<Tally>,
    tunnels: Tunnels,
    open: Counter,
    peers: Arc<Peers>,
    /// Whether trusted proxies say first whom they pass on.
    proxy_protocol: bool,
    /// Where clients come by TLS.
    tls: Option<Acceptor>,
    told: Told,
}

impl Crew {
    /// Starts a thread for each set of listeners, each with a tally of its own.
    pub fn start(
        shared: &Shared,
        listeners: Vec<Listeners>,
        metrics: &Metrics,
        tallies: Vec<Tally>,
    ) -> io::Result<Self> {
        let (closing, told) = watch::channel(false);
        let connections = metrics.connections();
        let peers = Arc::new(Peers::new(&shared.settings.server));
        let troubles = Troubles::default();
        let tls = shared.settings.server.tls.as_ref().map(Acceptor::new).transpose()?;
        let mut threads = Vec::with_capacity(listeners.len());
        for (number, (listeners, tally)) in listeners.into_iter().zip(tallies).enumerate() {
            let (shared, told, tls) = (shared.clone(), told.clone(), tls.clone());
            let (connections, peers) = (Arc::clone(&connections), Arc::clone(&peers));
            let troubles = troubles.clone();
            let (built, is_built) = mpsc::sync_channel(1);
            let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                come_first();
                // It can't leave the thread that it is built on.
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build_local(LocalOptions::default());
                let (runtime, outcome) = match runtime {
                    Ok(runtime) => (Some(runtime), Ok(())),
                    Err(error) => (None, Err(error)),
                };
                // Whoever started it waits for this.
                let _ = built.send(outcome);
                let Some(runtime) = runtime else { return };
                let grace = shared.settings.server.shutdown_grace;
                let work = async {
                    let worker = Worker::new(&shared, told, connections, tally, peers, tls, &troubles);
                    if let Err(error) = worker.run(listeners, grace).await {
                        tracing::error!(%error, "a worker could not take its listeners");
                    }
                };
                runtime.block_on(work);
                // Tasks that outlive the grace are dropped here, not waited for.
                runtime.shutdown_background();
            })?;
            threads.push(thread);
            is_built.recv().map_err(io::Error::other)??;
        }
        Ok(Self { threads, closing })
    }

    /// Stops accepting, and waits until every worker has finished what runs, or its grace is over.
    pub fn stop(self) {
        self.closing.send_replace(true);
        for thread in self.threads {
            // A worker that panicked has said so itself; the others still finish.
            let _ = thread.join();
        }
    }
}

/// Has this thread interrupt what else runs on its core when something comes for it.
fn come_first() {
    #[cfg(target_os = "linux")]
    if let Err(error) = sidegate_slice::ask_for(sidegate_slice::SHORTEST) {
        tracing::debug!(%error, "a worker keeps its time slice");
    }
}

impl Worker {
    fn new(
        shared: &Shared,
        closing: watch::Receiver<bool>,
        connections: Arc<AtomicUsize>,
        tally: Tally,
        peers: Arc<Peers>,
        tls: Option<Acceptor>,
        troubles: &Troubles,
    ) -> Self {
        let (settings, tally) = (&shared.settings, Rc::new(tally));
        let (deadlines, tunnels) = (Deadlines::new(), Tunnels::default());
        let pipes = Pipes::of_one_among(shared.workers);
        let revocations = shared.sessions.revocations();
        let parties = Parties {
            gate: Gate::new(settings, shared.tokens.clone(), revocations, shared.clock.clone()),
            upstreams: Upstreams::new(settings, &deadlines, &tunnels, troubles, &pipes),
            auth: Arc::clone(&shared.auth),
            sessions: shared.sessions.clone(),
            peers: Arc::clone(&peers),
            ids: RequestIds::new(random_prefix()),
            log: settings.log.access.then(|| shared.log.worker(shared.clock.clone())).flatten(),
            tally: Rc::clone(&tally),
            clock: shared.clock.clone(),
        };
        let terms = Terms {
            limits: Rc::new(settings.limits.clone()),
            keep_alive: settings.server.keep_alive,
            idle_timeout: proxy::patience(settings),
            deadlines,
            closing,
            stopping: Rc::default(),
            spares: Rc::default(),
            large_reads: LargeReads::new(pipes),
        };
        Self {
            dispatch: Rc::new(Dispatch::new(settings, parties)),
            terms,
            connections,
            tally,
            tunnels,
            open: Counter::default(),
            peers,
            proxy_protocol: settings.server.proxy_protocol,
            tls,
            told: Told::default(),
        }
    }

    async fn run(self, listeners: Listeners, grace: Duration) -> io::Result<()> {
        let deadlines = self.terms.deadlines.clone();
        tokio::task::spawn_local(async move { deadlines.sweep().await });
        tokio::task::spawn_local(self.dispatch.tending());
        let (mut closing, terms) = (self.terms.closing.clone(), self.terms.clone());
        tokio::task::spawn_local(async move {
            // Where the crew is gone, it stops as well.
            let _ = closing.wait_for(|closing| *closing).await;
            terms.stopping.set(true);
            terms.deadlines.rouse();
        });
        let worker = Rc::new(self);
        let mut accepting = Vec::new();
        for listener in listeners.tcp {
            let door = tokio::net::TcpListener::from_std(listener)?;
            accepting.push(tokio::task::spawn_local(Rc::clone(&worker).accept(door, Self::begin_tcp)));
        }
        for listener in listeners.unix {
            let door = tokio::net::UnixListener::from_std(listener)?;
            accepting.push(tokio::task::spawn_local(Rc::clone(&worker).accept(door, Self::begin)));
        }
        // Each ends once the crew is told to stop and its queue is empty.
        for task in accepting {
            let _ = task.await;
        }
        let finished = async {
            worker.open.all_closed().await;
            worker.tunnels.all_closed().await;
        };
        let _ = tokio::time::timeout(grace, finished).await;
        Ok(())
    }
}

impl Worker {
    /// Begins who comes by a door, until the crew is told to stop and nobody waits any more.
    async fn accept<D: Door>(self: Rc<Self>, door: D, begin: fn(&Self, D::Stream, SocketPeer)) {
        let mut closing = self.terms.closing.clone();
        let accept = async |accepted: io::Result<(D::Stream, SocketPeer)>| match accepted {
            Ok((stream, peer)) => begin(&self, stream, peer),
            Err(error) => rest_after(&error).await,
        };
        loop {
            tokio::select! {
                biased;
                accepted = door.next() => accept(accepted).await,
                _ = closing.wait_for(|closing| *closing) => break,
            }
        }
        // What waits in the queue is reset when the listener is closed.
        let handshakes = door.bar();
        if !handshakes.is_zero() {
            let coming = async {
                loop {
                    accept(door.next().await).await;
                }
            };
            let _ = tokio::time::timeout(handshakes, coming).await;
        }
        let last = match door.last_ones() {
            Ok(last) => last,
            Err(error) => return rest_after(&error).await,
        };
        // Where nobody can be kept from coming, there may be always one more.
        for accepted in last.take(2 * usize::from(listen::BACKLOG)) {
            accept(accepted).await;
        }
    }

    fn begin<S>(&self, mut stream: S, peer: SocketPeer)
    where
        S: Socket,
    {
        let Some(slot) = self.slot() else {
            let dispatch = Rc::clone(&self.dispatch);
            tokio::task::spawn_local(async move {
                connection::turn_away(stream, dispatch.hsts_line(false)).await;
            });
            return;
        };
        let (dispatch, terms) = (Rc::clone(&self.dispatch), self.terms.clone());
        if !self.is_announced(peer) {
            self.spawn(connection::serve(stream, peer, dispatch, terms, slot));
            return;
        }
        let peers = Arc::clone(&self.peers);
        self.spawn(async move {
            let announced = proxy_protocol::announced(&mut stream, peer, &peers);
            if let Some(peer) = connection::before_http(&terms, announced).await {
                Box::pin(connection::serve(stream, peer, dispatch, terms, slot)).await;
            }
        });
    }

    /// Whether a connection has to begin with whose it is. The socket's own end decides who may say that.
    fn is_announced(&self, peer: SocketPeer) -> bool {
        self.proxy_protocol && self.peers.is_trusted(peer)
    }

    fn begin_tcp(&self, mut stream: TcpStream, peer: SocketPeer) {
        let Some(tls) = self.tls.clone() else { return self.begin(stream, peer) };
        let (dispatch, terms) = (Rc::clone(&self.dispatch), self.terms.clone());
        let (is_announced, peers) = (self.is_announced(peer), Arc::clone(&self.peers));
        let whose = async move |terms: &Terms| {
            if !is_announced {
                return Some((stream, peer));
            }
            let announced = proxy_protocol::announced(&mut stream, peer, &peers);
            connection::before_http(terms, announced).await.map(|peer| (stream, peer))
        };
        let Some(slot) = self.slot() else {
            if let Some(told) = self.told.take() {
                tokio::task::spawn_local(async move {
                    let _told = told;
                    if let Some((stream, _)) = whose(&terms).await {
                        let away = tls.turn_away(stream, dispatch.hsts_line(true));
                        connection::before_http(&terms, away).await;
                    }
                });
            }
            return;
        };
        self.spawn(async move {
            let Some((stream, peer)) = whose(&terms).await else { return };
            if let Some(stream) = connection::before_http(&terms, tls.meet(stream)).await {
                // Boxed: who says nothing costs no more than the handshake's place.
                Box::pin(connection::serve(stream, peer.by_tls(), dispatch, terms, slot)).await;
            }
        });
    }

    /// A place for one more connection; there may be none.
    fn slot(&self) -> Option<Slot> {
        let slot = Slot::take(&self.connections, self.terms.limits.connections);
        if slot.is_none() {
            self.tally.turned_away();
        }
        slot
    }

    /// Lets a connection be served, and counts it as open until it has been.
    fn spawn(&self, served: impl Future<Output = ()> + 'static) {
        let counted = self.open.count();
        tokio::task::spawn_local(async move {
            let _counted = counted;
            served.await;
        });
    }
}

/// Out of descriptors, mostly: trying again at once would only burn the core.
async fn rest_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn random_prefix() -> [u8; 8] {
    let mut prefix = [0; 8];
    // A worker whose ids begin with zeros is better than none.
    let _ = aws_lc_rs::rand::fill(&mut prefix);
    prefix
}
