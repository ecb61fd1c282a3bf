//! What is counted for `/metrics` (contract section 7). Who counts adds to numbers of their own; who asks adds them up.
//! No label grows with what clients send: each is an enum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::types::Timestamp;

mod histogram;
mod tally;
mod text;

use histogram::Histogram;
pub use tally::{Counted, Tally};
pub use text::{Sampled, write};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Sidegate answered one of its own paths.
    Own,
    /// The upstream answered.
    Forwarded,
    /// It was refused, or sent to sign in.
    Refused,
    /// The upstream failed.
    UpstreamFailed,
    /// Its client left before there was an answer.
    Abandoned,
    /// Its connection was one too many (`limits.connections`).
    TurnedAway,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Own, Self::Forwarded, Self::Refused, Self::UpstreamFailed, Self::Abandoned, Self::TurnedAway];

    /// As logs and metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Forwarded => "forwarded",
            Self::Refused => "refused",
            Self::UpstreamFailed => "upstream_failed",
            Self::Abandoned => "abandoned",
            Self::TurnedAway => "turned_away",
        }
    }
}

/// How an upstream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// No connection could be made.
    Connect,
    /// Connecting took too long.
    ConnectTimeout,
    /// It could not be spoken to by TLS.
    Tls,
    /// Its certificate can't be believed.
    Certificate,
    /// The connection broke before the answer's head was there.
    BrokenOff,
    /// The answer is not HTTP, or not what was asked for.
    BadAnswer,
    /// The answer's head took too long.
    HeadTimeout,
    /// The answer's body broke off.
    BodyBrokenOff,
    /// The answer's body was silent for too long.
    BodyTimeout,
}

impl UpstreamError {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Certificate,
        Self::BrokenOff,
        Self::BadAnswer,
        Self::HeadTimeout,
        Self::BodyBrokenOff,
        Self::BodyTimeout,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::BrokenOff => "broken_off",
            Self::BadAnswer => "bad_answer",
            Self::HeadTimeout => "head_timeout",
            Self::BodyBrokenOff => "body_broken_off",
            Self::BodyTimeout => "body_timeout",
        }
    }
}

/// What became of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// A session began.
    Ok,
    /// Unknown address, wrong password or disabled user.
    Wrong,
    /// Too many attempts.
    Limited,
    /// Too many passwords waited to be hashed.
    Busy,
    /// The gate itself failed.
    Failed,
}

impl SignInOutcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Wrong, Self::Limited, Self::Busy, Self::Failed];

    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Limited => "limited",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// Counts sign-ins: each costs a hash, beside which a shared number costs nothing. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SignIns(Arc<[AtomicU64; SignInOutcome::ALL.len()]>);

impl SignIns {
    /// One more.
    pub fn count(&self, outcome: SignInOutcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Everything that is counted in one gate. Clones share it.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    workers: Box<[Arc<Worker>]>,
    signins: SignIns,
    connections: Arc<AtomicUsize>,
    started: Timestamp,
}

/// What one worker counts, alone, in cache lines of its own: 128 bytes, since processors fetch lines in pairs.
#[repr(align(128))]
struct Worker {
    requests: [Count; Outcome::ALL.len()],
    upstream_errors: [Count; UpstreamError::ALL.len()],
    gate: Histogram,
    upstream: Histogram,
}

/// A number that one thread adds to and others read: no locked instruction, since nobody else writes.
#[derive(Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, more: u64) {
        self.0.store(self.get().wrapping_add(more), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// From a cached token (microseconds) over a signature to a renewal that waits for the disk.
const GATE: &[Duration] = &[
    micros(1),
    micros(2),
    micros(5),
    micros(10),
    micros(25),
    micros(50),
    micros(100),
    micros(250),
    millis(1),
    millis(5),
    millis(25),
    millis(100),
    millis(1000),
];

/// Up to the default `upstream.response_timeout`.
const UPSTREAM: &[Duration] = &[
    micros(500),
    millis(1),
    micros(2500),
    millis(5),
    millis(10),
    millis(25),
    millis(50),
    millis(100),
    millis(250),
    millis(500),
    millis(1000),
    millis(2500),
    millis(5000),
    millis(10_000),
    millis(30_000),
    millis(60_000),
];

impl Metrics {
    /// Nothing counted yet, in a gate that starts now; and what each worker counts with. Those are made once and can't
    /// be shared: two threads that add to one number would lose some.
    pub fn new(workers: usize, now: Timestamp) -> (Self, Vec<Tally>) {
        let worker = || {
            Arc::new(Worker {
                requests: Default::default(),
                upstream_errors: Default::default(),
                gate: Histogram::new(GATE),
                upstream: Histogram::new(UPSTREAM),
            })
        };
        let workers: Box<[_]> = (0..workers).map(|_| worker()).collect();
        let tallies = workers.iter().map(|worker| Tally::new(Arc::clone(worker))).collect();
        let (signins, connections) = (SignIns::default(), Arc::default());
        (Self(Arc::new(Inner { workers, signins, connections, started: now })), tallies)
    }

    /// Counts sign-ins.
    pub fn signins(&self) -> SignIns {
        self.0.signins.clone()
    }

    /// How many clients are connected.
    pub fn connections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0.connections)
    }
}
