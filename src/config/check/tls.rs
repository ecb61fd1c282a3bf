//! `[server.tls]`, what an `https:` upstream and a mail server need: the files that are named have to be there and to fit each other.

use std::path::{Path, PathBuf};

use super::mail;
use crate::config::file::Written;
use crate::config::files::{reason, remedy};
use crate::config::finding::Finding;
use crate::config::settings::{Protocol, UpstreamTarget};
use crate::config::table::Given;
use crate::tls::{Certificates, FileFault, Outward, OutwardError, Pair, Part, Why, is_open_to_all};

/// What both sides are secured with.
#[derive(Default)]
pub(in crate::config) struct Secured {
    pub(super) server: Option<Certificates>,
    pub(super) upstream: Option<Outward>,
    /// Who vouches for the mail server, where that is not whom the system trusts.
    pub(super) mail_ca: Option<PathBuf>,
}

impl Secured {
    /// What is known without reading a file.
    pub(in crate::config) fn unread(written: &Written, folder: &Path) -> Self {
        Self { mail_ca: mail::ca_file(written, folder), ..Self::default() }
    }
}

/// Reads the files; relative paths begin in `folder`.
pub(in crate::config) fn read(written: &Written, folder: &Path, findings: &mut Vec<Finding>) -> Secured {
    mail::trust(written, folder, findings);
    Secured {
        server: server(written, folder, findings),
        upstream: upstream(written, folder, findings),
        ..Secured::unread(written, folder)
    }
}

/// Whether clients are to be met by TLS.
pub(super) fn is_asked_for(written: &Written) -> bool {
    !written.server_tls.cert.value.is_empty()
}

fn server(written: &Written, folder: &Path, findings: &mut Vec<Finding>) -> Option<Certificates> {
    let (cert, key) = (&written.server_tls.cert, &written.server_tls.key);
    if cert.bad || key.bad || cert.value.is_empty() && key.value.is_empty() {
        return None;
    }
    if cert.value.is_empty() || key.value.is_empty() {
        let (missing, other) = if key.value.is_empty() { (key, cert) } else { (cert, key) };
        findings.push(lacking(missing, other));
        return None;
    }
    let (certs, keys) = (cert.value.len(), key.value.len());
    if certs != keys {
        let text = format!("names {keys}, and `{}` names {certs}", cert.key.path());
        findings.push(key.error(&text).hint("name one key for each certificate, in the same order"));
        return None;
    }
    let url = &written.server.public_url;
    if !url.bad && !url.value.https {
        findings.push(
            url.warning("is plain http, and clients are met by TLS: browsers would be sent astray")
                .hint("write the URL with `https://`"),
        );
    }
    let pairs = cert.value.iter().zip(&key.value);
    let pairs: Vec<_> =
        pairs.map(|(cert, key)| Pair { cert: folder.join(cert), key: folder.join(key) }).collect();
    warn_of_open_keys(key, &key.value, folder, findings);
    match Certificates::read(pairs) {
        Ok(certificates) => Some(certificates),
        Err(faults) => {
            findings.extend(faults.iter().map(|fault| match fault.part {
                Part::Cert => refused(cert, fault, folder),
                Part::Key => refused(key, fault, folder),
            }));
            None
        }
    }
}

/// What `[upstream]` is reached with, where it is `https:`.
pub(in crate::config) fn upstream(
    written: &Written,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<Outward> {
    let upstream = &written.upstream;
    let (ca, cert, key) = (&upstream.ca_file, &upstream.client_cert, &upstream.client_key);
    let target = upstream.url.value.as_ref()?;
    let (UpstreamTarget::Http { host, .. }, Protocol::Https) = (target, target.protocol()) else {
        for given in [ca, cert, key] {
            useless(given, given.value.is_some(), findings);
        }
        useless(&upstream.server_name, upstream.server_name.value.is_some(), findings);
        useless(&upstream.http2, upstream.http2.is_written(), findings);
        return None;
    };
    if ca.bad || cert.bad || key.bad || upstream.server_name.bad {
        return None;
    }
    let identity = match (&cert.value, &key.value) {
        (Some(cert), Some(key)) => Some(Pair { cert: folder.join(cert), key: folder.join(key) }),
        (None, None) => None,
        (Some(_), None) => {
            findings.push(lacking(key, cert));
            return None;
        }
        (None, Some(_)) => {
            findings.push(lacking(cert, key));
            return None;
        }
    };
    warn_of_open_keys(key, key.value.as_slice(), folder, findings);
    let roots = ca.value.as_ref().map(|file| folder.join(file));
    let name = upstream.server_name.value.as_deref().unwrap_or(host);
    match Outward::new(roots.clone(), identity, name) {
        Ok(outward) => return Some(outward),
        Err(OutwardError::Files(faults)) => findings.extend(faults.iter().map(|fault| {
            let given = match fault.part {
                Part::Cert if roots.as_ref() == Some(&fault.file) => ca,
                Part::Cert => cert,
                Part::Key => key,
            };
            refused(given, fault, folder)
        })),
        Err(error @ OutwardError::Name(_)) => {
            let given = &upstream.server_name;
            let place = given.place().or_else(|| upstream.url.place());
            let text = format!("bad value for `{}`: {error}", given.key.path());
            findings.push(Finding::error(place, text).hint("write the name in the backend's certificate"));
        }
        Err(error) => {
            let finding = upstream.url.error(&format!("can't be reached by TLS: {error}"));
            findings.push(finding.hint(error.remedy()));
        }
    }
    None
}

fn lacking<T, U>(missing: &Given<T>, other: &Given<U>) -> Finding {
    let text = format!("`{}` is missing: `{}` is given", missing.key.path(), other.key.path());
    Finding::error(other.place(), text).hint("a certificate and its private key are named together")
}

fn useless<T>(given: &Given<T>, is_given: bool, findings: &mut Vec<Finding>) {
    if is_given {
        findings.push(
            given
                .warning("does nothing: `upstream.url` is not `https:`")
                .hint("write the URL with `https://`, or remove this"),
        );
    }
}

/// A file that can't be used, as its key's. It is named as the operator named it.
pub(super) fn refused<T>(given: &Given<T>, fault: &FileFault, folder: &Path) -> Finding {
    let file = fault.file.strip_prefix(folder).unwrap_or(&fault.file).display();
    let (why, hint) = match &fault.why {
        Why::Unread(error) => (reason(error), remedy(error)),
        Why::OtherCertificate(cert) => {
            let cert = cert.strip_prefix(folder).unwrap_or(cert).to_owned();
            (Why::OtherCertificate(cert).to_string(), Some(fault.why.remedy().to_owned()))
        }
        why => (why.to_string(), Some(why.remedy().to_owned())),
    };
    Finding { hint, ..given.error(&format!("names `{file}`: {why}")) }
}

fn warn_of_open_keys<T>(given: &Given<T>, keys: &[PathBuf], folder: &Path, findings: &mut Vec<Finding>) {
    for key in keys.iter().filter(|key| is_open_to_all(&folder.join(key))) {
        let file = key.display();
        findings.push(
            given
                .warning(&format!("names `{file}`, which any user of this machine can read"))
                .hint(format!("let only those read it who need to: `chmod o-r {file}`")),
        );
    }
}
