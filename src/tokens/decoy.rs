//! Whose password hash stands in for an address that has none: the same one each time, and nobody outside can tell
//! whose it is. So the mix of times that unknown addresses take is that of known ones, whatever hashes were imported.

use std::ops::RangeInclusive;

use aws_lc_rs::hmac;

use super::Tokens;
use crate::types::{EmailKey, UserId};

/// Keeps this key apart from all others that are derived from the same one.
const LABEL: &[u8] = b"sidegate decoy key";

/// The key by which decoys are chosen in one database.
pub(super) struct Decoys(hmac::Key);

impl Decoys {
    pub(super) fn new(database_key: &[u8]) -> Self {
        Self(super::derived(database_key, LABEL))
    }

    fn candidates(
        &self,
        account: &EmailKey,
        numbers: RangeInclusive<UserId>,
    ) -> impl Iterator<Item = UserId> + use<> {
        let tag = hmac::sign(&self.0, account.as_str().as_bytes());
        let number = tag.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        spread(number, numbers.start().number(), numbers.end().number()).filter_map(UserId::new)
    }
}

/// Numbers from `lowest` to `highest`, those last that lie in the lower parts of that. Linear hashing rather than a
/// remainder: while users are added, an address moves only when somebody comes into being who stands before its
/// decoy here. Were all of them to move with each new user, the times of an unknown address would change with it,
/// and a known one's don't. And where most numbers are nobody's (imported ones may be far apart) the next part is asked.
fn spread(number: u64, lowest: u64, highest: u64) -> impl Iterator<Item = u64> {
    let span = highest.saturating_sub(lowest);
    let bits = u64::BITS - span.leading_zeros();
    let part = move |bits: u32| number & u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0);
    // Half of the parts has the same number again.
    let parts = (0..=bits).rev().filter(move |&size| size == bits || part(size) != part(size + 1));
    parts.map(part).filter(move |offset| *offset <= span).map(move |offset| lowest + offset)
}

impl Tokens {
    /// The users of whom the first that is there stands in for this address, where theirs are these numbers.
    pub fn decoys(
        &self,
        account: &EmailKey,
        numbers: RangeInclusive<UserId>,
    ) -> impl Iterator<Item = UserId> + use<> {
        self.0.decoys.candidates(account, numbers)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::types::Email;

    fn account(number: usize) -> EmailKey {
        Email::parse(&format!("user{number}@example.com")).unwrap().key().clone()
    }

    /// Who stands in for each of some addresses where these users are there.
    fn chosen(key: u8, addresses: usize, users: &HashSet<u64>) -> Vec<u64> {
        let decoys = Decoys::new(&[key; 32]);
        let id = |number: Option<&u64>| UserId::new(*number.unwrap()).unwrap();
        let numbers = id(users.iter().min())..=id(users.iter().max());
        (0..addresses)
            .map(|number| {
                let mut candidates = decoys.candidates(&account(number), numbers.clone()).map(UserId::number);
                candidates.find(|candidate| users.contains(candidate)).unwrap()
            })
            .collect()
    }

    #[test]
    fn a_decoy_is_the_same_each_time_and_another_databases_is_another() {
        let users = (1..=10_000).collect();
        assert_eq!(chosen(1, 100, &users), chosen(1, 100, &users));
        let (here, there) = (chosen(1, 100, &users), chosen(2, 100, &users));
        assert!(here.iter().zip(&there).filter(|(here, there)| here == there).count() < 5);
    }

    #[test]
    fn every_user_is_somebodys_decoy_wherever_their_numbers_lie() {
        for (users, addresses) in [
            ((1..=1).collect::<HashSet<u64>>(), 10),
            ((1..=33).collect(), 6600),
            ((5_000_000..=5_000_032).collect(), 6600),
            ((1..=32).chain([1_000_000_000, u64::MAX]).collect(), 6600),
        ] {
            let counts = chosen(1, addresses, &users).into_iter().fold(
                std::collections::HashMap::<u64, usize>::new(),
                |mut counts, decoy| {
                    *counts.entry(decoy).or_default() += 1;
                    counts
                },
            );
            let most = counts.values().max().unwrap();
            assert!(*most <= addresses.div_ceil(users.len()) * 3, "{counts:?}");
            assert!(counts.len() + 2 >= users.len(), "{counts:?}");
        }
    }

    #[test]
    fn a_new_user_moves_few_decoys() {
        let (before, after) = (chosen(1, 1000, &(1..=100).collect()), chosen(1, 1000, &(1..=101).collect()));
        let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert!(moved < 50, "{moved}");
    }

    #[test]
    fn any_numbers_are_spread_within_their_bounds() {
        for (number, lowest, highest) in
            [(0, 1, 1), (u64::MAX, 1, 1), (u64::MAX, 1, u64::MAX), (u64::MAX, 7, 3), (1 << 63, 5, u64::MAX)]
        {
            let all: Vec<_> = spread(number, lowest, highest).collect();
            assert!(!all.is_empty() && all.len() <= 65, "{all:?}");
            assert!(all.iter().all(|one| (lowest..=highest.max(lowest)).contains(one)), "{all:?}");
        }
    }
}
