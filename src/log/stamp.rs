//! The time of a line: read seldom, and written anew in its last digits only.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::form::digits;
use crate::types::Clock;

/// For how long the clock is not read again; in between, time goes on by the moments that callers have looked at anyway.
const FRESH: Duration = Duration::from_millis(1);

/// Length of `2026-11-25T22:13:45.123456Z`.
const LENGTH: usize = 27;

/// Tells the time at a moment.
pub(super) struct Watch {
    clock: Clock,
    /// When the clock was read, and what it said.
    read: Option<(Instant, u64)>,
}

/// A time as RFC 3339 writes it, in UTC and to the microsecond.
#[derive(Default)]
pub(super) struct Stamp {
    second: Option<u64>,
    text: [u8; LENGTH],
}

impl Watch {
    pub(super) const fn new(clock: Clock) -> Self {
        Self { clock, read: None }
    }

    /// Microseconds since the Unix epoch. `now`: the present moment.
    pub(super) fn micros(&mut self, now: Instant) -> u64 {
        if let Some((read, micros)) = self.read {
            let since = now.saturating_duration_since(read);
            if since < FRESH {
                return micros + u64::from(since.subsec_micros());
            }
        }
        let micros = self.clock.micros();
        self.read = Some((now, micros));
        micros
    }
}

impl Stamp {
    /// The time, written. `micros`: since the Unix epoch.
    pub(super) fn at(&mut self, micros: u64) -> &[u8] {
        let second = micros / 1_000_000;
        if self.second != Some(second) {
            self.second = Some(second);
            let time =
                i64::try_from(micros).ok().and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
            // It has four digits for the year at most, and so it fits.
            let _ = write!(&mut self.text[..], "{:.6}", time.unwrap_or(jiff::Timestamp::MAX));
        }
        digits(micros % 1_000_000, &mut self.text[LENGTH - 7..LENGTH - 1]);
        &self.text
    }
}
