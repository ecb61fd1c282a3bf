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

    /// This one, but nowhere behind another one of the same key: of two attempts at once the one that was counted
    /// first may be written last.
    #[must_use]
    pub fn or_later(self, other: Self) -> Self {
        let ([a, b], [c, d]) = (self.counter, other.counter);
        Self { counter: [a.max(c), b.max(d)], until: self.until.max(other.until), ..self }
    }
}
