//! `[email]`: by which server mail is sent, and as whom.

use std::path::PathBuf;

use crate::types::{Email, Secret};

/// `[email]`
#[derive(Clone, Debug)]
pub struct Mail {
    /// The server: a name in IDNA's ASCII form or an address, IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: MailSecurity,
    /// Who vouches for the server; `None`: whom the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Who mail comes from.
    pub from: Email,
    /// The server's user; empty: none.
    pub username: String,
    /// Their password; empty: none.
    pub password: Secret<String>,
}

impl Mail {
    /// What to do where neither `ca_file` nor the system says whom to believe.
    pub const NO_ROOTS: &str = "name the server's issuer in `email.ca_file`, or install the system's (`ca-certificates`; an image made \
                                from scratch has none)";
}

/// How a connection to a mail server is secured. Certificates are verified in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// By TLS from the first byte (RFC 8314).
    Tls,
    /// By STARTTLS (RFC 3207), and without it nothing is said.
    StartTls,
    /// By STARTTLS where the server offers it.
    Offered,
    /// Not at all.
    Plain,
}
