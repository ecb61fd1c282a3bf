//! How often something may be tried: a counter for each key, in tables that never grow beyond their bounds.
//!
//! Attempts under way count, so that parallel guesses gain nothing; an attempt that turns out to be harmless
//! is given back. Nothing here is kept on disk: [`Permit::kept`] says what ought to be, and `accounts` sees to it.

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
pub use key::{Digest, Kind, LimitKey};
pub use network::Network;

/// Counters of one kind that are kept at once. A stranger who makes up names or addresses pushes out counters, at
/// worst their own; nobody is locked out by it, and memory stays within some megabytes.
const CAPACITY: usize = 16_384;

type Table = Cache<Digest, Counter>;

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
        let (kind, key) = (key.kind(), key.digest());
        let rule = Rule::of(kind, rate);
        let mut table = self.table(kind);
        let counter = table.get(&key).copied().unwrap_or_default();
        let taken = rule.take(counter, nanos(now)).map_err(|wait| {
            let (quota, window) = rule.quota();
            let policy = Policy { name: kind.policy(), quota, window };
            Limited { retry_after: Duration::from_nanos(wait), policy }
        })?;
        table.insert(key, taken);
        drop(table);
        Ok(Permit { limits: self.clone(), kind, key, rule, taken })
    }

    /// Goes on counting from where a counter stood before a restart.
    pub fn restore(&self, kept: Kept) {
        self.table(kept.kind).insert(kept.key, kept.counter);
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
    /// Gives the attempt back.
    pub fn refund(self) {
        let mut table = self.limits.table(self.kind);
        if let Some(mut counter) = table.get_mut(&self.key) {
            *counter = self.rule.give_back(*counter, self.taken);
        }
    }

    /// The counter as it stands now, if so much of it is used up that a restart must not undo it.
    pub fn kept(&self, now: Timestamp) -> Option<Kept> {
        let counter = *self.limits.table(self.kind).peek(&self.key)?;
        let matters = self.rule.is_half_used(counter, nanos(now));
        matters.then_some(Kept { kind: self.kind, key: self.key, counter })
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

    #[test]
    fn a_counter_is_kept_from_half_of_it_on_and_goes_on_where_it_stood() {
        let limits = Limits::new();
        let rate = Rate { count: 10, per: Duration::from_secs(100) };
        let account = Email::parse("jack@example.com").unwrap().key().clone();
        for (key, half, whole) in [(key("192.0.2.1"), 5, 10), (LimitKey::SignInAccount(account), 25, 51)] {
            let permits: Vec<_> = (0..whole)
                .map(|attempt| {
                    let permit = limits.attempt(&key, rate, at(0)).unwrap();
                    assert_eq!(permit.kept(at(0)).is_some(), attempt + 1 >= half, "{attempt} {key:?}");
                    permit
                })
                .collect();
            let kept = permits[0].kept(at(0)).unwrap();
            let again = Limits::new();
            again.restore(kept);
            assert!(again.attempt(&key, rate, at(0)).is_err());
            assert!(kept.counter.until() > at(0));
            assert!(permits[0].kept(kept.counter.until()).is_none());
        }
    }
}
