//! Device tokens ("device cookies", OWASP): proof that a browser has signed in to an account before, and of nothing
//! else. It opens nothing; its holder's attempts to sign in are counted apart from strangers'.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Tokens;
use crate::store::User;
use crate::types::{DeviceId, EmailKey, PasswordHash, Secret, Timestamp, UserId};

/// How long a browser is known after the sign-in that made it so.
pub const DEVICE_TTL: Duration = Duration::from_hours(180 * 24);
/// How far a token's time may lie ahead: another node's clock made it.
const LEEWAY: Duration = Duration::from_mins(1);

/// Keeps this key apart from all others that are derived from the same one.
const LABEL: &[u8] = b"sidegate device token key";
/// And what it signs from what else it may sign one day.
const DOMAIN: &[u8] = b"device\0";

const TIME: usize = 8;
const TAG: usize = 24;
/// Divisible by three, so that the base64 text has one spelling only.
const LEN: usize = DeviceId::LEN + TIME + TAG;

/// Whose browser it is. Another user of the same address, another address of the same user and another password (or
/// another hash of it) are somebody else: whoever was known before is a stranger to them.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Who.
    pub uid: UserId,
    /// By which address they sign in.
    pub account: &'a EmailKey,
    /// What is stored of their password.
    pub password: &'a PasswordHash,
}

impl<'a> Holder<'a> {
    /// This user as they are now; who has no password signs in nowhere.
    pub fn of(user: &'a User) -> Option<Self> {
        Some(Self { uid: user.id, account: user.email.key(), password: user.password.as_ref()? })
    }
}

/// The key of the device tokens of one database.
pub(super) struct Devices(hmac::Key);

impl Devices {
    pub(super) fn new(database_key: &[u8]) -> Self {
        Self(super::derived(database_key, LABEL))
    }

    fn tag(&self, device: DeviceId, issued: Timestamp, of: Holder<'_>) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(DOMAIN);
        context.update(device.as_bytes());
        context.update(&issued.secs().to_be_bytes());
        context.update(&of.uid.number().to_be_bytes());
        context.update(digest::digest(&digest::SHA256, of.password.reveal().as_bytes()).as_ref());
        // Last: all that stands before it has a fixed length.
        context.update(of.account.as_str().as_bytes());
        context.sign()
    }

    fn make(&self, device: DeviceId, of: Holder<'_>, now: Timestamp) -> Secret<String> {
        let mut bytes = [0; LEN];
        bytes[..DeviceId::LEN].copy_from_slice(device.as_bytes());
        bytes[DeviceId::LEN..][..TIME].copy_from_slice(&now.secs().to_be_bytes());
        bytes[DeviceId::LEN + TIME..].copy_from_slice(&self.tag(device, now, of).as_ref()[..TAG]);
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn read(&self, text: &str, of: Holder<'_>, now: Timestamp) -> Option<DeviceId> {
        let mut bytes = [0; LEN];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (device, rest) = bytes.split_first_chunk()?;
        let (issued, tag) = rest.split_first_chunk()?;
        let (device, issued) =
            (DeviceId::from_bytes(*device), Timestamp::from_secs(u64::from_be_bytes(*issued)));
        let genuine = self.tag(device, issued, of);
        let is_genuine =
            aws_lc_rs::constant_time::verify_slices_are_equal(&genuine.as_ref()[..TAG], tag).is_ok();
        let is_current = issued <= now.plus(LEEWAY) && now.since(issued) < DEVICE_TTL;
        (length == LEN && is_genuine && is_current).then_some(device)
    }
}

impl Tokens {
    /// A token for a browser in which this user has just proved who they are.
    pub fn new_device(&self, of: Holder<'_>, now: Timestamp) -> Secret<String> {
        self.0.devices.make(DeviceId::from_bytes(super::random()), of, now)
    }

    /// The browser whose token this is, if this user has signed in by it under the present address and password, and
    /// not too long ago.
    pub fn known_device(&self, token: &str, of: Holder<'_>, now: Timestamp) -> Option<DeviceId> {
        self.0.devices.read(token, of, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Email;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn account(text: &str) -> EmailKey {
        Email::parse(text).unwrap().key().clone()
    }

    fn hash(text: &str) -> PasswordHash {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_token_is_its_accounts_and_its_databases_alone_and_for_half_a_year() {
        let (devices, account, password) =
            (Devices::new(&[1; 32]), account("jack@example.com"), hash("$argon2id$"));
        let jack = Holder { uid: UserId::new(1).unwrap(), account: &account, password: &password };
        let device = DeviceId::from_bytes([7; DeviceId::LEN]);
        let token = devices.make(device, jack, NOW);
        let read = |at| devices.read(token.reveal(), jack, at);
        assert_eq!(token.reveal().len(), 64);
        assert_eq!(read(NOW), Some(device));
        let spelt = self::account("JACK@example.com");
        assert_eq!(devices.read(token.reveal(), Holder { account: &spelt, ..jack }, NOW), Some(device));
        assert_eq!(Devices::new(&[2; 32]).read(token.reveal(), jack, NOW), None);
        assert_eq!(read(Timestamp::from_millis(NOW.plus(DEVICE_TTL).millis() - 1)), Some(device));
        assert_eq!(read(NOW.plus(DEVICE_TTL)), None);
        assert_eq!(read(Timestamp::from_secs(NOW.secs() - 60)), Some(device));
        assert_eq!(read(Timestamp::from_secs(NOW.secs() - 61)), None);
    }

    /// Seen: it was bound to the address alone, so that whoever had an address before its owner was known to the owner's
    /// account, and a new password made nobody a stranger.
    #[test]
    fn weakness_22_another_user_address_or_stored_password_is_somebody_else() {
        let (devices, account, password) =
            (Devices::new(&[1; 32]), account("jack@example.com"), hash("$argon2id$"));
        let jack = Holder { uid: UserId::new(1).unwrap(), account: &account, password: &password };
        let token = devices.make(DeviceId::from_bytes([7; DeviceId::LEN]), jack, NOW);
        let (other, renewed) = (self::account("jill@example.com"), hash("$argon2id$v=19$"));
        for stranger in [
            Holder { uid: UserId::new(2).unwrap(), ..jack },
            Holder { account: &other, ..jack },
            Holder { password: &renewed, ..jack },
        ] {
            assert_eq!(devices.read(token.reveal(), stranger, NOW), None, "{stranger:?}");
        }
    }

    #[test]
    fn no_other_text_is_that_token() {
        let (devices, account, password) =
            (Devices::new(&[1; 32]), account("jack@example.com"), hash("$argon2id$"));
        let jack = Holder { uid: UserId::new(1).unwrap(), account: &account, password: &password };
        let token = devices.make(DeviceId::from_bytes([7; DeviceId::LEN]), jack, NOW);
        let bytes = URL_SAFE_NO_PAD.decode(token.reveal()).unwrap();
        for bit in 0..LEN * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(devices.read(&URL_SAFE_NO_PAD.encode(other), jack, NOW), None, "bit {bit}");
        }
        for other in ["", "AAAA", &token.reveal()[..60], &format!("{}AAAA", token.reveal()), &"A".repeat(64)]
        {
            assert_eq!(devices.read(other, jack, NOW), None, "{other:?}");
        }
        assert_eq!(format!("{token:?}").find(token.reveal().as_str()), None);
    }
}
