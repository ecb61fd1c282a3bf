//! One counter and the two rules by which it grows: a burst that is used up, and a wait that grows slowly.

use std::time::Duration;

use super::Kind;
use crate::config::settings::Rate;
use crate::types::Timestamp;

/// Nanoseconds since the Unix epoch, or of a duration: fine enough for any rate, and 64 bits last until 2554.
pub(super) type Nanos = u64;

/// How many times a rate's count an account may fail before anybody has to wait: many people mistype, and a whole
/// family of devices with an old password is no attack yet.
const FREE_FACTOR: u32 = 5;
/// The first wait; it doubles with every further count of failures.
const FIRST_WAIT: Nanos = 1_000_000_000;
/// How many doublings are remembered: the longest wait is reached long before.
const DOUBLINGS: u32 = 32;

/// What is known of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// When it will be empty again: each attempt puts that off by what it costs.
    pub empty_at: u64,
    /// When the next attempt may be made, where attempts are kept apart.
    pub not_before: u64,
}

impl Counter {
    /// From when on it is as good as none.
    pub fn until(self) -> Timestamp {
        Timestamp::from_millis(self.empty_at.max(self.not_before).div_ceil(1_000_000))
    }
}

/// How a counter grows, and what it refuses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// The generic cell rate algorithm: a counter may lie ahead by `burst` at most.
    Burst { cost: Nanos, burst: Nanos },
    /// A failure is forgotten after `cost` (the longest wait, too). The first `free` ones change nothing; beyond,
    /// attempts are kept apart by a wait that doubles with every `step` failures.
    Slow { cost: Nanos, free: u64, step: u64 },
}

impl Rule {
    pub(super) fn of(kind: Kind, rate: Rate) -> Self {
        let count = rate.count.max(1);
        let per = u64::try_from(rate.per.as_nanos()).unwrap_or(u64::MAX).max(1);
        if kind == Kind::SignInAccount {
            let free = count.saturating_mul(FREE_FACTOR).into();
            return Self::Slow { cost: per, free, step: count.into() };
        }
        let cost = (per / u64::from(count)).max(1);
        Self::Burst { cost, burst: cost.saturating_mul(count.into()) }
    }

    /// The counter, no further ahead than it can lie by this rule. One that does is from before a change of the
    /// settings or of the clock, and starts at full from now on. Whoever asks has to keep what this gives, also where
    /// they are refused: judged anew each time, a counter that stays where it is would be full for as long as it lies
    /// ahead.
    pub(super) fn settled(self, counter: Counter, now: Nanos) -> Counter {
        let not_before = match self {
            Self::Burst { .. } => 0,
            Self::Slow { cost, .. } if counter.not_before.saturating_sub(now) > cost => 0,
            Self::Slow { .. } => counter.not_before,
        };
        Counter { empty_at: counter.empty_at.min(self.furthest(now)), not_before }
    }

    /// Where a counter lies at most.
    pub(super) fn furthest(self, now: Nanos) -> Nanos {
        now.saturating_add(self.full())
    }

    /// A settled counter with one attempt more, or how long that one has to wait.
    pub(super) fn take(self, counter: Counter, now: Nanos) -> Result<Counter, Nanos> {
        let furthest = self.furthest(now);
        let next = counter.empty_at.max(now).saturating_add(self.cost());
        match self {
            Self::Burst { .. } => match next.saturating_sub(furthest) {
                0 => Ok(Counter { empty_at: next, not_before: 0 }),
                wait => Err(wait),
            },
            Self::Slow { cost, .. } => match counter.not_before.saturating_sub(now) {
                0 => {
                    let wait = self.wait_after((next - now).div_ceil(cost));
                    Ok(Counter { empty_at: next.min(furthest), not_before: now.saturating_add(wait) })
                }
                wait => Err(wait),
            },
        }
    }

    /// The counter without an attempt that `taken` it to where it was then.
    pub(super) fn give_back(self, counter: Counter, taken: Counter) -> Counter {
        // The wait that it began ends with it; one that a later attempt began goes on.
        let ends = counter.not_before == taken.not_before;
        Counter {
            empty_at: counter.empty_at.saturating_sub(self.cost()),
            not_before: if ends { 0 } else { counter.not_before },
        }
    }

    /// The counter without so many attempts of which nobody knows yet what becomes of them.
    pub(super) fn without(self, counter: Counter, attempts: u32) -> Counter {
        let cost = self.cost().saturating_mul(attempts.into());
        Counter { empty_at: counter.empty_at.saturating_sub(cost), ..counter }
    }

    /// How many may be made in how long.
    pub(super) fn quota(self) -> (u64, Duration) {
        match self {
            Self::Burst { cost, burst } => (burst / cost, Duration::from_nanos(burst)),
            Self::Slow { cost, free, .. } => (free, Duration::from_nanos(cost.saturating_mul(free))),
        }
    }

    const fn cost(self) -> Nanos {
        match self {
            Self::Burst { cost, .. } | Self::Slow { cost, .. } => cost,
        }
    }

    /// How far ahead a counter lies at most.
    fn full(self) -> Nanos {
        match self {
            Self::Burst { burst, .. } => burst,
            Self::Slow { cost, free, step } => {
                cost.saturating_mul(step.saturating_mul(DOUBLINGS.into()).saturating_add(free))
            }
        }
    }

    /// How far the next attempt has to stay away from the one that made it so many failures.
    fn wait_after(self, failures: u64) -> Nanos {
        let Self::Slow { cost, free, step } = self else { return 0 };
        let Some(beyond) = failures.checked_sub(free + 1) else { return 0 };
        let doublings = u32::try_from(beyond / step).unwrap_or(DOUBLINGS).min(DOUBLINGS);
        (FIRST_WAIT << doublings).min(cost)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const START: Nanos = 1_700_000_000 * SECOND;

    fn slow() -> Rule {
        Rule::of(Kind::SignInAccount, Rate { count: 10, per: Duration::from_mins(15) })
    }

    #[test]
    fn the_first_fifty_failures_cost_nothing_and_then_the_wait_doubles_up_to_its_end() {
        let (mut counter, mut now) = (Counter::default(), START);
        for failure in 1..=50 {
            counter = slow().take(counter, now).unwrap();
            assert!(counter.not_before <= now, "{failure}");
        }
        for (failure, wait) in [(51, 1), (60, 1), (61, 2), (71, 4), (111, 64), (151, 900), (400, 900)] {
            let at = Counter { empty_at: now + (failure - 1) * 900 * SECOND, not_before: 0 };
            let at = slow().settled(at, now);
            let after = slow().take(at, now).unwrap();
            assert_eq!((after.not_before - now) / SECOND, wait, "{failure}");
            assert_eq!(slow().take(after, now).unwrap_err() / SECOND, wait, "{failure}");
            assert!(slow().take(after, now + wait * SECOND).is_ok(), "{failure}");
        }
        // One is forgotten each quarter of an hour.
        now += 900 * SECOND;
        counter = slow().take(counter, now).unwrap();
        assert!(counter.not_before <= now);
        assert!(slow().take(counter, now).unwrap().not_before > now);
    }

    #[test]
    fn a_counter_from_another_clock_or_other_settings_locks_nobody_out_for_longer_than_its_rule() {
        let far = Counter { empty_at: u64::MAX, not_before: u64::MAX };
        assert!(slow().take(slow().settled(far, START), START).unwrap().not_before <= START + 900 * SECOND);
        let burst = Rule::of(Kind::SignIn, Rate { count: 10, per: Duration::from_mins(15) });
        assert_eq!(burst.take(burst.settled(far, START), START).unwrap_err() / SECOND, 90);
    }

    proptest! {
        /// Whatever the settings: no panic, nobody waits for longer than the rate's time, and what is given back is gone.
        #[test]
        fn any_rate_and_any_counter_keep_the_rules(
            kind in prop::sample::select(Kind::ALL.to_vec()),
            count in 1..u32::MAX,
            millis in 1..u64::MAX,
            empty_at: u64,
            not_before: u64,
            now: u64,
        ) {
            let rule = Rule::of(kind, Rate { count, per: Duration::from_millis(millis) });
            let counter = rule.settled(Counter { empty_at, not_before }, now);
            prop_assert_eq!(rule.settled(counter, now), counter);
            let per = u64::try_from(Duration::from_millis(millis).as_nanos()).unwrap_or(u64::MAX);
            match rule.take(counter, now) {
                Ok(taken) => {
                    prop_assert!(taken.not_before.saturating_sub(now) <= per);
                    prop_assert!(taken.empty_at <= rule.furthest(now));
                    let _ = rule.without(taken, 7);
                    prop_assert!(rule.give_back(taken, taken).not_before == 0);
                }
                Err(wait) => prop_assert!(wait > 0 && wait <= per.max(1)),
            }
            let _ = (rule.quota(), counter.until());
        }
    }
}
