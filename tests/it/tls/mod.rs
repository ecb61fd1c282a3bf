//! TLS: clients' ([`serving`], [`streams`], [`renewal`]) and the upstream's ([`upstream`], [`followed`]).

mod followed;
mod renewal;
mod serving;
mod streams;
mod upstream;

use crate::support::papers::Papers;
use crate::support::{Gate, Upstream};

/// A gate for `localhost` that is met by TLS, HTTP/1.1 and no ALPN.
fn secured(extra: &str) -> (Gate, Papers) {
    secured_before(Upstream::start(), extra)
}

/// The same before an upstream of the test's own.
pub(crate) fn secured_before(upstream: Upstream, extra: &str) -> (Gate, Papers) {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    let mut gate = Gate::before(upstream, &format!("{}{extra}", papers.settings(&["gate"])));
    gate.tls = Some((papers.client(&[]), "localhost".to_owned()));
    (gate, papers)
}
