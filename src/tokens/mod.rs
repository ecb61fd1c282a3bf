//! Access and refresh tokens (contract section 5): made, and told genuine from not. No I/O and no clock in here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;

use crate::config::settings::{self, Algorithm, Particulars};
use crate::store::{Origin, SigningKey};
use crate::types::{Secret, SessionId, UserId};

pub mod claims;
mod decoy;
mod device;
pub mod keys;
mod mint;
mod one_time;
mod seal;
mod verify;

pub use claims::{AccessClaims, RefreshClaims};
use decoy::Decoys;
use device::Devices;
pub use device::{DEVICE_TTL, Holder};
pub use keys::KeySet;
use keys::Keys;
pub use one_time::OneTimeToken;
use seal::Seal;

/// Makes and verifies the tokens of one database under one configuration. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    issuer: Box<str>,
    audience: Option<Box<str>>,
    access_ttl: Duration,
    algorithm: Algorithm,
    particulars: Particulars,
    /// Exchanged as a whole when keys are rotated; reading takes no lock.
    access: ArcSwap<Keys>,
    /// How often it was exchanged.
    version: AtomicU64,
    refresh: Keys,
    jti_key: hmac::Key,
    seal: Seal,
    devices: Devices,
    decoys: Decoys,
}

/// A token that was just made.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub token: Secret<String>,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// Why a token opens nothing. The texts are for the debug log, never for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It is genuine, and its time is over.
    Expired,
    /// It is not one of ours, or not for this use.
    Invalid(&'static str),
}

/// Why tokens can't be made here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// HS256 without a secret of 32 bytes or more (RFC 7518 section 3.2).
    #[error("`tokens.secret` must have 32 bytes or more")]
    WeakSecret,
    /// No key for the algorithm was handed over.
    #[error("the database has no {0} signing key")]
    NoKey(&'static str),
    /// A kept key is none.
    #[error("the signing key `{0}` in the database is damaged")]
    BadKey(String),
    /// The crypto library refused.
    #[error("can't {0}")]
    Crypto(&'static str),
}

impl Tokens {
    /// With the keys that the database keeps: the newest one that has not retired signs, all of the
    /// configured algorithm are accepted and published. Keys whose tokens have all expired are the caller's to leave out.
    pub fn new(
        settings: &settings::Tokens,
        origin: &Origin,
        signing_keys: &[SigningKey],
    ) -> Result<Self, TokensError> {
        let access = match settings.algorithm {
            Algorithm::Hs256 => {
                let secret = settings.secret.as_ref().ok_or(TokensError::WeakSecret)?;
                Keys::symmetric(secret.reveal().as_bytes(), claims::ACCESS_TYP)?
            }
            asymmetric => access_keys(asymmetric, signing_keys)?,
        };
        Ok(Self(Arc::new(Inner {
            issuer: settings.issuer.as_deref().unwrap_or(&origin.issuer).into(),
            audience: settings.audience.as_deref().map(Into::into),
            access_ttl: settings.access_ttl,
            algorithm: settings.algorithm,
            particulars: settings.particulars,
            access: ArcSwap::from_pointee(access),
            version: AtomicU64::new(0),
            refresh: Keys::symmetric(origin.refresh_key.reveal(), claims::REFRESH_TYP)?,
            jti_key: hmac::Key::new(hmac::HMAC_SHA256, origin.refresh_key.reveal()),
            seal: Seal::new(origin.session_key.reveal()),
            devices: Devices::new(origin.refresh_key.reveal()),
            decoys: Decoys::new(origin.refresh_key.reveal()),
        })))
    }

    /// A session id that only this database could make, and for this user alone.
    pub fn new_session_id(&self, user: UserId) -> SessionId {
        self.0.seal.new_id(user)
    }

    /// Whether this database made this session id, and for this user.
    pub fn is_session_of(&self, session: SessionId, user: UserId) -> bool {
        self.0.seal.holds(session, user)
    }

    /// The public keys as a JWK set (RFC 7517 section 5), newest first. Empty with HS256, whose key is a secret.
    pub fn jwks(&self) -> Arc<KeySet> {
        Arc::clone(self.0.access.load().jwks())
    }

    /// The algorithm of access tokens.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// Signs with, accepts and publishes these keys from now on, as [`Self::new`] would. Nothing changes where one of
    /// them can't be used, nor with HS256, whose key is no database's. The caller sees to it that the keys which were
    /// read first are replaced first.
    pub fn replace_keys(&self, signing_keys: &[SigningKey]) -> Result<(), TokensError> {
        if self.0.algorithm == Algorithm::Hs256 {
            return Ok(());
        }
        self.0.access.store(Arc::new(access_keys(self.0.algorithm, signing_keys)?));
        // After the keys: who reads the new number and verifies then, does so under the new keys.
        self.0.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Whether these are the keys that are used.
    pub fn has_keys(&self, signing_keys: &[SigningKey]) -> bool {
        self.0.algorithm == Algorithm::Hs256 || self.0.access.load().are(self.0.algorithm, signing_keys)
    }

    /// A number that is another one after each [`Self::replace_keys`]. What was verified after it was read need not
    /// be verified again while it is the same.
    pub fn keys_version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

/// The database's keys of `algorithm`, for access tokens.
fn access_keys(algorithm: Algorithm, signing_keys: &[SigningKey]) -> Result<Keys, TokensError> {
    Keys::asymmetric(algorithm, signing_keys, claims::ACCESS_TYP)
}

/// A key of its own for each use, so that what is signed for one can never be taken for another.
fn derived(database_key: &[u8], label: &[u8]) -> hmac::Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, database_key), label);
    hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
}

/// Random bytes from the system.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("aws-lc ends the process itself when there is no entropy");
    bytes
}

#[cfg(test)]
mod tests;
