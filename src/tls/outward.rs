//! TLS towards the upstream: whom the gate believes there, and who it is itself. Nothing turns the check off.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::files::{FileFault, Pair, Part, Why, certificates};
use super::{HTTP_1_1, provider};

/// How connections to the upstream are secured. Clones share what they learned.
#[derive(Clone, Debug)]
pub struct Outward {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
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
    pub fn new(ca_file: Option<&Path>, identity: Option<&Pair>, name: &str) -> Result<Self, OutwardError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| OutwardError::Name(name.to_owned()))?;
        let roots = match ca_file {
            Some(file) => named(file)?,
            None => system()?,
        };
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(pair) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(
                pair.read().map_err(OutwardError::Files)?,
            ))),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        // One server, and as many tickets as it gives.
        config.resumption = Resumption::in_memory_sessions(8);
        Ok(Self { config: Arc::new(config), name })
    }

    /// Secures a connection that has just been made.
    pub async fn secure<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }
}

fn named(file: &Path) -> Result<RootCertStore, OutwardError> {
    let fault =
        |why| OutwardError::Files(vec![FileFault { file: PathBuf::from(file), part: Part::Cert, why }]);
    let mut roots = RootCertStore::empty();
    for cert in certificates(file).map_err(fault)? {
        roots.add(cert).map_err(|error| fault(Why::Unusable(error)))?;
    }
    Ok(roots)
}

/// What the system trusts, as far as it can be read: one odd certificate among hundreds is no reason to trust none.
fn system() -> Result<RootCertStore, OutwardError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(OutwardError::NoRoots) } else { Ok(roots) }
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

/// Why a handshake failed, where it was over a certificate of the other side; for the log.
pub fn certificate_fault(error: &io::Error) -> Option<String> {
    let Some(Error::InvalidCertificate(why)) = error.get_ref()?.downcast_ref::<Error>() else { return None };
    Some(match why {
        CertificateError::UnknownIssuer => {
            "its certificate's issuer is unknown; `upstream.ca_file` says whom to believe".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is this machine's clock right?".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for {}, not for `{}`; `upstream.server_name` says which name it should have",
            names(presented),
            expected.to_str()
        ),
        CertificateError::BadSignature => {
            "its certificate is not signed by the issuer that it names; `upstream.ca_file` may hold an older one's"
                .to_owned()
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
