//! Whose password hash stands in for an address that has none: the same one each time, and nobody outside can tell
//! whose it is. So the mix of times that unknown addresses take is that of known ones, whatever hashes were imported.

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

    fn choose(&self, account: &EmailKey, highest: UserId) -> Option<UserId> {
        let tag = hmac::sign(&self.0, account.as_str().as_bytes());
        let (number, _) = tag.as_ref().split_first_chunk()?;
        UserId::new(spread(u64::from_be_bytes(*number), highest.number()))
    }
}

/// A number from 1 to `highest`. Linear hashing rather than a remainder: while users are added, each address moves
/// once in each doubling and never else. Were all of them to move with each new user, the times of an unknown
/// address would change with it, and a known one's don't.
fn spread(number: u64, highest: u64) -> u64 {
    let mask = u64::MAX >> highest.saturating_sub(1).leading_zeros().min(63);
    let wide = number & mask;
    1 + if wide < highest { wide } else { number & (mask >> 1) }
}

impl Tokens {
    /// The user whose hash stands in for this address's, where the highest number is this.
    pub fn decoy(&self, account: &EmailKey, highest: UserId) -> Option<UserId> {
        self.0.decoys.choose(account, highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Email;

    fn account(number: usize) -> EmailKey {
        Email::parse(&format!("user{number}@example.com")).unwrap().key().clone()
    }

    #[test]
    fn a_decoy_is_the_same_each_time_and_another_databases_is_another() {
        let (here, there) = (Decoys::new(&[1; 32]), Decoys::new(&[2; 32]));
        let highest = UserId::new(1 << 40).unwrap();
        for number in 0..100 {
            let account = account(number);
            assert_eq!(here.choose(&account, highest), here.choose(&account, highest));
            assert_ne!(here.choose(&account, highest), there.choose(&account, highest));
        }
    }

    #[test]
    fn every_user_is_somebodys_decoy_and_nobody_else_is() {
        for highest in 1..=33 {
            let mut counts = vec![0; highest + 1];
            for number in 0..highest * 200 {
                let uid =
                    Decoys::new(&[1; 32]).choose(&account(number), UserId::new(highest as u64).unwrap());
                counts[usize::try_from(uid.unwrap().number()).unwrap()] += 1;
            }
            assert_eq!(counts[0], 0);
            assert!(counts[1..].iter().all(|count| (20..500).contains(count)), "{highest}: {counts:?}");
        }
        assert_eq!(spread(u64::MAX, u64::MAX), 1 << 63);
        assert_eq!(spread(u64::MAX - 1, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_new_user_moves_few_decoys() {
        let decoys = Decoys::new(&[1; 32]);
        let chosen = |highest| -> Vec<_> {
            (0..1000).map(|number| decoys.choose(&account(number), UserId::new(highest).unwrap())).collect()
        };
        let (before, after) = (chosen(100), chosen(101));
        let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert!(moved < 50, "{moved}");
    }
}
