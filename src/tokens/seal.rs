//! Ties a session id to its user: who knows `tokens.secret` alone can't make one up, and needs no look-up to be told so.

use aws_lc_rs::{constant_time, hmac};

use crate::types::{SessionId, UserId};

/// Random bytes in an id; what is left of [`SessionId::LEN`] is the MAC.
const RANDOM: usize = 16;

/// The key of the seals of one database.
pub(super) struct Seal(hmac::Key);

impl Seal {
    pub(super) fn new(session_key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, session_key))
    }

    /// A new id, sealed to `user`.
    pub(super) fn new_id(&self, user: UserId) -> SessionId {
        let mut id = [0; SessionId::LEN];
        id[..RANDOM].copy_from_slice(&super::random::<RANDOM>());
        let tag = self.tag(&id[..RANDOM], user);
        id[RANDOM..].copy_from_slice(&tag.as_ref()[..SessionId::LEN - RANDOM]);
        SessionId::from_bytes(id)
    }

    /// Whether `id` was made here, and for `user`.
    ///
    /// 64 bits of MAC are enough: an attempt is a request to a running gate, never an offline guess.
    pub(super) fn holds(&self, id: SessionId, user: UserId) -> bool {
        let (random, seal) = id.as_bytes().split_at(RANDOM);
        let tag = self.tag(random, user);
        constant_time::verify_slices_are_equal(&tag.as_ref()[..seal.len()], seal).is_ok()
    }

    fn tag(&self, random: &[u8], user: UserId) -> hmac::Tag {
        let mut message = [0; RANDOM + 8];
        message[..RANDOM].copy_from_slice(random);
        message[RANDOM..].copy_from_slice(&user.number().to_be_bytes());
        hmac::sign(&self.0, &message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_for_its_own_user_and_key_alone() {
        let (seal, jack, jill) = (Seal::new(&[1; 32]), UserId::new(1).unwrap(), UserId::new(2).unwrap());
        let id = seal.new_id(jack);
        assert!(seal.holds(id, jack));
        assert!(!seal.holds(id, jill));
        assert!(!Seal::new(&[2; 32]).holds(id, jack));
        for bit in 0..SessionId::LEN * 8 {
            let mut bytes = *id.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!seal.holds(SessionId::from_bytes(bytes), jack), "bit {bit}");
        }
    }

    #[test]
    fn no_two_sessions_have_one_id() {
        let (seal, jack) = (Seal::new(&[1; 32]), UserId::new(1).unwrap());
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| seal.new_id(jack)).collect();
        assert_eq!(ids.len(), 1000);
    }
}
