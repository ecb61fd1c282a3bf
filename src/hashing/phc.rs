//! Argon2 hashes as they are written (the PHC string format): how one was made, and what may be asked of us by one.

use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Params, Version};

use super::stored::Unusable;
use crate::config::settings::Passwords;
use crate::types::PasswordHash;
use crate::types::Secret;

/// Bytes in a hash that we make.
const OUTPUT_LEN: usize = 32;
/// Less is too easily guessed; the format itself ends at 64, and a salt has 8 to 48 bytes in it.
const MIN_OUTPUT_LEN: usize = 16;

/// How a hash is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    algorithm: Algorithm,
    params: Params,
}

/// A stored Argon2 hash, read.
pub(super) struct Argon2Hash {
    pub(super) recipe: Recipe,
    pub(super) salt: Salt,
    pub(super) output: Output,
}

impl Recipe {
    /// The one that new hashes are made by.
    pub(super) fn configured(settings: &Passwords) -> Result<Self, argon2::Error> {
        let params =
            Params::new(settings.memory_kib, settings.iterations, settings.parallelism, Some(OUTPUT_LEN))?;
        Ok(Self { algorithm: Algorithm::Argon2id, params })
    }

    /// The 1 KiB blocks that it works on.
    pub(super) const fn block_count(&self) -> usize {
        self.params.block_count()
    }

    /// Bytes in its output.
    pub(super) fn output_len(&self) -> usize {
        self.params.output_len().unwrap_or(OUTPUT_LEN)
    }

    pub(super) fn argon2(&self) -> Argon2<'static> {
        // 19 (0x13) is the only version that is made or read: 16 is what RFC 9106 superseded.
        Argon2::new(self.algorithm, Version::V0x13, self.params.clone())
    }

    /// A hash as it is kept.
    pub(super) fn write(&self, salt: Salt, output: Output) -> PasswordHash {
        let hash = phc::PasswordHash {
            algorithm: self.algorithm.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).unwrap_or_default(),
            salt: Some(salt),
            hash: Some(output),
        };
        Secret::new(hash.to_string())
    }
}

impl Argon2Hash {
    /// Reads a stored hash: argon2id, argon2i or argon2d of version 19, within the caps.
    pub(super) fn read(text: &str) -> Result<Self, Unusable> {
        let hash = phc::PasswordHash::new(text).map_err(|_| Unusable::Unknown)?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| Unusable::Unknown)?;
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else { return Err(Unusable::Unknown) };
        if hash.version != Some(Version::V0x13.into()) {
            return Err(Unusable::OldVersion);
        }
        let params = Params::try_from(&hash).map_err(|_| Unusable::OutOfBounds)?;
        let within = params.m_cost() <= Passwords::MAX_MEMORY_KIB
            && params.t_cost() <= Passwords::MAX_ITERATIONS
            && params.p_cost() <= Passwords::MAX_PARALLELISM
            && output.len() >= MIN_OUTPUT_LEN;
        if !within {
            return Err(Unusable::OutOfBounds);
        }
        Ok(Self { recipe: Recipe { algorithm, params }, salt, output })
    }
}
