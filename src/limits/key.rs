//! What is counted, and by which few bytes it is found: the same in memory and on disk.

use aws_lc_rs::digest::{Context, SHA256};

use super::Network;
use crate::types::{DeviceId, EmailKey, UserId};

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Sign-ins to one account from one network.
    SignIn(EmailKey, Network),
    /// Sign-ins from one network.
    SignInNetwork(Network),
    /// Sign-ins to one account, wherever from. It never locks out: it makes them wait, see [`Kind::SignInAccount`].
    SignInAccount(EmailKey),
    /// Sign-ins to one account from a browser that has signed in to it before.
    SignInDevice(EmailKey, DeviceId),
    /// Sign-ins to one account from all such browsers together, for there may be any number of them.
    SignInDevices(EmailKey),
    /// Sign-ups from one network.
    SignUp(Network),
    /// Reset links from one network that were none.
    Reset(Network),
    /// What one user changes of their own account.
    Account(UserId),
    /// Mails that one network asks for.
    MailNetwork(Network),
    /// Mails of one sort to one account, which anybody can ask for.
    MailAccount(EmailKey, Mailing),
}

/// A sort of mail. Each is counted apart: whoever has others sent must not keep an owner from the one that they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mailing {
    /// A link that sets a password.
    Reset,
    /// A link that proves an address.
    Proof,
    /// A word that something was done or tried.
    Notice,
}

/// What kind of thing is counted: each has a table of its own, so that none pushes out another's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`LimitKey::SignIn`]
    SignIn,
    /// [`LimitKey::SignInNetwork`]
    SignInNetwork,
    /// [`LimitKey::SignInAccount`], the one whose refusals grow with the failures.
    SignInAccount,
    /// [`LimitKey::SignInDevice`]
    SignInDevice,
    /// [`LimitKey::SignUp`]
    SignUp,
    /// [`LimitKey::Reset`]
    Reset,
    /// [`LimitKey::SignInDevices`]
    SignInDevices,
    /// [`LimitKey::Account`]
    Account,
    /// [`LimitKey::MailNetwork`]
    MailNetwork,
    /// [`LimitKey::MailAccount`]
    MailAccount,
}

impl Kind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [Self; 10] = [
        Self::SignIn,
        Self::SignInNetwork,
        Self::SignInAccount,
        Self::SignInDevice,
        Self::SignUp,
        Self::Reset,
        Self::SignInDevices,
        Self::Account,
        Self::MailNetwork,
        Self::MailAccount,
    ];

    /// Its number in records and in keys: never changed, never given to another.
    pub const fn number(self) -> u8 {
        match self {
            Self::SignIn => 1,
            Self::SignInNetwork => 2,
            Self::SignInAccount => 3,
            Self::SignInDevice => 4,
            Self::SignUp => 5,
            Self::Reset => 6,
            Self::SignInDevices => 7,
            Self::Account => 8,
            Self::MailNetwork => 9,
            Self::MailAccount => 10,
        }
    }

    /// The kind of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The policy's name, as a client is told it. Browsers' are the account's: they are told no more than anybody.
    pub(super) const fn policy(self) -> &'static str {
        match self {
            Self::SignIn | Self::SignInDevice | Self::SignInDevices => "signin",
            Self::SignInNetwork => "signin-network",
            Self::SignInAccount => "signin-account",
            Self::SignUp => "signup",
            Self::Reset => "reset",
            Self::Account => "account",
            Self::MailNetwork | Self::MailAccount => "mail",
        }
    }
}

/// What a counter is found by. 128 bits of a hash: compact whatever somebody calls themselves, and no two that
/// anybody could find share a counter.
pub type Digest = [u8; 16];

impl LimitKey {
    /// Which kind it is of.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::SignIn(..) => Kind::SignIn,
            Self::SignInNetwork(_) => Kind::SignInNetwork,
            Self::SignInAccount(_) => Kind::SignInAccount,
            Self::SignInDevice(..) => Kind::SignInDevice,
            Self::SignInDevices(_) => Kind::SignInDevices,
            Self::SignUp(_) => Kind::SignUp,
            Self::Reset(_) => Kind::Reset,
            Self::Account(_) => Kind::Account,
            Self::MailNetwork(_) => Kind::MailNetwork,
            Self::MailAccount(..) => Kind::MailAccount,
        }
    }

    /// What its counter is found by: the start of SHA-256 over the kind and what is counted.
    pub(super) fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        context.update(&[self.kind().number()]);
        // Of two parts the first has a length that the second can't change, or the account comes last.
        match self {
            Self::SignIn(account, network) => {
                let network = network.bytes();
                context.update(&[u8::try_from(network.len()).unwrap_or(u8::MAX)]);
                context.update(&network);
                context.update(account.as_str().as_bytes());
            }
            Self::SignInAccount(account) | Self::SignInDevices(account) => {
                context.update(account.as_str().as_bytes());
            }
            Self::SignInDevice(account, device) => {
                context.update(device.as_bytes());
                context.update(account.as_str().as_bytes());
            }
            Self::SignInNetwork(network)
            | Self::SignUp(network)
            | Self::Reset(network)
            | Self::MailNetwork(network) => {
                context.update(&network.bytes());
            }
            Self::MailAccount(account, mailing) => {
                context.update(&[*mailing as u8]);
                context.update(account.as_str().as_bytes());
            }
            Self::Account(user) => context.update(&user.number().to_be_bytes()),
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(&context.finish().as_ref()[..size_of::<Digest>()]);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Email;

    #[test]
    fn what_is_counted_apart_has_another_key() {
        let account = |text: &str| Email::parse(text).unwrap().key().clone();
        let network = |text: &str| Network::of(Some(text.parse().unwrap()));
        let (jack, jill) = (account("jack@example.com"), account("jill@example.com"));
        let (here, there) = (network("192.0.2.1"), network("2001:db8::1"));
        let device = |byte| DeviceId::from_bytes([byte; DeviceId::LEN]);
        let keys = [
            LimitKey::SignIn(jack.clone(), here),
            LimitKey::SignIn(jack.clone(), there),
            LimitKey::SignIn(jack.clone(), Network::Unknown),
            LimitKey::SignIn(jill.clone(), here),
            LimitKey::SignInAccount(jack.clone()),
            LimitKey::SignInAccount(jill.clone()),
            LimitKey::MailAccount(jack.clone(), Mailing::Reset),
            LimitKey::MailAccount(jack.clone(), Mailing::Proof),
            LimitKey::MailAccount(jack.clone(), Mailing::Notice),
            LimitKey::MailAccount(jill.clone(), Mailing::Reset),
            LimitKey::SignInDevice(jack.clone(), device(1)),
            LimitKey::SignInDevice(jack.clone(), device(2)),
            LimitKey::SignInDevices(jack),
            LimitKey::SignInDevice(jill, device(1)),
            LimitKey::SignInNetwork(here),
            LimitKey::SignUp(here),
            LimitKey::Reset(here),
            LimitKey::Reset(there),
            LimitKey::MailNetwork(here),
            LimitKey::Account(UserId::new(1).unwrap()),
            LimitKey::Account(UserId::new(2).unwrap()),
        ];
        let digests: std::collections::HashSet<_> = keys.iter().map(LimitKey::digest).collect();
        assert_eq!(digests.len(), keys.len());
    }

    #[test]
    fn weaknesses_9_and_10_spellings_of_one_address_have_one_key() {
        let key = |text| LimitKey::SignInAccount(Email::parse(text).unwrap().key().clone()).digest();
        for (one, other) in [
            ("John@Example.com", "JOHN@EXAMPLE.COM"),
            ("jack@bücher.example", "JACK@xn--bcher-kva.example"),
            ("ju\u{308}rgen@example.com", "J\u{dc}RGEN@example.com"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
    }

    #[test]
    fn kinds_keep_their_numbers() {
        assert_eq!(Kind::ALL.map(Kind::number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert!(Kind::ALL.into_iter().all(|kind| Kind::from_number(kind.number()) == Some(kind)));
        assert_eq!(Kind::from_number(0), None);
    }
}
