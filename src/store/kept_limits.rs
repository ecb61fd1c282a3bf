//! Counters of attempts as they are kept: by what they are found, and where they stand. Whose they are is not kept.

use crate::types::Timestamp;

/// A counter that outlives a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptLimit {
    /// What is counted (`limits::Kind`).
    pub kind: u8,
    /// Of whom: the start of a hash.
    pub key: [u8; KeptLimit::KEY],
    /// Where it stands: two moments, in nanoseconds since the Unix epoch.
    pub counter: [u64; 2],
    /// From when on it is as good as none.
    pub until: Timestamp,
}

impl KeptLimit {
    /// Bytes in a key.
    pub const KEY: usize = 16;
    /// Counters of one kind that are kept at once: as many as are in memory. Of more, those go first that are over
    /// first.
    pub const MOST: u64 = 16_384;
}

/// A counter that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepLimit {
    /// This one.
    pub limit: KeptLimit,
    /// Further ahead than this none of its kind can lie, in nanoseconds since the Unix epoch.
    pub furthest: u64,
}

impl KeepLimit {
    /// It, but nowhere behind what is kept of the same key: of two attempts at once the one that was counted first may
    /// be written last. What lies further ahead than it can is of another clock or of other settings, and would stay
    /// there for the whole difference: it is replaced.
    #[must_use]
    pub fn or_later(self, kept: KeptLimit) -> KeptLimit {
        let limit = self.limit;
        if kept.counter.iter().any(|at| *at > self.furthest) {
            return limit;
        }
        let ([a, b], [c, d]) = (limit.counter, kept.counter);
        KeptLimit { counter: [a.max(c), b.max(d)], until: limit.until.max(kept.until), ..limit }
    }
}
