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
        Pace { duty: self.duty, free: None }
    }
}

/// A rest may last that much longer than it should without the next one being put off: timers are late.
const LATE: Duration = Duration::from_millis(5);

/// One thread's rests.
pub(super) struct Pace {
    duty: f64,
    /// From when on the next piece of work keeps within the share.
    free: Option<Instant>,
}

impl Pace {
    /// How long to rest before work that begins at `now`.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        self.free.map_or(Duration::ZERO, |free| free.saturating_duration_since(now))
    }

    /// Takes down work that began at `begun` and took that much of a core: what a quota counts, however long it lasted. A
    /// rest that was not needed is not saved up: two hashes in a row after a quiet hour would be what a quota stops.
    pub(super) fn worked(&mut self, begun: Instant, took: Duration) {
        if self.duty < 1.0 {
            let in_a_row = self.free.filter(|free| begun.saturating_duration_since(*free) < LATE);
            self.free = Some(in_a_row.unwrap_or(begun) + took.mul_f64(1.0 / self.duty));
        }
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
    fn a_thread_rests_after_its_work_and_not_before_the_first() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Share::of(0, 1, Some(0.5)).pace();
        assert_eq!(pace.rest(at(0)), Duration::ZERO);
        pace.worked(at(0), Duration::from_millis(20));
        assert_eq!(pace.rest(at(20)), Duration::from_millis(60));
        assert_eq!(pace.rest(at(70)), Duration::from_millis(10));
        // It was called late, which the next rest makes good.
        pace.worked(at(81), Duration::from_millis(20));
        assert_eq!(pace.rest(at(101)), Duration::from_millis(59));
        // The quiet time until then gives nothing for later.
        pace.worked(at(1000), Duration::from_millis(10));
        assert_eq!(pace.rest(at(1010)), Duration::from_millis(30));
    }

    #[test]
    fn without_a_quota_nothing_rests() {
        let start = Instant::now();
        let mut pace = Share::of(0, 2, None).pace();
        pace.worked(start, Duration::from_secs(1));
        assert_eq!(pace.rest(start + Duration::from_secs(1)), Duration::ZERO);
    }
}
