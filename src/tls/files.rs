//! Certificates and keys as their files have them: PEM, a chain and the key that it is for.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use zeroize::Zeroizing;

use super::provider;

/// A file's end: more is another file than was meant, such as a device. The roots of a whole system are 250 KB.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A certificate and its key, by the files they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, and the chain below it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Which of a pair's files is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate's.
    Cert,
    /// The key's.
    Key,
}

/// A file that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {why}", file.display())]
pub struct FileFault {
    /// Which it is.
    pub file: PathBuf,
    /// What was looked for in it.
    pub part: Part,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a file. Its texts hold nothing of what is in it.
#[derive(Debug)]
pub enum Why {
    /// It can't be read.
    Unread(io::Error),
    /// It is no PEM.
    NotPem,
    /// It has no certificate.
    NoCertificate,
    /// It has no private key.
    NoKey,
    /// Its key is locked by a passphrase.
    Encrypted,
    /// Its key belongs to another certificate.
    OtherCertificate(PathBuf),
    /// It can't be used.
    Unusable(Error),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(error) => write!(f, "{error}"),
            Self::NotPem => f.write_str("it is damaged, or no PEM file"),
            Self::NoCertificate => f.write_str("there is no certificate in it"),
            Self::NoKey => f.write_str("there is no private key in it"),
            Self::Encrypted => f.write_str("its key is locked by a passphrase"),
            Self::OtherCertificate(cert) => {
                write!(f, "it is not the key of the certificate in `{}`", cert.display())
            }
            Self::Unusable(error) => write!(f, "it can't be used: {error}"),
        }
    }
}

impl Why {
    /// What to do about it; a file that can't be read is the caller's to explain.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unread(_) => "name a file that can be read",
            Self::NotPem | Self::NoCertificate => "name a PEM file with `-----BEGIN CERTIFICATE-----` in it",
            Self::NoKey => {
                "name a PEM file with `-----BEGIN PRIVATE KEY-----` (or `RSA PRIVATE KEY`, `EC PRIVATE KEY`) in it"
            }
            Self::Encrypted => "unlock it with `openssl pkey -in FILE -out FILE.unlocked`, and name that",
            Self::OtherCertificate(_) => {
                "name the key that this certificate was made with; the chain's first is its own"
            }
            Self::Unusable(_) => {
                "have it made anew: RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519"
            }
        }
    }
}

impl Pair {
    /// Both files.
    pub(super) fn files(&self) -> [PathBuf; 2] {
        [self.cert.clone(), self.key.clone()]
    }

    /// What is in the two files, if it fits together; or what is wrong, with both perhaps.
    pub(super) fn read(&self) -> Result<Arc<CertifiedKey>, Vec<FileFault>> {
        let cert_fault = |why| FileFault { file: self.cert.clone(), part: Part::Cert, why };
        let key_fault = |why| FileFault { file: self.key.clone(), part: Part::Key, why };
        let load = |key| provider().key_provider.load_private_key(key).map_err(Why::Unusable);
        let chain = certificates(&self.cert).map_err(cert_fault);
        let key = key(&self.key).and_then(load).map_err(key_fault);
        let (chain, key) = match (chain, key) {
            (Ok(chain), Ok(key)) => (chain, key),
            (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
        };
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
            Err(Error::InconsistentKeys(_)) => Err(vec![key_fault(Why::OtherCertificate(self.cert.clone()))]),
            Err(error) => Err(vec![cert_fault(Why::Unusable(error))]),
        }
    }
}

/// All certificates of a file, at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Why> {
    let bytes = contents(file)?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|_| Why::NotPem)?;
    if chain.is_empty() { Err(Why::NoCertificate) } else { Ok(chain) }
}

/// The first key of a file: PKCS#8, PKCS#1 or SEC1.
fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Why> {
    let bytes = contents(file)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok(key),
        // PKCS#8's header, and the line that OpenSSL's older form has below its own.
        Err(_) if bytes.windows(9).any(|word| word == b"ENCRYPTED") => Err(Why::Encrypted),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Err(Why::NoKey),
        Err(_) => Err(Why::NotPem),
    }
}

fn contents(file: &Path) -> Result<Zeroizing<Vec<u8>>, Why> {
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(file).map_err(Why::Unread)?;
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(Why::Unread)?;
    if read as u64 > LONGEST { Err(Why::NotPem) } else { Ok(bytes) }
}

/// Whether any user of this machine may read a file.
pub fn is_open_to_all(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.mode() & 0o004 != 0)
}

/// What tells that a file is another than before: where links lead, when it was written, how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

/// A file's stamp; `None`: it isn't there.
pub(super) fn stamp(file: &Path) -> Option<Stamp> {
    let file = std::fs::metadata(file).ok()?;
    let (device, inode, length) = (file.dev(), file.ino(), file.size());
    Some(Stamp { device, inode, modified: (file.mtime(), file.mtime_nsec()), length })
}
