//! TLS in front of plain upstreams: where HTTP/2 is agreed on (ALPN) the one is spoken to that speaks it, else the other.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::{LazyConfigAcceptor, server};

use super::papers::Papers;
use super::{Gate, PATIENCE};

/// What is shown to clients, what they have to show, and what is spoken with them.
#[derive(Clone, Default)]
pub(crate) struct Terms {
    pub(crate) pair: (String, String),
    /// Clients have to have a certificate of this issuer (PEM).
    pub(crate) asks: Option<String>,
    /// What can be agreed on; nothing is said of it where there is none.
    pub(crate) protocols: &'static [&'static str],
}

/// One that runs, until the process ends.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    log: Arc<Log>,
}

struct Log {
    terms: Mutex<Terms>,
    hellos: Mutex<Vec<Hello>>,
    open: AtomicUsize,
    most: AtomicUsize,
    /// All connections of an earlier number are cut.
    era: watch::Sender<usize>,
}

/// A connection as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// What the client offered.
    pub(crate) offered: Vec<String>,
    /// Which certificate it showed; only known when the handshake is over.
    pub(crate) shown: Option<CertificateDer<'static>>,
    /// Whether the handshake came to its end.
    pub(crate) done: bool,
}

impl Front {
    /// Before these two, HTTP/1.1's and HTTP/2's.
    pub(crate) fn start(terms: Terms, http1: SocketAddr, http2: SocketAddr) -> Self {
        let log = Arc::new(Log {
            terms: Mutex::new(terms),
            hellos: Mutex::default(),
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            era: watch::Sender::new(0),
        });
        let (told, address) = std::sync::mpsc::channel();
        let shared = Arc::clone(&log);
        std::thread::spawn(move || {
            Gate::wait(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(listener.local_addr().unwrap()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let log = Arc::clone(&shared);
                    let mut era = log.era.subscribe();
                    tokio::spawn(async move {
                        tokio::select! {
                            _ = era.changed() => {}
                            () = connection(stream, &log, http1, http2) => {}
                        }
                    });
                }
            });
        });
        Self { address: address.recv_timeout(PATIENCE).unwrap(), log }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// From the next connection on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Terms)) {
        change(&mut self.log.terms.lock().unwrap());
    }

    /// Ends all connections without a word.
    pub(crate) fn cut(&self) {
        self.log.era.send_modify(|era| *era += 1);
        self.until("all are gone", |front| front.log.open.load(Ordering::SeqCst) == 0);
    }

    /// All connections so far.
    pub(crate) fn hellos(&self) -> Vec<Hello> {
        self.log.hellos.lock().unwrap().clone()
    }

    /// What the connections so far were offered, in their order.
    pub(crate) fn offers(&self) -> Vec<String> {
        self.hellos().iter().map(|hello| hello.offered.join(" ")).collect()
    }

    /// How many were open at once, at most.
    pub(crate) fn most(&self) -> usize {
        self.log.most.load(Ordering::SeqCst)
    }

    /// Waits until something is so.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < PATIENCE, "{what}: never");
            std::thread::yield_now();
        }
    }
}

async fn connection(stream: TcpStream, log: &Log, http1: SocketAddr, http2: SocketAddr) {
    let open = log.open.fetch_add(1, Ordering::SeqCst) + 1;
    log.most.fetch_max(open, Ordering::SeqCst);
    let _gone = Gone(&log.open);
    let Ok(begun) = LazyConfigAcceptor::new(Acceptor::default(), stream).await else { return };
    let offered = begun.client_hello().alpn().into_iter().flatten();
    let offered = offered.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let config = config(&log.terms.lock().unwrap());
    let number = {
        let mut hellos = log.hellos.lock().unwrap();
        hellos.push(Hello { offered, shown: None, done: false });
        hellos.len() - 1
    };
    let Ok(mut secured) = begun.into_stream(config).await else { return };
    {
        let hello = &mut log.hellos.lock().unwrap()[number];
        (hello.shown, hello.done) = (shown(&secured), true);
    }
    let is_http2 = secured.get_ref().1.alpn_protocol() == Some(b"h2");
    let behind = TcpStream::connect(if is_http2 { http2 } else { http1 }).await;
    let Ok(mut behind) = behind else { return };
    behind.set_nodelay(true).unwrap();
    let _ = tokio::io::copy_bidirectional(&mut secured, &mut behind).await;
}

struct Gone<'a>(&'a AtomicUsize);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn shown(secured: &server::TlsStream<TcpStream>) -> Option<CertificateDer<'static>> {
    secured.get_ref().1.peer_certificates()?.first().cloned()
}

fn config(terms: &Terms) -> Arc<ServerConfig> {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match &terms.asks {
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => config.with_no_client_auth(),
    };
    let (cert, key) = &terms.pair;
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let mut config =
        config.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap();
    config.alpn_protocols = terms.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// The settings' lines for a gate before it.
pub(crate) fn before(front: &Front, papers: &Papers) -> String {
    format!("upstream.url = \"{}\"\nupstream.ca_file = {}\n", front.url(), papers.quoted("ca.pem"))
}
