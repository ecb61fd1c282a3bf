//! One letter over one connection: connecting, TLS, signing in, handing it over.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, Extension};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::error::{MailError, Step, shown};
use super::lines::ByLines;
use super::pace::Pace;
use super::{Letter, message};
use crate::config::settings::{Mail, MailSecurity};
use crate::tls::{Keys, RootsError, certificate_fault, roots};

/// How long a server may take to say goodbye; the letter is its own by then.
const GOODBYE: Duration = Duration::from_secs(2);

/// The mail server, and whom it is believed to be.
pub(super) struct Server {
    mail: Mail,
    pace: Pace,
    trust: Trust,
}

enum Trust {
    /// Whom the system trusts; `None`: nobody, so that there is no TLS.
    System(Option<TlsParameters>),
    /// Whom a file names; it is read for each letter, so that a new one holds at once.
    File(PathBuf),
}

impl Server {
    /// `Err`: TLS is needed, and there is nobody who could vouch for the server.
    pub(super) fn new(mail: &Mail, pace: Pace) -> io::Result<Self> {
        let trust = match (&mail.ca_file, mail.security) {
            (_, MailSecurity::Plain) => Trust::System(None),
            (Some(file), _) => {
                roots(Some(file)).map_err(|error| io::Error::other(format!("`email.ca_file`: {error}")))?;
                Trust::File(file.clone())
            }
            (None, security) => match roots(None) {
                Ok(roots) => Trust::System(Some(parameters(&mail.host, roots).map_err(io::Error::other)?)),
                Err(RootsError::None) if security == MailSecurity::Offered => Trust::System(None),
                Err(error) => return Err(io::Error::other(format!("{error}; {}", Mail::NO_ROOTS))),
            },
        };
        Ok(Self { mail: mail.clone(), pace, trust })
    }

    /// As log lines name it.
    pub(super) fn name(&self) -> String {
        let (host, port) = (&self.mail.host, self.mail.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Sends a letter: `Ok` when the server has taken it.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let limit = self.pace.letter;
        let mut connection = timeout(limit, self.hand_over(letter))
            .await
            .unwrap_or_else(|_| Err(MailError::Slow(limit.as_secs())))?;
        // Whatever comes of that: the letter was taken.
        let _ = timeout(GOODBYE, connection.quit()).await;
        Ok(())
    }

    async fn hand_over(&self, letter: &Letter) -> Result<AsyncSmtpConnection, MailError> {
        let written = message::write(letter, &self.mail.from)?;
        let mut connection = self.connect(letter).await?;
        if !self.mail.username.is_empty() {
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(MailError::NoLogin);
            }
            let login = Credentials::new(self.mail.username.clone(), self.mail.password.reveal().clone());
            let signed_in = connection.auth(DEFAULT_MECHANISMS, &login).await;
            signed_in.map_err(|error| self.fault(&error, Step::Login, letter))?;
        }
        if written.needs_utf8 && !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(MailError::NoUtf8);
        }
        let taken = connection.send(&written.envelope, &written.bytes).await;
        taken.map_err(|error| self.fault(&error, Step::Letter, letter))?;
        Ok(connection)
    }

    /// A connection that is secured as the settings want it. No name of this machine is said: the sender's domain will do.
    async fn connect(&self, letter: &Letter) -> Result<AsyncSmtpConnection, MailError> {
        let hello = ClientId::Domain(self.mail.from.key().domain().to_owned());
        let tls = self.tls()?;
        let greeting = |error| self.fault(&error, Step::Greeting, letter);
        if self.mail.security == MailSecurity::Tls {
            let (at, limit) = ((self.mail.host.as_str(), self.mail.port), Some(self.pace.connect));
            return AsyncSmtpConnection::connect_tokio1(at, limit, &hello, tls, None).await.map_err(greeting);
        }
        let stream =
            ByLines::new(self.open().await.map_err(|error| MailError::Connection(error.to_string()))?);
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await.map_err(greeting)?;
        match (tls, self.mail.security) {
            (Some(tls), _) if connection.can_starttls() => {
                let secured = connection.starttls(tls, &hello).await;
                secured.map_err(|error| self.fault(&error, Step::StartTls, letter))?;
            }
            (_, MailSecurity::StartTls) => return Err(MailError::NoTls),
            _ => {}
        }
        Ok(connection)
    }

    async fn open(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in lookup_host((self.mail.host.as_str(), self.mail.port)).await? {
            match timeout(self.pace.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }

    fn tls(&self) -> Result<Option<TlsParameters>, MailError> {
        match &self.trust {
            Trust::System(parameters) => Ok(parameters.clone()),
            Trust::File(file) => {
                let roots = roots(Some(file)).map_err(|error| MailError::Tls(error.to_string()))?;
                let parameters = parameters(&self.mail.host, roots);
                parameters.map(Some).map_err(|error| MailError::Tls(error.to_string()))
            }
        }
    }

    fn fault(&self, error: &smtp::Error, to: Step, letter: &Letter) -> MailError {
        let cause = std::error::Error::source(error);
        let words = || cause.map_or_else(String::new, |cause| shown(&cause.to_string(), letter, &self.mail));
        if let Some(code) = error.status() {
            return MailError::Refused { to, code: code.into(), text: words() };
        }
        if let Some(why) = tls_fault(error) {
            return MailError::Tls(why);
        }
        if error.is_response() {
            MailError::Strange(words())
        } else if error.is_client() {
            MailError::Unsendable(words())
        } else {
            MailError::Connection(innermost(error))
        }
    }
}

/// What of TLS failed, where it was that: somewhere among the causes is the socket's error, and in it TLS's own.
fn tls_fault(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let keys = Keys { issuer: "email.ca_file", name: "email.smtp" };
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let own = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            return certificate_fault(error, keys).or_else(|| own.map(ToString::to_string));
        }
        cause = error.source();
    }
    None
}

/// The cause of all causes: what is around it says "network error" and the like.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    message::one_line(&cause.to_string())
}

fn parameters(host: &str, roots: Vec<CertificateDer<'static>>) -> Result<TlsParameters, smtp::Error> {
    let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for root in roots {
        builder = builder.add_root_certificate(Certificate::from_der(root.to_vec())?);
    }
    builder.build_rustls()
}
