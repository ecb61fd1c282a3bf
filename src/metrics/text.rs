//! Prometheus' text format, version 0.0.4.

use std::fmt::{self, Display, Write as _};
use std::sync::atomic::Ordering;

use super::histogram::{Histogram, Sum};
use super::{Inner, Metrics, Outcome, SignInOutcome, UpstreamError, Worker};

/// What is not counted here but asked for when somebody reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sampled {
    /// How many passwords wait to be hashed.
    pub hash_queue_depth: usize,
    /// How many sessions there are; `None`: the store does not say.
    pub sessions: Option<u64>,
    /// How many transactions the store has committed since the start.
    pub store_commits: u64,
}

/// All metrics as text.
pub fn write(metrics: &Metrics, sampled: Sampled) -> String {
    let mut page = Page(String::with_capacity(8 * 1024));
    // Writing to a string can't fail.
    let _ = page.all(&metrics.0, sampled);
    page.0
}

struct Page(String);

impl Page {
    fn all(&mut self, inner: &Inner, sampled: Sampled) -> fmt::Result {
        let workers = || inner.workers.iter();
        let over_workers = |count: fn(&Worker, usize) -> u64, of: usize| -> u64 {
            workers().map(|worker| count(worker, of)).sum()
        };

        self.head("sidegate_requests_total", "counter", "Requests, by what became of them.")?;
        for outcome in Outcome::ALL {
            let count = over_workers(|worker, of| worker.requests[of].get(), outcome as usize);
            self.labelled("sidegate_requests_total", "outcome", outcome.name(), count)?;
        }
        self.histogram(
            "sidegate_gate_duration_seconds",
            "From a request's head to the gate's verdict, a renewal in passing included.",
            &Histogram::sum(workers().map(|worker| &worker.gate)),
        )?;
        self.histogram(
            "sidegate_upstream_duration_seconds",
            "From the gate's verdict to the head of the upstream's answer.",
            &Histogram::sum(workers().map(|worker| &worker.upstream)),
        )?;
        self.head("sidegate_upstream_errors_total", "counter", "Failures of the upstream, by kind.")?;
        for error in UpstreamError::ALL {
            let count = over_workers(|worker, of| worker.upstream_errors[of].get(), error as usize);
            self.labelled("sidegate_upstream_errors_total", "kind", error.name(), count)?;
        }
        self.head("sidegate_signins_total", "counter", "Sign-ins with a password, by what became of them.")?;
        for outcome in SignInOutcome::ALL {
            let count = inner.signins.0[outcome as usize].load(Ordering::Relaxed);
            self.labelled("sidegate_signins_total", "outcome", outcome.name(), count)?;
        }
        self.state(inner, sampled)
    }

    /// What is so at the moment.
    fn state(&mut self, inner: &Inner, sampled: Sampled) -> fmt::Result {
        let connections = inner.connections.load(Ordering::Relaxed);
        self.one(
            "sidegate_hash_queue_depth",
            "gauge",
            "Passwords that wait to be hashed.",
            sampled.hash_queue_depth,
        )?;
        if let Some(sessions) = sampled.sessions {
            self.one("sidegate_sessions", "gauge", "Sessions that live.", sessions)?;
        }
        self.one(
            "sidegate_store_commits_total",
            "counter",
            "Transactions that the store has committed.",
            sampled.store_commits,
        )?;
        self.one(
            "sidegate_connections",
            "gauge",
            "Clients' connections that are open, upgraded ones included.",
            connections,
        )?;
        self.head("sidegate_build_info", "gauge", "Which Sidegate this is.")?;
        self.labelled("sidegate_build_info", "version", env!("CARGO_PKG_VERSION"), 1)?;
        self.one(
            "process_start_time_seconds",
            "gauge",
            "When the gate started, in seconds since the Unix epoch.",
            Seconds(inner.started.millis()),
        )
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) -> fmt::Result {
        self.head(name, kind, help)?;
        writeln!(self.0, "{name} {value}")
    }

    /// Labels are names of ours: nothing in them has to be escaped.
    fn labelled(&mut self, name: &str, label: &str, is: &str, value: u64) -> fmt::Result {
        writeln!(self.0, "{name}{{{label}=\"{is}\"}} {value}")
    }

    fn histogram(&mut self, name: &str, help: &str, sum: &Sum) -> fmt::Result {
        self.head(name, "histogram", help)?;
        for (bound, count) in sum.cumulated() {
            writeln!(self.0, "{name}_bucket{{le=\"{}\"}} {count}", bound.as_secs_f64())?;
        }
        let count = sum.count();
        writeln!(self.0, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
        writeln!(self.0, "{name}_sum {}\n{name}_count {count}", sum.total().as_secs_f64())
    }
}

/// Milliseconds as seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}
