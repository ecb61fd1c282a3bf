//! The gate's own certificates: which one a client gets, and how they are exchanged while the gate runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::files::{FileFault, Pair, Stamp, stamp};
use super::provider;

/// ALPN's name of HTTP/2 (RFC 9113 section 3.2).
pub const H2: &[u8] = b"h2";

/// ALPN's name of HTTP/1.1 (RFC 7301 section 6).
pub const HTTP_1_1: &[u8] = b"http/1.1";

/// What some old clients offer alone.
const HTTP_1_0: &[u8] = b"http/1.0";

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The certificates in use. Clones share them.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pairs: Vec<Pair>,
    in_use: ArcSwap<Vec<Arc<CertifiedKey>>>,
    looked: Mutex<Looked>,
}

/// What the files were like, two for each pair.
#[derive(Debug)]
struct Looked {
    /// When they were read last.
    read: Vec<Option<Stamp>>,
    /// When they were seen to be others than those.
    changed: Option<Vec<Option<Stamp>>>,
}

impl Certificates {
    /// Reads the files of every pair, of which there is at least one; or says what is wrong with each.
    pub fn read(pairs: Vec<Pair>) -> Result<Self, Vec<FileFault>> {
        // Before they are read: what changes meanwhile is seen at the next look.
        let stamps = stamps(&pairs);
        let in_use = ArcSwap::from_pointee(read(&pairs)?);
        let looked = Mutex::new(Looked { read: stamps, changed: None });
        Ok(Self(Arc::new(Inner { pairs, in_use, looked })))
    }

    /// How clients are met: TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1. Sessions are resumed by tickets, so that nothing is
    /// kept for clients that are gone.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = [H2, HTTP_1_1, HTTP_1_0].map(<[u8]>::to_vec).to_vec();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Ticketer::new()?;
        Ok(Arc::new(config))
    }

    /// Looks after the files, for as long as it is polled. It blocks while it reads: not for an event loop of requests.
    pub async fn follow(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }

    /// Looks at the files once. Others are read when they have rested for one look: certificate and key can't be written
    /// at the same moment. What is wrong with them is said once, and changes nothing.
    fn look(&self) {
        let now = stamps(&self.0.pairs);
        let mut looked = self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if now == looked.read {
            looked.changed = None;
        } else if looked.changed.as_ref() != Some(&now) {
            looked.changed = Some(now);
        } else {
            (looked.read, looked.changed) = (now, None);
            match read(&self.0.pairs) {
                Ok(read) => {
                    self.0.in_use.store(Arc::new(read));
                    tracing::info!("new certificates are in use; running connections go on");
                }
                Err(faults) => {
                    for fault in faults {
                        let remedy = fault.why.remedy();
                        tracing::error!(
                            "a certificate can't be renewed, the one before stays in use: {fault}; {remedy}"
                        );
                    }
                }
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    /// The first that is for the name that the client asks for, and of a kind that it can check; else the first.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let all = self.0.in_use.load();
        let first = all.first()?;
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let (Some(name), 2..) = (name, all.len()) else { return Some(Arc::clone(first)) };
        let fits = |certified: &&Arc<CertifiedKey>| {
            is_for(certified, &name) && certified.key.choose_scheme(hello.signature_schemes()).is_some()
        };
        Some(Arc::clone(all.iter().find(fits).unwrap_or(first)))
    }
}

fn is_for(certified: &CertifiedKey, name: &ServerName<'_>) -> bool {
    certified
        .end_entity_cert()
        .and_then(ParsedCertificate::try_from)
        .is_ok_and(|cert| verify_server_name(&cert, name).is_ok())
}

fn stamps(pairs: &[Pair]) -> Vec<Option<Stamp>> {
    pairs.iter().flat_map(|pair| [stamp(&pair.cert), stamp(&pair.key)]).collect()
}

fn read(pairs: &[Pair]) -> Result<Vec<Arc<CertifiedKey>>, Vec<FileFault>> {
    let (mut all, mut faults) = (Vec::with_capacity(pairs.len()), Vec::new());
    for pair in pairs {
        match pair.read() {
            Ok(certified) => all.push(certified),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}
