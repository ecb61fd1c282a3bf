//! What the access log says of a request: its fields, and their order.

use std::net::IpAddr;
use std::time::Duration;

use http::{StatusCode, Version};

use super::form::Form;
use crate::types::UserId;

/// One line of the access log.
pub struct Entry<'a> {
    /// The request's method.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// The answer's status.
    pub status: StatusCode,
    /// The request's version of HTTP.
    pub version: Version,
    /// Whose request it was, as far as that is known.
    pub peer: Option<IpAddr>,
    /// Who was signed in.
    pub user: Option<UserId>,
    /// What became of it.
    pub outcome: &'static str,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Whether the answer was given to its end.
    pub complete: bool,
    /// From the request's head to the answer's end.
    pub took: Duration,
    /// The request's id.
    pub id: &'a str,
}

impl Entry<'_> {
    /// Hands it to tracing. [`Entry::write`] is to be the same to the byte.
    pub(super) fn trace(&self) {
        tracing::info!(
            target: "access",
            method = self.method,
            path = self.path,
            status = self.status.as_u16(),
            version = ?self.version,
            peer = self.peer.map(tracing::field::display),
            user = self.user.map(UserId::number),
            outcome = self.outcome,
            bytes = self.bytes,
            complete = self.complete,
            // The microseconds are decimals.
            ms = (self.took.as_secs_f64() * 1e6).round() / 1e3,
            id = self.id,
        );
    }

    /// Appends it as a whole line; `stamp`: the time.
    pub(super) fn write<F: Form>(&self, stamp: &[u8], out: &mut Vec<u8>) {
        F::begin(out, stamp);
        F::name(out, "method");
        F::text(out, self.method);
        F::name(out, "path");
        F::text(out, self.path);
        F::name(out, "status");
        F::number(out, self.status.as_u16());
        F::name(out, "version");
        F::bare(out, version(self.version));
        if let Some(peer) = self.peer {
            F::name(out, "peer");
            F::address(out, peer);
        }
        if let Some(user) = self.user {
            F::name(out, "user");
            F::number(out, user.number());
        }
        F::name(out, "outcome");
        F::text(out, self.outcome);
        F::name(out, "bytes");
        F::number(out, self.bytes);
        F::name(out, "complete");
        out.extend_from_slice(if self.complete { b"true" } else { b"false" });
        F::name(out, "ms");
        F::milliseconds(out, self.took);
        F::name(out, "id");
        F::text(out, self.id);
        F::end(out);
    }
}

/// As its `Debug` says it.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}
