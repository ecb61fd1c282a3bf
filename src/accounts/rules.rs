//! What a password has to be that somebody chooses, whether they sign up or come by a link.

use super::{Accounts, common};
use crate::types::Password;

/// Why a password is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has too few characters.
    #[error("the password has less than {min} characters")]
    TooShort {
        /// How many it needs.
        min: usize,
    },
    /// It is one of the most used ones.
    #[error("the password is one of the most used ones")]
    Common,
}

impl Accounts {
    /// Judges a password before it is hashed for its owner.
    pub(super) fn judge(&self, password: &Password) -> Result<(), Unfit> {
        let rules = &self.0.passwords;
        if password.length() < rules.min_length {
            return Err(Unfit::TooShort { min: rules.min_length });
        }
        if rules.block_common && common::is_common(password) {
            return Err(Unfit::Common);
        }
        Ok(())
    }
}
