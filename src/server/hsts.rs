//! `Strict-Transport-Security` (RFC 6797), where the settings ask for it: on every answer that goes by https, and on none
//! by plain HTTP (section 7.2). A field of the upstream's own stays, and alone: browsers take the first (section 8.1).
//! What is no request gets hyper's own 400 or 431, without it.

use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderMap, HeaderValue};

use crate::config::settings;
use crate::proxy;

/// What is said, as a value and as a line.
pub(super) struct Hsts {
    value: HeaderValue,
    line: Vec<u8>,
    /// Whether clients come by https whatever is seen of it here, for `server.public_url` says so.
    everywhere: bool,
}

impl Hsts {
    pub(super) fn new(server: &settings::Server) -> Option<Self> {
        let value = server.hsts.clone()?;
        let name = STRICT_TRANSPORT_SECURITY.as_str().as_bytes();
        let line = [name, b": ", value.as_bytes(), b"\r\n"].concat();
        Some(Self { value, line, everywhere: server.public_url.https })
    }

    /// What is to be said to a client. `secure`: it came by TLS, its own or a trusted proxy's.
    pub(super) fn to(this: Option<&Self>, secure: bool) -> Option<&Self> {
        this.filter(|hsts| hsts.everywhere || secure)
    }

    /// Adds it to a head's fields.
    pub(super) fn add(&self, headers: &mut HeaderMap) {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| self.value.clone());
    }

    /// The same to an answer of the direct way, before anything of it is sent.
    pub(super) fn add_directly(&self, answer: &mut proxy::Answer) {
        if !answer.names(STRICT_TRANSPORT_SECURITY.as_str()) {
            answer.add(&self.line);
        }
    }

    /// As a line of a head.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }
}
