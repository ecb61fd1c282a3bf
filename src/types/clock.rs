//! Time as a value: the system's clock, or one that a test moves by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the Unix epoch (a JWT's `NumericDate`, RFC 7519 section 2).
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// As RFC 3339 writes it, in UTC and to the millisecond.
    pub fn rfc3339(self) -> String {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
        format!("{time:.3}")
    }

    /// This moment and `duration` more; the end of time where that overflows.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This moment and `duration` less; the epoch where that lies before it.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Where the time comes from. Cheap to clone; all clones of a manual clock move together.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::advance`] is called.
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicU64::new(start.0))))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(millis) => Timestamp(millis.load(Ordering::Acquire)),
            None => Timestamp(u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// The present moment in microseconds since the Unix epoch.
    pub fn micros(&self) -> u64 {
        match &self.0 {
            Some(millis) => millis.load(Ordering::Acquire).saturating_mul(1000),
            None => u64::try_from(since_epoch().as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Moves a manual clock forward.
    ///
    /// # Panics
    /// When this is the system's clock, which no test may move.
    pub fn advance(&self, by: Duration) {
        let millis = self.0.as_ref().expect("only a manual clock can be advanced");
        millis.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the system's clock is read")]
fn since_epoch() -> Duration {
    // A clock before 1970 is read as 1970: every token is then "not yet valid", which refuses safely.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
