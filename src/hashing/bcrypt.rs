//! bcrypt hashes, which came with users from elsewhere: read, verified, and never made.
//!
//! bcrypt looks at 72 bytes of a password and no more. The system that made a hash cut a longer one there, so it is
//! cut here too, or its owner could not sign in any more. The hash that takes its place is of the whole password as
//! it was typed, and from then on every byte counts.
//!
//! A NUL byte is refused: bcrypt repeats the password with a NUL after it until 72 bytes are full, so that `a` and
//! `a\0a` are one password to it, and most of its implementations end a password at the first NUL. passlib's
//! `$bcrypt-sha256$` has neither limit: it hashes what SHA-256 has made of the password.
//!
//! What can be told by the time it takes: a hash from elsewhere costs what its own parameters say, and an unknown
//! address what the settings say. Until their first sign-in here, whoever was imported with a slower hash can be told
//! from nobody by who tries their address; that holds for Argon2 hashes of other parameters just the same. Right and
//! wrong passwords differ by the renewal alone, when the answer tells them apart anyway.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::stored::Unusable;
use crate::types::Password;

/// Where the usual cost, 2^12 rounds, takes 0.29 s, 2^15 take 2.3 s (twice the 1.15 s measured at 2^14) and
/// Argon2 at the caps of `phc` 2.7 s, on one core. One more would double that, and one imported record must not be able to stop the gate.
pub(super) const MAX_COST: u32 = 15;
/// The format's own lower end.
const MIN_COST: u32 = 4;
/// Bytes that bcrypt takes of a password, the NUL after it included.
const KEY: usize = 72;
const SALT: usize = 16;
/// The last of the 24 bytes that bcrypt makes was lost in its first implementation, and is in no hash.
const OUTPUT: usize = 23;
/// Their lengths in bcrypt's base64.
const SALT_TEXT: usize = 22;
const OUTPUT_TEXT: usize = 31;

/// bcrypt's own base64. Some programs leave random bits in a text's last sign; everybody ignores them.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A bcrypt hash, read.
pub(super) struct BcryptHash {
    cost: u32,
    salt: [u8; SALT],
    output: [u8; OUTPUT],
    before: Before,
}

/// What was made of a password before bcrypt took it.
enum Before {
    /// Nothing.
    Plain,
    /// base64 of its SHA-256: the first version of `$bcrypt-sha256$`.
    Sha256,
    /// base64 of its HMAC-SHA-256 under the salt as it is written: the second version.
    Hmac(Box<str>),
}

impl BcryptHash {
    /// Reads a hash; `None` where it does not say that it is one of these.
    pub(super) fn read(text: &str) -> Option<Result<Self, Unusable>> {
        let (ident, rest) = text.strip_prefix('$')?.split_once('$')?;
        match ident {
            "2a" | "2b" | "2y" => Some(Self::plain(rest)),
            "2x" => Some(Err(Unusable::Faulty)),
            "bcrypt-sha256" => Some(Self::prehashed(rest)),
            _ => None,
        }
    }

    /// `12$` and the salt and the output without anything between them.
    fn plain(rest: &str) -> Result<Self, Unusable> {
        let (cost, texts) = rest.split_once('$').ok_or(Unusable::Unknown)?;
        let (salt, output) = texts.split_at_checked(SALT_TEXT).ok_or(Unusable::Unknown)?;
        if cost.len() != 2 {
            return Err(Unusable::Unknown);
        }
        Self::of(cost, salt, output, Before::Plain)
    }

    /// `v=2,t=2b,r=12$salt$output`, or before that `2b,12$salt$output`.
    fn prehashed(rest: &str) -> Result<Self, Unusable> {
        let parts: Vec<_> = rest.split('$').collect();
        let [how, salt, output] = parts[..] else { return Err(Unusable::Unknown) };
        let (cost, before) = match how.split(',').collect::<Vec<_>>()[..] {
            ["v=2", "t=2a" | "t=2b", cost] => (cost.strip_prefix("r="), Before::Hmac(salt.into())),
            ["2a" | "2b", cost] => (Some(cost), Before::Sha256),
            _ => (None, Before::Plain),
        };
        Self::of(cost.ok_or(Unusable::Unknown)?, salt, output, before)
    }

    fn of(cost: &str, salt: &str, output: &str, before: Before) -> Result<Self, Unusable> {
        let written_well = (1..=2).contains(&cost.len())
            && cost.bytes().all(|byte| byte.is_ascii_digit())
            && salt.len() == SALT_TEXT
            && output.len() == OUTPUT_TEXT;
        if !written_well {
            return Err(Unusable::Unknown);
        }
        let cost = cost.parse().map_err(|_| Unusable::Unknown)?;
        let (salt, output) = (decoded(salt)?, decoded(output)?);
        if !(MIN_COST..=MAX_COST).contains(&cost) {
            return Err(Unusable::Cost { cost });
        }
        Ok(Self { cost, salt, output, before })
    }

    /// Whether it is this password's. Any wrong one takes the same time, one with a NUL in it as well.
    pub(super) fn verify(&self, password: &Password) -> bool {
        let given = password.reveal();
        let mut key = match &self.before {
            Before::Plain => Zeroizing::new(given[..given.len().min(KEY)].to_vec()),
            Before::Sha256 => base64_of(digest::digest(&digest::SHA256, given).as_ref()),
            Before::Hmac(salt) => {
                let salt = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
                base64_of(hmac::sign(&salt, given).as_ref())
            }
        };
        let refused = matches!(self.before, Before::Plain) && given.contains(&0);
        if key.len() < KEY {
            key.push(0);
        }
        let output = Zeroizing::new(bcrypt::bcrypt(self.cost, self.salt, &key));
        bool::from(output[..OUTPUT].ct_eq(&self.output)) && !refused
    }
}

fn decoded<const N: usize>(text: &str) -> Result<[u8; N], Unusable> {
    let mut bytes = [0; N];
    match BASE64.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(Unusable::Unknown),
    }
}

fn base64_of(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(STANDARD.encode(bytes).into_bytes())
}
