//! How often something may be tried: a counter for each key, in tables that never grow beyond their bounds.
//!
//! Attempts under way count, so that parallel guesses gain nothing; an attempt that turns out to be harmless
//! is given back. Nothing here is kept on disk: [`Permit::stand`] says what ought to be, and `accounts` sees to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::unsync::Cache;

use crate::config::settings::Rate;
use crate::types::Timestamp;

mod counter;
mod key;
mod network;

pub use counter::Counter;
use counter::{Nanos, Rule};
pub use key::{Digest, Kind, LimitKey, Mailing};
pub use network::Network;

/// Counters of one kind that are remembered at once, some megabytes. What is given back leaves none, so that only
/// attempts that stand push out others, each at the price of a hash or of an address of its own; those go first that
/// were met once. Nobody is locked out by it.
const CAPACITY: usize = 16_384;

type Table = Cache<Digest, Entry>;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    counter: Counter,
    /// Of how many attempts in it nobody knows yet what becomes of them.
    under_way: u32,
}

/// All counters. Cheap to clone.
#[derive(Clone)]
pub struct Limits(Arc<[Mutex<Table>; Kind::ALL.len()]>);

/// Too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub struct Limited {
    /// When the next one may be made.
    pub retry_after: Duration,
    /// By which of the limits.
    pub policy: Policy,
}

/// A limit, as a client is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: &'static str,
    /// How many attempts may be made.
    pub quota: u64,
    /// In how long.
    pub window: Duration,
}

/// An attempt that is counted. Dropped, it stays so.
#[must_use = "an attempt that turned out well should be refunded"]
pub struct Permit {
    limits: Limits,
    kind: Kind,
    key: Digest,
    rule: Rule,
    taken: Counter,
    at: Nanos,
    is_under_way: bool,
}

/// A counter, to be kept where a restart can't reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What is counted.
    pub kind: Kind,
    /// Of whom.
    pub key: Digest,
    /// Where it stands.
    pub counter: Counter,
    /// Further ahead than this none of its kind can lie by the present settings and clock.
    pub furthest: u64,
}

impl Limits {
    /// With no attempt made yet.
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Kind::ALL.map(|_| Mutex::new(Cache::new(capacity)))))
    }

    /// Counts an attempt, or refuses it.
    pub fn attempt(&self, key: &LimitKey, rate: Rate, now: Timestamp) -> Result<Permit, Limited> {
        let (kind, key, at) = (key.kind(), key.digest(), nanos(now));
        let rule = Rule::of(kind, rate);
        let mut table = self.table(kind);
        let known = table.get(&key).copied().unwrap_or_default();
        let counter = rule.settled(known.counter, at);
        let outcome = rule.take(counter, at);
        let under_way = known.under_way.saturating_add(u32::from(outcome.is_ok()));
        let counter = outcome.unwrap_or(counter);
        if outcome.is_ok() || counter != known.counter {
            table.insert(key, Entry { counter, under_way });
        }
        drop(table);
        match outcome {
            Ok(taken) => Ok(Permit { limits: self.clone(), kind, key, rule, taken, at, is_under_way: true }),
            Err(wait) => {
                let (quota, window) = rule.quota();
                let policy = Policy { name: kind.policy(), quota, window };
                Err(Limited { retry_after: Duration::from_nanos(wait), policy })
            }
        }
    }

    /// Goes on counting from where a counter stood before a restart, as far as the present rate and clock let it.
    pub fn restore(&self, kind: Kind, key: Digest, counter: Counter, rate: Rate, now: Timestamp) {
        let counter = Rule::of(kind, rate).settled(counter, nanos(now));
        self.table(kind).insert(key, Entry { counter, under_way: 0 });
    }

    fn table(&self, kind: Kind) -> MutexGuard<'_, Table> {
        self.0[usize::from(kind.number()) - 1].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Permit {
    /// Of which limit it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Gives the attempt back. A counter that is as good as none then goes: attempts that cost nothing fill no table,
    /// and are no reason to remember theirs rather than others.
    pub fn refund(mut self) {
        self.is_under_way = false;
        let mut table = self.limits.table(self.kind);
        let Some(mut entry) = table.peek_mut(&self.key) else { return };
        entry.counter = self.rule.give_back(entry.counter, self.taken);
        entry.under_way = entry.under_way.saturating_sub(1);
        let Entry { counter, under_way } = *entry;
        drop(entry);
        if under_way == 0 && counter.empty_at.max(counter.not_before) <= self.at {
            table.remove(&self.key);
        }
    }

    /// The attempt counts. Gives the counter as a restart must find it: without those that are still under way, for
    /// most of them will be given back, and what is kept is never lowered.
    pub fn stand(mut self, now: Timestamp) -> Option<Kept> {
        self.is_under_way = false;
        let Entry { counter, under_way } = self.end()?;
        let counter = self.rule.without(counter, under_way);
        let matters = counter.until() > now;
        let furthest = self.rule.furthest(nanos(now));
        matters.then_some(Kept { kind: self.kind, key: self.key, counter, furthest })
    }

    /// It is not under way any more; gives the rest.
    fn end(&self) -> Option<Entry> {
        let mut table = self.limits.table(self.kind);
        let mut entry = table.peek_mut(&self.key)?;
        entry.under_way = entry.under_way.saturating_sub(1);
        Some(*entry)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_under_way {
            self.end();
        }
    }
}

fn nanos(time: Timestamp) -> Nanos {
    time.millis().saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::types::{DeviceId, Email};

    const RATE: Rate = Rate { count: 3, per: Duration::from_secs(30) };

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + secs)
    }

    fn network(address: &str) -> Network {
        Network::of(Some(address.parse().unwrap()))
    }

    fn key(address: &str) -> LimitKey {
        LimitKey::SignUp(network(address))
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_at_a_time() {
        let limits = Limits::new();
        for (secs, outcome) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(10)),
            (4, Err(6)),
            (9, Err(1)),
            (10, Ok(())),
            (10, Err(10)),
            (29, Ok(())),
            (30, Ok(())),
            (30, Err(10)),
            (100, Ok(())),
            (100, Ok(())),
            (100, Ok(())),
            (100, Err(10)),
        ] {
            let attempt = limits.attempt(&key("192.0.2.1"), RATE, at(secs));
            let attempt = attempt.map(drop).map_err(|limited| limited.retry_after.as_secs());
            assert_eq!(attempt, outcome, "at {secs} s");
        }
    }

    #[test]
    fn an_attempt_under_way_counts_until_it_is_given_back() {
        let limits = Limits::new();
        let permits: Vec<_> =
            (0..3).map(|_| limits.attempt(&key("192.0.2.1"), RATE, at(0)).unwrap()).collect();
        assert!(limits.attempt(&key("192.0.2.1"), RATE, at(0)).is_err());
        permits.into_iter().for_each(Permit::refund);
        for _ in 0..3 {
            assert!(limits.attempt(&key("192.0.2.1"), RATE, at(0)).is_ok());
        }
        assert!(limits.attempt(&key("192.0.2.1"), RATE, at(0)).is_err());
    }

    #[test]
    fn giving_back_late_never_gives_more_than_the_rate() {
        let limits = Limits::new();
        let permit = limits.attempt(&key("192.0.2.1"), RATE, at(0)).unwrap();
        limits.attempt(&key("192.0.2.1"), RATE, at(1000)).unwrap().refund();
        permit.refund();
        for _ in 0..3 {
            assert!(limits.attempt(&key("192.0.2.1"), RATE, at(1000)).is_ok());
        }
        assert!(limits.attempt(&key("192.0.2.1"), RATE, at(1000)).is_err());
    }

    #[test]
    fn the_table_stays_within_its_bounds_and_a_busy_counter_stays_in_it() {
        let limits = Limits::with_capacity(64);
        let spent = |limits: &Limits| limits.attempt(&key("192.0.2.1"), RATE, at(0)).is_err();
        for _ in 0..8 {
            drop(limits.attempt(&key("192.0.2.1"), RATE, at(0)));
        }
        for stranger in 0..10_000_u32 {
            let address = Some(IpAddr::V4(Ipv4Addr::from(stranger)));
            drop(limits.attempt(&LimitKey::SignUp(Network::of(address)), RATE, at(0)));
            assert!(spent(&limits), "after {stranger}");
        }
        assert!(limits.table(Kind::SignUp).len() <= 64);
    }
    #[test]
    fn weakness_13_made_up_names_push_out_no_counter_of_another_kind() {
        let limits = Limits::with_capacity(64);
        let account = |text: &str| Email::parse(text).unwrap().key().clone();
        let device = DeviceId::from_bytes([7; DeviceId::LEN]);
        let others = [
            key("192.0.2.1"),
            LimitKey::Reset(network("192.0.2.1")),
            LimitKey::SignInNetwork(network("192.0.2.1")),
            LimitKey::SignInDevice(account("jack@example.com"), device),
            LimitKey::SignInDevices(account("jack@example.com")),
        ];
        for key in &others {
            (0..3).for_each(|_| drop(limits.attempt(key, RATE, at(0))));
        }
        for stranger in 0..10_000 {
            let made_up = account(&format!("x{stranger}@example.com"));
            drop(limits.attempt(&LimitKey::SignInAccount(made_up.clone()), RATE, at(0)));
            drop(limits.attempt(&LimitKey::SignIn(made_up, network("203.0.113.9")), RATE, at(0)));
        }
        assert!(others.iter().all(|key| limits.attempt(key, RATE, at(0)).is_err()));
        assert!(Kind::ALL.into_iter().all(|kind| limits.table(kind).len() <= 64));
    }

    #[test]
    fn a_wait_ends_with_the_attempt_that_began_it() {
        let limits = Limits::new();
        let account = LimitKey::SignInAccount(Email::parse("jack@example.com").unwrap().key().clone());
        for _ in 0..15 {
            drop(limits.attempt(&account, RATE, at(0)).unwrap());
        }
        let right = limits.attempt(&account, RATE, at(0)).unwrap();
        assert_eq!(limits.attempt(&account, RATE, at(0)).err().unwrap().retry_after, Duration::from_secs(1));
        right.refund();
        let slow = limits.attempt(&account, RATE, at(0)).unwrap();
        let later = limits.attempt(&account, RATE, at(1)).unwrap();
        slow.refund();
        assert!(limits.attempt(&account, RATE, at(1)).is_err(), "the later one's wait goes on");
        drop(later);
    }

    #[test]
    fn of_parallel_attempts_each_counter_lets_through_what_one_after_the_other_gets() {
        let limits = Limits::new();
        let account = Email::parse("jack@example.com").unwrap().key().clone();
        let device = DeviceId::from_bytes([7; DeviceId::LEN]);
        for (key, expected) in [
            (key("192.0.2.1"), 3),
            (LimitKey::Reset(network("192.0.2.1")), 3),
            (LimitKey::SignInNetwork(network("192.0.2.1")), 3),
            (LimitKey::SignIn(account.clone(), network("192.0.2.1")), 3),
            (LimitKey::SignInDevice(account.clone(), device), 3),
            // 15 for nothing, and the one that begins the first wait.
            (LimitKey::SignInAccount(account), 16),
        ] {
            let passed = std::sync::atomic::AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..50 {
                            let attempt = limits.attempt(&key, RATE, at(0));
                            passed.fetch_add(
                                usize::from(attempt.is_ok()),
                                std::sync::atomic::Ordering::Relaxed,
                            );
                        }
                    });
                }
            });
            assert_eq!(passed.into_inner(), expected, "{key:?}");
        }
    }

    /// Seen: each refusal judged the counter anew and wrote nothing, so that a clock set back by a day after one
    /// failure, or a shorter rate at a restart, was a wait of 90 s that began again with each question, for a day.
    #[test]
    fn a_clock_set_back_or_a_shorter_rate_keeps_nobody_out_for_longer_than_the_rule() {
        let long = Rate { count: 3, per: Duration::from_hours(10) };
        for (before, counted_at) in [(RATE, 86_400), (long, 0)] {
            let limits = Limits::new();
            drop(limits.attempt(&key("192.0.2.1"), before, at(counted_at)).unwrap());
            for secs in 0..10 {
                let limited = limits.attempt(&key("192.0.2.1"), RATE, at(secs)).err().unwrap();
                assert_eq!(limited.retry_after.as_secs(), 10 - secs, "{before:?} at {secs} s");
            }
            assert!(limits.attempt(&key("192.0.2.1"), RATE, at(10)).is_ok(), "{before:?}");
        }
    }

    /// Seen: what was given back stayed in the table, so that made-up names that cost nothing (the queue for hashing
    /// was full) pushed out a victim's spent counter within tens of seconds.
    #[test]
    fn attempts_that_are_given_back_push_out_no_counter() {
        let limits = Limits::new();
        for _ in 0..10 {
            drop(limits.attempt(&key("192.0.2.1"), RATE, at(0)));
        }
        for stranger in 0..40_000_u32 {
            let made_up = LimitKey::SignUp(Network::of(Some(IpAddr::V4(Ipv4Addr::from(stranger)))));
            for _ in 0..2 {
                limits.attempt(&made_up, RATE, at(0)).unwrap().refund();
            }
        }
        assert!(limits.attempt(&key("192.0.2.1"), RATE, at(0)).is_err());
        assert_eq!(limits.table(Kind::SignUp).len(), 1);
    }

    /// Seen: only a counter of which half was used up was kept, so that four guesses and a crash, again and again, were
    /// never counted.
    #[test]
    fn a_counter_is_kept_from_the_first_attempt_on_and_goes_on_where_it_stood() {
        let rate = Rate { count: 10, per: Duration::from_secs(100) };
        let account = Email::parse("jack@example.com").unwrap().key().clone();
        for (key, whole) in [(key("192.0.2.1"), 10), (LimitKey::SignInAccount(account), 51)] {
            let mut limits = Limits::new();
            for attempt in 0..whole {
                let kept = limits.attempt(&key, rate, at(0)).unwrap().stand(at(0)).unwrap();
                assert!(kept.counter.until() > at(0) && kept.counter.empty_at <= kept.furthest);
                // A crash after each.
                limits = Limits::new();
                limits.restore(kept.kind, kept.key, kept.counter, rate, at(0));
                assert!(attempt + 1 < whole || limits.attempt(&key, rate, at(0)).is_err(), "{key:?}");
            }
        }
        let late = Limits::new().attempt(&key("192.0.2.1"), rate, at(0)).unwrap();
        assert!(late.stand(at(10)).is_none(), "it is over by now");
    }

    /// Seen: at nine in the morning an office's failures were kept together with everybody's attempts under way, and a
    /// restart then kept the office out.
    #[test]
    fn what_is_kept_are_the_attempts_that_stand_and_none_that_is_under_way() {
        let limits = Limits::new();
        let count = |kept: Option<Kept>| (kept.unwrap().counter.empty_at - nanos(at(0))) / 10_000_000_000;
        let mut permits: Vec<_> =
            (0..3).map(|_| limits.attempt(&key("192.0.2.1"), RATE, at(0)).unwrap()).collect();
        assert_eq!(count(permits.pop().unwrap().stand(at(0))), 1);
        drop(permits.pop());
        assert_eq!(
            count(permits.pop().unwrap().stand(at(0))),
            3,
            "who left without an answer has made one, too"
        );
    }

    #[test]
    fn a_counter_of_another_clock_is_restored_within_its_rule() {
        let limits = Limits::new();
        let far = Counter { empty_at: nanos(at(86_400)), not_before: 0 };
        limits.restore(Kind::SignUp, key("192.0.2.1").digest(), far, RATE, at(0));
        assert!(limits.attempt(&key("192.0.2.1"), RATE, at(9)).is_err());
        assert!(limits.attempt(&key("192.0.2.1"), RATE, at(10)).is_ok());
    }
}
