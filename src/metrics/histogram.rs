//! Durations in buckets.

use std::time::Duration;

use super::Count;

/// How many bounds a histogram may have.
const MOST: usize = 16;

/// How long something took, each time. One thread adds to it.
pub(super) struct Histogram {
    bounds: &'static [Duration],
    /// One for each bound, and the last for what is above all of them.
    buckets: [Count; MOST + 1],
    nanos: Count,
}

/// Histograms of several threads, added up.
pub(super) struct Sum {
    bounds: &'static [Duration],
    buckets: [u64; MOST + 1],
    nanos: u64,
}

impl Histogram {
    /// `bounds` ascend.
    pub(super) fn new(bounds: &'static [Duration]) -> Self {
        Self {
            bounds: &bounds[..bounds.len().min(MOST)],
            buckets: Default::default(),
            nanos: Count::default(),
        }
    }

    pub(super) fn add(&self, took: Duration) {
        // A look at each: they are few, and the first ones are the usual ones.
        let bucket = self.bounds.iter().position(|bound| took <= *bound).unwrap_or(self.bounds.len());
        self.buckets[bucket].add(1);
        self.nanos.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// `histograms` have the same bounds.
    pub(super) fn sum<'a>(histograms: impl Iterator<Item = &'a Self>) -> Sum {
        let mut sum = Sum { bounds: &[], buckets: [0; MOST + 1], nanos: 0 };
        for histogram in histograms {
            sum.bounds = histogram.bounds;
            for (total, count) in sum.buckets.iter_mut().zip(&histogram.buckets) {
                *total += count.get();
            }
            sum.nanos = sum.nanos.wrapping_add(histogram.nanos.get());
        }
        sum
    }
}

impl Sum {
    /// For each bound, how many took no longer.
    pub(super) fn cumulated(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut count = 0;
        self.bounds.iter().zip(self.buckets).map(move |(bound, more)| {
            count += more;
            (*bound, count)
        })
    }

    /// How many there were. Added up rather than counted, so that it is never below a bucket's number.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(super) fn total(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_holds_it_and_in_all_above() {
        const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(5)];
        let histograms = [Histogram::new(BOUNDS), Histogram::new(BOUNDS)];
        histograms[0].add(Duration::from_millis(1));
        histograms[1].add(Duration::from_millis(2));
        histograms[1].add(Duration::from_millis(6));
        let sum = Histogram::sum(histograms.iter());
        assert_eq!(sum.cumulated().collect::<Vec<_>>(), [(BOUNDS[0], 1), (BOUNDS[1], 2)]);
        assert_eq!((sum.count(), sum.total()), (3, Duration::from_millis(9)));
    }
}
