//! The composition root: settings become services, services become workers; and the order of shutting down. The
//! only place that knows everyone.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::accounts::{self, Accounts};
use crate::admin;
use crate::admin::http::{Http, HttpError, Sources};
use crate::admin::socket::{AdminSocket, Attendant, SocketError};
use crate::audit::Audit;
use crate::auth::Auth;
use crate::config::Settings;
use crate::config::settings::{self, Algorithm, DatabaseUrl, Listen};
use crate::hashing::Hasher;
use crate::limits::Limits;
use crate::log::AccessLog;
use crate::mail::Mailer;
use crate::metrics::{Metrics, SignIns};
use crate::server::listen::{self, ListenError};
use crate::server::{Crew, Shared};
use crate::sessions::{self, Sessions};
use crate::store::{OpenError, Store, StoreError, open};
use crate::tls::{Certificates, Outward};
use crate::tokens::{Tokens, TokensError, keys};
use crate::types::Clock;

/// How often what has run out is swept away. Mostly that is one look at an index; and open tunnels end with their
/// session because of it.
const SWEEP: Duration = Duration::from_secs(1);

/// How long the keys are let alone after they could not be rotated: an RSA key costs a second of a core, and where it
/// can't be written the next one can't either.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// How long mails that wait are still sent for when a gate stops, at least; else for what is left of the grace.
const LAST_MAILS: Duration = Duration::from_secs(1);

/// What a gate consists of, for those who administer it.
#[derive(Clone)]
pub struct Services {
    /// What can be done with users.
    pub accounts: Accounts,
    /// What can be done with sessions.
    pub sessions: Sessions,
    /// Signs and verifies tokens.
    pub tokens: Tokens,
    /// Who sends mail, if anybody does.
    pub mail: Option<Mailer>,
    /// Where it is all kept.
    pub store: Arc<dyn Store>,
}

/// A gate that runs. Dropping it without [`Running::stop`] leaves it to run until the process ends.
pub struct Running {
    crew: Crew,
    http: Option<Http>,
    attendant: Attendant,
    keeper: Keeper,
    services: Services,
    addresses: Vec<Listen>,
    grace: Duration,
    runtime: tokio::runtime::Runtime,
}

/// Why a gate did not start. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Health and metrics can't be asked for.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Operators can't be listened to.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database can't be read or written.
    #[error("the database failed at start: {0}")]
    Store(#[from] StoreError),
    /// The signing keys can't be used.
    #[error("the signing keys can't be used: {0}")]
    Tokens(#[from] TokensError),
    /// The audit log can't be opened.
    #[error(
        "can't open the audit log `{path}`: {cause}\nhint: set `log.audit` to a file in a folder that can be written"
    )]
    Audit {
        /// The file.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// No mail can be sent.
    #[error("mail can't be sent: {0}\nhint: see `[email]`, above all `email.ca_file`")]
    Mail(io::Error),
    /// A thread or a runtime could not be made.
    #[error("the system refuses a thread: {0}")]
    Threads(#[from] io::Error),
}

/// Starts a gate: it answers when this returns.
pub fn start(settings: Settings, clock: Clock, log: AccessLog) -> Result<Running, StartError> {
    raise_descriptor_limit();
    let workers = if settings.server.workers == 0 { cores() } else { settings.server.workers };
    // The port first: who finds it taken has not touched the database. Nobody is answered before all is ready.
    let (listeners, addresses) = listen::open(&settings.server.listen, workers)?;
    let http = open_http(&settings.admin)?;
    let (metrics, tallies) = Metrics::new(listeners.len(), clock.now());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = open::open(&settings.database.url, clock.now())?;
    let audit = open_audit(&settings)?;
    // After the database is ours: the socket beside it can then be nobody else's but a dead gate's.
    let socket = AdminSocket::open(&settings.admin.socket)?;
    let settings = Arc::new(settings);
    let hasher = Hasher::start(&settings.passwords)?;
    let mail = start_mail(&settings)?;
    let found =
        Found { store, audit, hasher: hasher.clone(), mail: mail.clone(), signins: metrics.signins() };
    let services = runtime.block_on(services(&settings, found, &clock))?;
    let auth = Auth::new(
        &settings,
        services.accounts.clone(),
        services.sessions.clone(),
        services.tokens.clone(),
        clock.clone(),
    );
    let shared = Shared {
        settings,
        tokens: services.tokens.clone(),
        sessions: services.sessions.clone(),
        auth: Arc::new(auth),
        clock: clock.clone(),
        log,
        workers,
    };
    let crew = Crew::start(&shared, listeners, &metrics, tallies)?;
    let attendant = socket.serve(services.administration(&shared.settings, clock))?;
    let grace = shared.settings.server.shutdown_grace;
    let keeper = Keeper::start(services.sessions.clone(), &shared.settings)?;
    if let Some(http) = &http {
        http.ready(Sources { metrics, hasher, store: Arc::clone(&services.store) });
    }
    Ok(Running { crew, http, attendant, keeper, services, addresses, grace, runtime })
}

/// What administration works on where no gate runs. The database has to be there; `admin::Services::store` has to be
/// closed at the end.
pub async fn offline(settings: &Settings, clock: Clock) -> Result<admin::Services, StartError> {
    let store = open::existing(&settings.database.url, clock.now())?;
    let audit = open_audit(settings)?;
    let found = Found {
        store,
        audit,
        hasher: Hasher::start(&settings.passwords)?,
        // Most of what is administered needs no mail, and whoever does it need not be allowed to read what mail needs.
        mail: start_mail(settings).unwrap_or_else(|error| {
            tracing::warn!("{}", error.to_string().replace('\n', "; "));
            None
        }),
        signins: SignIns::default(),
    };
    let services = services(settings, found, &clock).await?;
    Ok(services.administration(settings, clock))
}

impl Services {
    fn administration(&self, settings: &Settings, clock: Clock) -> admin::Services {
        let DatabaseUrl::Redb(file) = &settings.database.url;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        admin::Services {
            accounts: self.accounts.clone(),
            sessions: self.sessions.clone(),
            store: Arc::clone(&self.store),
            mail: self.mail.clone(),
            clock,
            algorithm: settings.tokens.algorithm.name(),
            pages: settings.pages.enabled,
            scratch: folder.unwrap_or(Path::new(".")).to_owned(),
        }
    }
}

/// What services are made of.
struct Found {
    store: Arc<dyn Store>,
    audit: Audit,
    hasher: Hasher,
    mail: Option<Mailer>,
    signins: SignIns,
}

async fn services(settings: &Settings, found: Found, clock: &Clock) -> Result<Services, StartError> {
    let Found { store, audit, hasher, mail, signins } = found;
    let origin = store.origin().await?;
    let keys = match settings.tokens.algorithm {
        Algorithm::Hs256 => store.signing_keys().await?,
        algorithm => {
            let kept = store.signing_keys().await?;
            let has_one = kept.iter().any(|key| key.algorithm == algorithm.name() && key.retired.is_none());
            if has_one {
                kept
            } else {
                store.ensure_signing_key(keys::generate(algorithm, clock.now())?).await?
            }
        }
    };
    // Else the key of an algorithm that was set before would be kept for ever, and sign again when that comes back.
    let algorithm = settings.tokens.algorithm.name();
    let keys = if keys.iter().any(|key| key.algorithm != algorithm && key.retired.is_none()) {
        store.retire_foreign_keys(algorithm, clock.now()).await?
    } else {
        keys
    };
    // What no token is good under any more is accepted from the first request on as little as later.
    let keys = sessions::keys::in_use(keys, settings.tokens.access_ttl, clock.now());
    let tokens = Tokens::new(&settings.tokens, &origin, &keys)?;
    let sessions =
        Sessions::open(Arc::clone(&store), tokens.clone(), clock.clone(), &settings.tokens, audit.clone())
            .await?;
    let accounts = Accounts::new(
        accounts::Services {
            store: Arc::clone(&store),
            hasher,
            limits: Limits::new(),
            sessions: sessions.clone(),
            tokens: tokens.clone(),
            audit,
            mail: mail.clone(),
            signins,
            clock: clock.clone(),
        },
        settings,
    );
    accounts.restore_limits().await?;
    Ok(Services { accounts, sessions, tokens, mail, store })
}

/// Two gates on one machine have the same default; the second of them is no worse off than with none.
fn open_http(admin: &settings::Admin) -> Result<Option<Http>, HttpError> {
    match admin.listen.map(Http::open).transpose() {
        Err(error @ HttpError::Taken(_)) if !admin.is_chosen => {
            let error = error.to_string().replace('\n', "; ");
            tracing::warn!("no health and metrics: the default of `admin.listen` is taken: {error}");
            Ok(None)
        }
        opened => opened,
    }
}

fn start_mail(settings: &Settings) -> Result<Option<Mailer>, StartError> {
    settings.email.as_ref().map(Mailer::start).transpose().map_err(StartError::Mail)
}

fn open_audit(settings: &Settings) -> Result<Audit, StartError> {
    let file = settings.log.audit.as_deref();
    Audit::open(file).map_err(|cause| StartError::Audit {
        path: file.map(|file| file.display().to_string()).unwrap_or_default(),
        cause,
    })
}

impl Running {
    /// Where it listens; ports of 0 have become real ones.
    pub fn addresses(&self) -> &[Listen] {
        &self.addresses
    }

    /// Where health and metrics are asked for, if anywhere.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Http::address)
    }

    /// Its services.
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// Stops accepting, finishes what runs within the grace, then closes the database.
    pub fn stop(mut self) {
        let began = Instant::now();
        if let Some(http) = &self.http {
            http.stopping();
        }
        // First of all, so that a gate that stops is ready for nobody; who is in has as long as the requests have.
        self.attendant.close();
        self.crew.stop();
        self.attendant.stop();
        self.keeper.stop();
        if let Some(mail) = &self.services.mail {
            self.runtime.block_on(mail.close(self.grace.saturating_sub(began.elapsed()).max(LAST_MAILS)));
        }
        if let Err(error) = self.runtime.block_on(self.services.store.close()) {
            tracing::error!(%error, "the database did not close cleanly");
        }
        if let Some(http) = self.http {
            http.stop();
        }
    }
}

/// Sweeps, keeps the keys and follows the certificates in the background, on a thread of its own, so that no request ever waits behind it.
struct Keeper {
    thread: JoinHandle<()>,
    enough: oneshot::Sender<()>,
}

impl Keeper {
    fn start(sessions: Sessions, settings: &Settings) -> io::Result<Self> {
        let (rotate_keys, certificates) = (settings.tokens.rotate_keys, settings.server.tls.clone());
        let outward: Vec<_> = settings.all_upstreams().filter_map(|upstream| upstream.tls.clone()).collect();
        let (enough, told) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = sweep_for_ever(&sessions) => {}
                    // Beside the sweep, which must not wait for a new key.
                    () = keep_keys_for_ever(&sessions, rotate_keys) => {}
                    () = follow_certificates(certificates, outward) => {}
                    _ = told => {}
                }
            });
        })?;
        Ok(Self { thread, enough })
    }

    fn stop(self) {
        // Dropping the sender would do as well; a keeper that is gone needs no word.
        let _ = self.enough.send(());
        let _ = self.thread.join();
    }
}

/// Begins at once: a key may have grown too old, or its time have passed, while no gate ran.
async fn keep_keys_for_ever(sessions: &Sessions, rotate_keys: Option<Duration>) {
    loop {
        match sessions.keep_keys(rotate_keys).await {
            Ok(()) => tokio::time::sleep(SWEEP).await,
            Err(error) => {
                tracing::warn!(%error, "the signing keys could not be looked after");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// The gate's own, and what upstreams are reached with. Where there are none there is nothing to do, for ever.
async fn follow_certificates(certificates: Option<Certificates>, outward: Vec<Outward>) {
    let own = async {
        match &certificates {
            Some(certificates) => certificates.follow().await,
            None => std::future::pending().await,
        }
    };
    tokio::join!(own, futures_util::future::join_all(outward.iter().map(Outward::follow)));
}

async fn sweep_for_ever(sessions: &Sessions) {
    loop {
        tokio::time::sleep(SWEEP).await;
        match sessions.sweep_once().await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "swept what has run out"),
            Err(error) => tracing::warn!(%error, "what has run out could not be swept away"),
        }
    }
}

/// One worker per core that this process may use; std reads the container's CPU quota.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Each client costs two descriptors, and pipes some; the soft limit is 1024 in most places and the hard one far above.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit on open files could not be raised");
        }
    }
}
