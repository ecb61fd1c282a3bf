//! How often something may be tried: a counter for each key, in a table that never grows beyond its bounds.
//!
//! Attempts under way count, so that parallel guesses gain nothing; an attempt that turns out to be harmless
//! is given back.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::unsync::Cache;

use crate::config::settings::Rate;
use crate::types::{EmailKey, Timestamp};

/// Counters that are kept at once. A stranger who makes up names or addresses pushes out counters, at worst
/// their own; nobody is locked out by it, and memory stays within some megabytes.
const CAPACITY: usize = 16_384;

/// All counters. Cheap to clone.
#[derive(Clone)]
pub struct Limits(Arc<Mutex<Cache<LimitKey, Nanos>>>);

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Sign-ins to one account from one network.
    SignInAccount(EmailKey, Network),
    /// Sign-ins from one network.
    SignInNetwork(Network),
    /// Sign-ups from one network.
    SignUp(Network),
    /// Reset links from one network that were none.
    Reset(Network),
}

/// What one person has of the address space: an IPv4 address, or an IPv6 /64, whose 2^64 addresses
/// are anybody's who has one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// An IPv4 address, also when it is written as an IPv6 one.
    V4(Ipv4Addr),
    /// The first half of an IPv6 address.
    V6([u16; 4]),
    /// No address is known (a Unix socket): all of them together.
    Unknown,
}

/// Too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub struct Limited {
    /// When the next one may be made.
    pub retry_after: Duration,
}

/// An attempt that is counted. Dropped, it stays so.
#[must_use = "an attempt that turned out well should be refunded"]
pub struct Permit {
    limits: Limits,
    key: LimitKey,
    cost: Nanos,
}

/// Nanoseconds since the Unix epoch, or of a duration: fine enough for any rate, and 64 bits last until 2554.
type Nanos = u64;

impl Limits {
    /// With no attempt made yet.
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Cache::new(capacity))))
    }

    /// Counts an attempt, or refuses it.
    pub fn attempt(&self, key: LimitKey, rate: Rate, now: Timestamp) -> Result<Permit, Limited> {
        let (cost, now) = (cost(rate), now.millis().saturating_mul(1_000_000));
        let burst = cost.saturating_mul(rate.count.into());
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = taken(counters.get(&key).copied(), cost, burst, now)?;
        counters.insert(key.clone(), next);
        drop(counters);
        Ok(Permit { limits: self.clone(), key, cost })
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
        let mut counters = self.limits.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut counter) = counters.get_mut(&self.key) {
            *counter = counter.saturating_sub(self.cost);
        }
    }
}

impl Network {
    /// The network of an address.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(v4)) => Self::V4(v4),
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
            None => Self::Unknown,
        }
    }
}

/// The generic cell rate algorithm: a counter is the moment at which it will be empty again. Each attempt
/// puts that off by `cost`, and it may lie ahead by `burst` at most.
fn taken(empty_at: Option<Nanos>, cost: Nanos, burst: Nanos, now: Nanos) -> Result<Nanos, Limited> {
    let next = empty_at.unwrap_or(0).max(now).saturating_add(cost);
    match next.saturating_sub(now.saturating_add(burst)) {
        0 => Ok(next),
        wait => Err(Limited { retry_after: Duration::from_nanos(wait) }),
    }
}

/// What one attempt costs; at least something.
fn cost(rate: Rate) -> Nanos {
    let cost = rate.per.as_nanos() / u128::from(rate.count.max(1));
    u64::try_from(cost).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Email;

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
            let attempt = limits.attempt(key("192.0.2.1"), RATE, at(secs));
            let attempt = attempt.map(drop).map_err(|limited| limited.retry_after.as_secs());
            assert_eq!(attempt, outcome, "at {secs} s");
        }
    }

    #[test]
    fn an_attempt_under_way_counts_until_it_is_given_back() {
        let limits = Limits::new();
        let permits: Vec<_> =
            (0..3).map(|_| limits.attempt(key("192.0.2.1"), RATE, at(0)).unwrap()).collect();
        assert!(limits.attempt(key("192.0.2.1"), RATE, at(0)).is_err());
        permits.into_iter().for_each(Permit::refund);
        for _ in 0..3 {
            assert!(limits.attempt(key("192.0.2.1"), RATE, at(0)).is_ok());
        }
        assert!(limits.attempt(key("192.0.2.1"), RATE, at(0)).is_err());
    }

    #[test]
    fn giving_back_late_never_gives_more_than_the_rate() {
        let limits = Limits::new();
        let permit = limits.attempt(key("192.0.2.1"), RATE, at(0)).unwrap();
        limits.attempt(key("192.0.2.1"), RATE, at(1000)).unwrap().refund();
        permit.refund();
        for _ in 0..3 {
            assert!(limits.attempt(key("192.0.2.1"), RATE, at(1000)).is_ok());
        }
        assert!(limits.attempt(key("192.0.2.1"), RATE, at(1000)).is_err());
    }

    #[test]
    fn one_persons_addresses_are_one_network() {
        for (left, right, same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            assert_eq!(network(left) == network(right), same, "{left} {right}");
        }
        assert_eq!(Network::of(None), Network::Unknown);
    }

    #[test]
    fn spellings_of_one_address_have_one_counter() {
        let key =
            |text| LimitKey::SignInAccount(Email::parse(text).unwrap().key().clone(), network("192.0.2.1"));
        assert_eq!(key("John@Example.com"), key("john@EXAMPLE.com"));
    }

    #[test]
    fn the_table_stays_within_its_bounds_and_a_busy_counter_stays_in_it() {
        let limits = Limits::with_capacity(64);
        let spent = |limits: &Limits| limits.attempt(key("192.0.2.1"), RATE, at(0)).is_err();
        for _ in 0..8 {
            drop(limits.attempt(key("192.0.2.1"), RATE, at(0)));
        }
        for stranger in 0..10_000_u32 {
            let address = Some(IpAddr::V4(Ipv4Addr::from(stranger)));
            drop(limits.attempt(LimitKey::SignUp(Network::of(address)), RATE, at(0)));
            assert!(spent(&limits), "after {stranger}");
        }
        assert!(limits.0.lock().unwrap().len() <= 64);
    }
}
