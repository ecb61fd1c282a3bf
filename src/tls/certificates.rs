//! The gate's own certificates: which one a client gets, and how they are exchanged while the gate runs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::files::{FileFault, Pair};
use super::provider;
use super::watch::Watch;

/// ALPN's name of HTTP/2 (RFC 9113 section 3.2).
pub const H2: &[u8] = b"h2";

/// ALPN's name of HTTP/1.1 (RFC 7301 section 6).
pub const HTTP_1_1: &[u8] = b"http/1.1";

/// What some old clients offer alone.
const HTTP_1_0: &[u8] = b"http/1.0";

/// The certificates in use. Clones share them.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pairs: Vec<Pair>,
    in_use: ArcSwap<Vec<Arc<CertifiedKey>>>,
    watch: Watch,
}

impl Certificates {
    /// Reads the files of every pair, of which there is at least one; or says what is wrong with each.
    pub fn read(pairs: Vec<Pair>) -> Result<Self, Vec<FileFault>> {
        let watch = Watch::over(pairs.iter().flat_map(Pair::files).collect());
        let in_use = ArcSwap::from_pointee(read(&pairs)?);
        Ok(Self(Arc::new(Inner { pairs, in_use, watch })))
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
        self.0.watch.follow(|| self.read_again()).await;
    }

    /// What is wrong with the files is said once, and changes nothing.
    fn read_again(&self) {
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
