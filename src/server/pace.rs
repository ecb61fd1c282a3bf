//! How fast a client takes what it is sent, and how much its socket may hold for it then.
//!
//! A socket that holds much says that there is room only when much of it has been taken: a slow reader would look like one
//! that reads nothing. One that holds little takes large writes in parts, and a large download takes half as long again.

use std::time::{Duration, Instant};

/// What a socket may hold unsent, in bytes: a slow reader takes half of that in time.
pub(super) const LITTLE: u32 = 128 * 1024;

/// The same for who reads fast: several large reads.
const MUCH: u32 = 1024 * 1024;

/// Writes below that tell nothing of a client's pace, and look at no clock.
const LARGE: usize = 64 * 1024;

/// So many bytes in such a time are fast.
const FAST: usize = 4 * 1024 * 1024;
const SPAN: Duration = Duration::from_secs(1);

/// A client's pace.
#[derive(Default)]
pub(super) struct Pace {
    fast: bool,
    /// Since when is counted, and how many bytes were taken since.
    span: Option<(Instant, usize)>,
}

impl Pace {
    /// So many bytes were taken; gives what the socket may hold from now on, where that changes.
    pub(super) fn took(&mut self, count: usize) -> Option<u32> {
        if count < LARGE { None } else { self.took_at(count, Instant::now()) }
    }

    fn took_at(&mut self, count: usize, now: Instant) -> Option<u32> {
        let (since, bytes) = self.span.get_or_insert((now, 0));
        *bytes += count;
        let was_fast = self.fast;
        if *bytes >= FAST {
            self.fast = now.duration_since(*since) <= SPAN;
            self.span = Some((now, 0));
        } else if now.duration_since(*since) > SPAN {
            self.fast = false;
            self.span = Some((now, 0));
        }
        (self.fast != was_fast).then_some(if self.fast { MUCH } else { LITTLE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_fast_is_given_much_and_who_falls_behind_little_again() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        let mut took = |millis, count| pace.took_at(count, start + Duration::from_millis(millis));
        assert_eq!((0..9).filter_map(|at| took(at, FAST / 8)).collect::<Vec<_>>(), [MUCH]);
        assert_eq!((9..40).filter_map(|at| took(at, FAST / 8)).count(), 0);
        assert_eq!((took(1500, LARGE), took(1600, LARGE)), (Some(LITTLE), None));
    }

    #[test]
    fn who_reads_slowly_is_never_given_much() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        let mut took = |millis| pace.took_at(LARGE, start + Duration::from_millis(millis));
        assert_eq!((0..1000).filter_map(|at| took(at * 100)).count(), 0);
        assert_eq!(pace.took(LARGE - 1), None);
    }
}
