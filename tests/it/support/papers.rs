//! An issuer of certificates of the tests' own, and the files and clients that are made of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

static ISSUERS: AtomicUsize = AtomicUsize::new(0);

/// An issuer with a folder of its own.
pub(crate) struct Papers {
    issuer: Issuer<'static, KeyPair>,
    ca: String,
    folder: tempfile::TempDir,
}

impl Papers {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        // Two issuers of one name would be told apart by their signatures alone.
        let number = ISSUERS.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("issuer {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap().pem();
        let papers = Self { issuer: Issuer::new(params, key), ca, folder: tempfile::tempdir().unwrap() };
        std::fs::write(papers.path("ca.pem"), &papers.ca).unwrap();
        papers
    }

    /// Itself, as PEM.
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }

    /// A file of this folder.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// The same as the settings have it.
    pub(crate) fn quoted(&self, file: &str) -> String {
        format!("\"{}\"", self.path(file).display())
    }

    /// A certificate and its key for these names, as PEM.
    pub(crate) fn issue(&self, names: &[&str]) -> (String, String) {
        self.issue_as(names, |_| {})
    }

    /// The same with something odd about it.
    pub(crate) fn issue_as(
        &self,
        names: &[&str],
        odd: impl FnOnce(&mut CertificateParams),
    ) -> (String, String) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        odd(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        (cert.pem(), key.serialize_pem())
    }

    /// Writes `NAME.pem` and `NAME.key`, for these names.
    pub(crate) fn file(&self, name: &str, names: &[&str]) {
        self.write(name, &self.issue(names));
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, name: &str, (cert, key): &(String, String)) {
        std::fs::write(self.path(&format!("{name}.pem")), cert).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), key).unwrap();
    }

    /// The settings' lines for a gate that has the certificates of these names.
    pub(crate) fn settings(&self, names: &[&str]) -> String {
        let list = |end: &str| {
            let files: Vec<_> = names.iter().map(|name| self.quoted(&format!("{name}.{end}"))).collect();
            files.join(", ")
        };
        format!(
            "server.tls.cert = [{}]\nserver.tls.key = [{}]\nserver.public_url = \"https://localhost\"\n",
            list("pem"),
            list("key")
        )
    }

    /// A client that believes this issuer, and speaks one of these protocols.
    pub(crate) fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
