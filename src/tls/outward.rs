//! TLS towards the upstream: whom the gate believes there, and who it is itself. Nothing turns the check off.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, PeerMisbehaved, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::files::{FileFault, Pair};
use super::roots::{RootsError, roots};
use super::watch::Watch;
use super::{H2, HTTP_1_1, provider};

/// How connections to the upstream are secured. Clones share it, and what they learned.
#[derive(Clone, Debug)]
pub struct Outward(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ca_file: Option<PathBuf>,
    identity: Option<Pair>,
    name: ServerName<'static>,
    in_use: ArcSwap<Configs>,
    /// How often the files have become others.
    changes: AtomicUsize,
    watch: Watch,
}

/// One for each offer: what they learn of the other side (tickets) may depend on it.
#[derive(Debug)]
struct Configs {
    http2: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

/// What is offered to the upstream (ALPN, RFC 7301). It may agree to nothing, and then speaks HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// HTTP/2, and HTTP/1.1 where it doesn't speak that.
    Http2,
    /// HTTP/1.1 alone.
    Http1,
}

/// Why the upstream can't be spoken to by TLS.
#[derive(Debug, thiserror::Error)]
pub enum OutwardError {
    /// Files can't be used.
    #[error("a file can't be used")]
    Files(Vec<FileFault>),
    /// The system knows nobody who is trusted.
    #[error("this system has no root certificates, so that no upstream can be believed")]
    NoRoots,
    /// The name can't be one.
    #[error("`{0}` is no name that a certificate can have")]
    Name(String),
    /// The library says no.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] Error),
}

impl From<RootsError> for OutwardError {
    fn from(error: RootsError) -> Self {
        match error {
            RootsError::File(fault) => Self::Files(vec![fault]),
            RootsError::None => Self::NoRoots,
        }
    }
}

impl OutwardError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Files(_) => "see what is said of each",
            Self::NoRoots => {
                "name the backend's issuer in `upstream.ca_file`, or install the system's (`ca-certificates`; an image \
                 made from scratch has none)"
            }
            Self::Name(_) => "write a host's name or an address",
            Self::Tls(_) => "report this as a bug",
        }
    }
}

impl Outward {
    /// Believes whom `ca_file` names, else whom the system trusts, and only as `name`; shows `identity` where it is asked to.
    pub fn new(ca_file: Option<PathBuf>, identity: Option<Pair>, name: &str) -> Result<Self, OutwardError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| OutwardError::Name(name.to_owned()))?;
        let files = ca_file.iter().cloned().chain(identity.iter().flat_map(Pair::files));
        let watch = Watch::over(files.collect());
        let in_use = ArcSwap::from_pointee(Configs::read(ca_file.as_deref(), identity.as_ref())?);
        let changes = AtomicUsize::new(0);
        Ok(Self(Arc::new(Inner { ca_file, identity, name, in_use, changes, watch })))
    }

    /// Secures a connection that has just been made.
    pub async fn secure<S>(&self, stream: S, offer: Offer) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = {
            let configs = self.0.in_use.load();
            Arc::clone(match offer {
                Offer::Http2 => &configs.http2,
                Offer::Http1 => &configs.http1,
            })
        };
        TlsConnector::from(config).connect(self.0.name.clone(), stream).await
    }

    /// How often what is in use has become another: connections that were made before don't know it.
    pub fn changes(&self) -> usize {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Looks after the files, for as long as it is polled; what the system trusts is no file of ours. It blocks while it
    /// reads: not for an event loop of requests.
    pub async fn follow(&self) {
        self.0.watch.follow(|| self.read_again()).await;
    }

    /// What is wrong with the files is said once, and changes nothing.
    fn read_again(&self) {
        let name = self.0.name.to_str();
        match Configs::read(self.0.ca_file.as_deref(), self.0.identity.as_ref()) {
            Ok(read) => {
                self.0.in_use.store(Arc::new(read));
                self.0.changes.fetch_add(1, Ordering::Release);
                tracing::info!(
                    "new files for TLS to the upstream `{name}` are in use; what is under way goes on over older connections"
                );
            }
            Err(OutwardError::Files(faults)) => {
                for fault in faults {
                    let remedy = fault.why.remedy();
                    tracing::error!(
                        "a file for TLS to the upstream `{name}` can't be used, what was in it before stays in use: {fault}; \
                         {remedy}"
                    );
                }
            }
            Err(error) => {
                let remedy = error.remedy();
                tracing::error!(
                    "the files for TLS to the upstream `{name}` can't be used, those before stay in use: {error}; {remedy}"
                );
            }
        }
    }
}

impl Configs {
    fn read(ca_file: Option<&Path>, identity: Option<&Pair>) -> Result<Self, OutwardError> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots(ca_file)?);
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store);
        let config = match identity {
            Some(pair) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(
                pair.read().map_err(OutwardError::Files)?,
            ))),
            None => config.with_no_client_auth(),
        };
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            // One server, and as many tickets as it gives.
            config.resumption = Resumption::in_memory_sessions(8);
            Arc::new(config)
        };
        Ok(Self { http2: offering(&[H2, HTTP_1_1]), http1: offering(&[HTTP_1_1]) })
    }
}

/// Whether the upstream agreed to HTTP/2.
pub fn is_agreed_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(H2)
}

/// Whether a handshake failed because the upstream speaks nothing of what was offered.
pub fn no_common_protocol(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    matches!(
        error,
        Some(
            Error::AlertReceived(AlertDescription::NoApplicationProtocol)
                | Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol)
        )
    )
}

/// As people write them.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        // `DnsName("a.example")`
        name.split('"').nth(1).map_or_else(|| name.clone(), |name| format!("`{name}`"))
    };
    if presented.is_empty() {
        "no name".to_owned()
    } else {
        presented.iter().map(bare).collect::<Vec<_>>().join(", ")
    }
}

/// Which keys of the configuration say what a certificate of the other side must be.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// Whom to believe.
    pub issuer: &'static str,
    /// The name that it must have.
    pub name: &'static str,
}

/// Why a handshake failed, where it was over a certificate of the other side; for the log.
pub fn certificate_fault(error: &io::Error, keys: Keys) -> Option<String> {
    let Keys { issuer, name } = keys;
    let Some(Error::InvalidCertificate(why)) = error.get_ref()?.downcast_ref::<Error>() else { return None };
    Some(match why {
        CertificateError::UnknownIssuer => {
            format!("its certificate's issuer is unknown; `{issuer}` says whom to believe")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is this machine's clock right?".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for {}, not for `{}`; `{name}` says which name it should have",
            names(presented),
            expected.to_str()
        ),
        CertificateError::BadSignature => {
            format!(
                "its certificate is not signed by the issuer that it names; `{issuer}` may hold an older one's"
            )
        }
        // `openssl req -x509` makes such ones.
        CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
            "its certificate is an issuer's, which is no server's: make it anew with `basicConstraints=CA:FALSE`"
                .to_owned()
        }
        CertificateError::Other(other) => format!("its certificate can't be believed: {}", other.0),
        other => format!("its certificate can't be believed: {other}"),
    })
}
