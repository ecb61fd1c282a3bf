//! A mail server that keeps what it is given: plain, with STARTTLS or by TLS, with or without a sign-in.

mod talk;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::PATIENCE;
use talk::Talk;

/// How it is.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// A certificate and its key, PEM, for `127.0.0.1`; for the two below.
    pub(crate) certificate: Option<(String, String)>,
    pub(crate) starttls: bool,
    pub(crate) implicit_tls: bool,
    /// The only user and their password; nobody else may send.
    pub(crate) auth: Option<(&'static str, &'static str)>,
    /// Further lines of its answer to EHLO: `SMTPUTF8`.
    pub(crate) offers: &'static [&'static str],
    /// What somebody on the way puts behind the answer to STARTTLS.
    pub(crate) behind_starttls: &'static str,
    /// So many connections at first hear nothing.
    pub(crate) mute: usize,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: Vec<u8>,
    pub(crate) user: Option<String>,
    pub(crate) by_tls: bool,
}

/// A running server; dropping it ends it.
pub(crate) struct Smtp {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    tls: Option<Arc<ServerConfig>>,
    over: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    letters: Vec<Received>,
    refusals: Vec<&'static str>,
    lines: Vec<String>,
    connections: usize,
}

impl Smtp {
    /// Plain, for everybody.
    pub(crate) fn start() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if options.implicit_tls { "smtps" } else { "smtp" };
        let (tls, over) = (options.certificate.as_ref().map(config), AtomicBool::new(false));
        let shared =
            Arc::new(Shared { options, tls, over, state: Mutex::default(), changed: Condvar::new() });
        let all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if all.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&all);
                // A client that leaves is no mistake of the server's.
                std::thread::spawn(move || drop(Talk::new(&shared, stream.unwrap()).and_then(Talk::run)));
            }
        });
        Self { address, scheme, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The next mail to this address that nobody has taken; waits for it.
    pub(crate) fn letter_to(&self, address: &str) -> Received {
        self.wait(Duration::from_secs(10), |state| {
            let place = state.letters.iter().position(|letter| letter.is_for(address))?;
            Some(state.letters.remove(place))
        })
        .unwrap_or_else(|state| panic!("no mail to {address}; there are {:?}", state.letters))
    }

    /// That none is there for it; only after something that comes after it would have come.
    pub(crate) fn none_for(&self, address: &str) {
        let state = self.shared.state.lock().unwrap();
        assert!(!state.letters.iter().any(|letter| letter.is_for(address)), "{:?}", state.letters);
    }

    /// Answers the next `n` RCPTs so.
    pub(crate) fn refuse_next(&self, n: usize, answer: &'static str) {
        self.shared.state.lock().unwrap().refusals.extend(std::iter::repeat_n(answer, n));
    }

    /// Waits until it has said all the refusals that it was to say.
    pub(crate) fn has_refused(&self) {
        let said = self.wait(PATIENCE, |state| state.refusals.is_empty().then_some(()));
        assert!(said.is_ok(), "not everybody has been refused");
    }

    /// Waits until so many connections have been made.
    pub(crate) fn met(&self, connections: usize) {
        let met = self.wait(PATIENCE, |state| (state.connections >= connections).then_some(()));
        assert!(met.is_ok(), "fewer than {connections} connections");
    }

    /// Every line that clients have said, letters aside.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().lines.clone()
    }

    fn wait<T>(
        &self,
        limit: Duration,
        look: impl Fn(&mut State) -> Option<T>,
    ) -> Result<T, std::sync::MutexGuard<'_, State>> {
        let (end, mut state) = (Instant::now() + limit, self.shared.state.lock().unwrap());
        loop {
            if let Some(found) = look(&mut state) {
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(state);
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn config((cert, key): &(String, String)) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}
