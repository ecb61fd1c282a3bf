//! Whom the gate believes when it opens connections: the certificates that a file names, else the system's.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::files::{FileFault, Part, Why, certificates};

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file can't be used.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The system knows nobody who is trusted.
    #[error("this system has no root certificates, so that nobody can be believed")]
    None,
}

/// Those whom `ca_file` names, and they alone; without it those whom the system trusts. At least one.
pub fn roots(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    match ca_file {
        Some(file) => Ok(named(file)?),
        None => system(),
    }
}

/// Each of a file's must be one that can vouch for others: the operator has named them.
fn named(file: &Path) -> Result<Vec<CertificateDer<'static>>, FileFault> {
    let fault = |why| FileFault { file: PathBuf::from(file), part: Part::Cert, why };
    let certs = certificates(file).map_err(fault)?;
    let mut store = RootCertStore::empty();
    for cert in &certs {
        store.add(cert.clone()).map_err(|error| fault(Why::Unusable(error)))?;
    }
    Ok(certs)
}

/// What the system trusts, as far as it can be read: one odd certificate among hundreds is no reason to trust none.
fn system() -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let mut store = RootCertStore::empty();
    let mut certs = rustls_native_certs::load_native_certs().certs;
    certs.retain(|cert| store.add(cert.clone()).is_ok());
    if certs.is_empty() { Err(RootsError::None) } else { Ok(certs) }
}
