//! How much of the machine hashing may take, so that the event loops always find the rest: threads, and how much of its
//! time each may work.
//!
//! Where cores are what is scarce, the threads' priority does it. A container's quota knows no priority: who has used it
//! up is stopped until the next period, all threads alike, and the event loops with them. There a thread rests between
//! two hashes.

use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use super::quota;

/// What of a quota hashing gets, and what of the cores: the other half goes on answering requests.
const PART: f64 = 0.5;

/// How many threads hash, and what part of the time each of them may work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    pub(super) threads: usize,
    duty: f64,
}

impl Share {
    /// `configured` threads, which may work all the time; with 0, half the cores or half the quota.
    pub(super) fn of_this_machine(configured: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self::of(configured, cores, quota::cores())
    }

    fn of(configured: usize, cores: usize, quota: Option<f64>) -> Self {
        if configured > 0 {
            return Self { threads: configured, duty: 1.0 };
        }
        let threads = cores.div_euclid(2).max(1);
        let duty = quota.map_or(1.0, |quota| {
            // No machine has so many cores that this is not exact.
            #[expect(clippy::cast_precision_loss, reason = "a number of threads is small")]
            let threads = threads as f64;
            (quota * PART / threads).min(1.0)
        });
        Self { threads, duty }
    }

    /// Paces one thread.
    pub(super) fn pace(self) -> Pace {
        Pace { duty: self.duty, spell: None }
    }
}

/// Over what time a quota is shared out: the kernel's period where nobody says otherwise (`cpu.cfs_period_us`).
const PERIOD: Duration = Duration::from_millis(100);
/// A rest may last that much longer than it should without the next one being put off: timers are late.
const LATE: Duration = Duration::from_millis(5);

/// One thread's rests. It works off its share of a period in one go and then rests for as long as that was too much: each
/// time that a thread begins anew, the kernel protects it for a while from being interrupted by those that answer.
pub(super) struct Pace {
    duty: f64,
    /// When the thread began to work in one go, and how much of a core it has had since.
    spell: Option<(Instant, Duration)>,
}

impl Pace {
    /// How long to rest before work that begins at `now`.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        match self.spell {
            Some((_, had)) if had < PERIOD.mul_f64(self.duty) => Duration::ZERO,
            Some(spell) => self.made_good(spell).saturating_duration_since(now),
            None => Duration::ZERO,
        }
    }

    /// Takes down work that began at `begun` and took that much of a core: what a quota counts, however long it lasted. A
    /// rest that was not needed is not saved up: twice the share after a quiet hour would be what a quota stops.
    pub(super) fn worked(&mut self, begun: Instant, took: Duration) {
        if self.duty >= 1.0 {
            return;
        }
        let (start, had) = match self.spell {
            Some(spell) if begun < self.made_good(spell) => spell,
            Some(spell) if begun.duration_since(self.made_good(spell)) < LATE => {
                (self.made_good(spell), Duration::ZERO)
            }
            _ => (begun, Duration::ZERO),
        };
        self.spell = Some((start, had + took));
    }

    /// When a spell of work is within the share again.
    fn made_good(&self, (start, had): (Instant, Duration)) -> Instant {
        start + had.mul_f64(1.0 / self.duty)
    }
}

/// How much of a core this thread has had so far; as time that has passed where the system doesn't say.
pub(super) fn spent(since: Instant) -> Duration {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    if let Ok(time) = Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)) {
        return time;
    }
    since.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_gets_half_the_cores_or_half_the_quota_and_at_least_one_thread() {
        for (configured, cores, quota, threads, duty) in [
            (0, 1, None, 1, 1.0),
            (0, 2, None, 1, 1.0),
            (0, 3, None, 1, 1.0),
            (0, 8, None, 4, 1.0),
            // `available_parallelism` is the quota, rounded down, and never 0.
            (0, 1, Some(1.0), 1, 0.5),
            (0, 1, Some(0.5), 1, 0.25),
            (0, 1, Some(1.5), 1, 0.75),
            (0, 2, Some(2.0), 1, 1.0),
            (0, 4, Some(4.0), 2, 1.0),
            (0, 5, Some(5.9), 2, 1.0),
            // A quota above what there is binds nobody.
            (0, 2, Some(64.0), 1, 1.0),
            (3, 1, Some(0.5), 3, 1.0),
        ] {
            let share = Share::of(configured, cores, quota);
            assert_eq!(share, Share { threads, duty }, "{configured} {cores} {quota:?}");
        }
    }

    #[test]
    fn a_thread_works_off_its_share_of_a_period_and_then_rests_until_that_is_made_good() {
        let start = Instant::now();
        let (at, ms) = (|millis| start + Duration::from_millis(millis), Duration::from_millis);
        let mut pace = Share::of(0, 1, Some(0.5)).pace();
        assert_eq!(pace.rest(at(0)), Duration::ZERO);
        // A quarter of a period is its share.
        pace.worked(at(0), ms(15));
        assert_eq!(pace.rest(at(15)), Duration::ZERO);
        pace.worked(at(15), ms(15));
        assert_eq!(pace.rest(at(30)), ms(90));
        assert_eq!(pace.rest(at(110)), ms(10));
        // It was called late, which the next rest makes good.
        pace.worked(at(121), ms(30));
        assert_eq!(pace.rest(at(151)), ms(89));
        // The quiet time until then gives nothing for later.
        pace.worked(at(1000), ms(25));
        assert_eq!(pace.rest(at(1025)), ms(75));
    }

    #[test]
    fn now_and_then_a_hash_is_made_at_once() {
        let start = Instant::now();
        let mut pace = Share::of(0, 1, Some(1.0)).pace();
        for number in 0..100 {
            let now = start + Duration::from_millis(40 * number);
            assert_eq!(pace.rest(now), Duration::ZERO, "{number}");
            pace.worked(now, Duration::from_millis(15));
        }
    }

    #[test]
    fn without_a_quota_nothing_rests() {
        let start = Instant::now();
        let mut pace = Share::of(0, 2, None).pace();
        pace.worked(start, Duration::from_secs(1));
        assert_eq!(pace.rest(start + Duration::from_secs(1)), Duration::ZERO);
    }
}
