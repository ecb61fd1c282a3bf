//! What a presented refresh token means, and what a session becomes when it is renewed. Pure (contract section 5).

use std::time::Duration;

use crate::store::{Generation, Session};
use crate::types::Timestamp;

/// How long after its successor was first seen a rotated token is still taken for a parallel tab or a lost
/// answer rather than for a stolen copy.
pub const GRACE: Duration = Duration::from_secs(10);

/// The most first presentations that a record keeps. A client that renews more often than this within the
/// grace is not one whose oldest tokens are still on their way.
const MAX_PRESENTED: usize = 256;

/// What to do with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the current one: the session gets a new pair.
    Rotate,
    /// It was rotated, and nobody has used its successor for longer than the grace: answer the current pair again.
    Repeat,
    /// Its successor has been in use for longer than the grace: there are two holders, and one is a thief.
    Replay,
    /// The session never came this far.
    Unknown,
}

/// Decides what `presented`, a genuine token's generation, means for the session as it is recorded.
pub fn decide(record: &Session, presented: Generation, now: Timestamp) -> Step {
    if presented == record.generation {
        return Step::Rotate;
    }
    if presented > record.generation || presented == 0 {
        return Step::Unknown;
    }
    let successor = presented + 1;
    let in_use_for_long = match first_presented(record, successor) {
        Some(at) => now.since(at) > GRACE,
        // The current pair may never have arrived. An older one was presented, or it would still be the
        // current one; that it isn't noted any more says that this was long ago.
        None => successor != record.generation,
    };
    if in_use_for_long { Step::Replay } else { Step::Repeat }
}

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Since the last renewal.
    pub idle: Duration,
    /// Since sign-in.
    pub absolute: Duration,
}

impl Lifetimes {
    /// When a session that began at `started` and is renewed at `now` ends: in whole seconds, as its token says it.
    pub fn end(self, started: Timestamp, now: Timestamp) -> Timestamp {
        Timestamp::from_secs(now.plus(self.idle).min(started.plus(self.absolute)).secs())
    }
}

/// The session with its next pair, made because the current one was presented at `now`.
pub fn renewed(record: &Session, lifetimes: Lifetimes, now: Timestamp) -> Session {
    // A clock that was set back must not let a later token expire before an earlier one.
    let issued = now.max(record.issued);
    let noted = first_presented(record, record.generation).unwrap_or(now);
    let mut presented: Vec<_> = record
        .presented
        .iter()
        .copied()
        .filter(|&(generation, _)| generation < record.generation)
        .chain([(record.generation, noted)])
        // The first pair has no predecessor whose grace could hang on it.
        .filter(|&(generation, at)| generation > 1 && now.since(at) <= GRACE)
        .collect();
    presented.drain(..presented.len().saturating_sub(MAX_PRESENTED));
    Session {
        generation: record.generation + 1,
        issued,
        expires: lifetimes.end(record.started, issued),
        presented,
        ..record.clone()
    }
}

fn first_presented(record: &Session, generation: Generation) -> Option<Timestamp> {
    record.presented.iter().find(|(noted, _)| *noted == generation).map(|&(_, at)| at)
}

#[cfg(test)]
mod tests;
