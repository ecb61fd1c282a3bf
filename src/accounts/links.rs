//! One-time links, and the mails that carry them: how long each can be used, where it leads, and how many are mailed.

use std::net::IpAddr;
use std::time::Duration;

use super::Accounts;
use super::errands::TooMany;
use super::letters::Letters;
use crate::audit::Event;
use crate::config::settings::Rate;
use crate::limits::{LimitKey, Limited, Mailing, Network};
use crate::mail::Mailer;
use crate::store::{NewOneTime, Purpose, StoreError, User};
use crate::tokens::OneTimeToken;
use crate::types::{Email, Secret, Timestamp};

/// How many mails of one sort somebody can have sent to one address: six at once, then one every ten minutes. More than a
/// person asks for who waits for one; and whoever asks for others' fills nobody's mailbox, nor keeps them out: the last link
/// that was sent is good for longer than the wait for the next one.
pub(super) const MAILS: Rate = Rate { count: 6, per: Duration::from_hours(1) };

/// A link that can be used once.
#[derive(Clone, Debug)]
pub struct Link {
    /// For its user's eyes alone: built from `server.public_url`, whoever asked for it.
    pub url: Secret<String>,
    /// From when on it is of no use.
    pub expires: Timestamp,
}

/// How long a link can be used (contract section 4). An invitation waits for somebody who does not expect it.
const fn lifetime(purpose: Purpose) -> Duration {
    match purpose {
        Purpose::PasswordReset | Purpose::MailedReset => Duration::from_mins(30),
        Purpose::Invitation => Duration::from_hours(7 * 24),
        Purpose::AddressProof => Duration::from_hours(24),
    }
}

/// The page that a link opens.
const fn page(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::PasswordReset | Purpose::MailedReset | Purpose::Invitation => "/auth/reset",
        Purpose::AddressProof => "/auth/verify-email",
    }
}

impl Accounts {
    /// Makes a link for a user as they were seen; one of the same purpose that was made before is void. `None`: there is
    /// no such user any more, or they have another address by now, so that it would be mailed to somebody else.
    pub(super) async fn link(&self, user: &User, purpose: Purpose) -> Result<Option<Link>, StoreError> {
        let (services, token) = (&self.0.services, OneTimeToken::random());
        let now = services.clock.now();
        let expires = now.plus(lifetime(purpose));
        let email = user.email.key().clone();
        let link = NewOneTime { token: token.hash(purpose), user: user.id, email, purpose, expires };
        if services.store.put_one_time(link, now).await?.is_none() {
            return Ok(None);
        }
        let url = format!("{}{}?token={}", self.0.public_origin, page(purpose), token.text().reveal());
        Ok(Some(Link { url: Secret::new(url), expires }))
    }

    /// Puts a mail with a link on its way to a user. A link that is never seen would make the one void that is in their
    /// mailbox, so whether one may be mailed comes first.
    pub(super) async fn mail_link(
        &self,
        mailer: &Mailer,
        user: &User,
        what: Asked,
        address: Option<IpAddr>,
    ) -> Result<(), MailLinkError> {
        let (mailing, purpose) = match what {
            Asked::Reset => (Mailing::Reset, Purpose::MailedReset),
            Asked::Proof => (Mailing::Proof, Purpose::AddressProof),
        };
        self.count_mail(user, mailing).await?;
        let Some(link) = self.link(user, purpose).await? else { return Ok(()) };
        let (uid, letters) = (user.id, self.letters());
        let (letter, event) = match what {
            Asked::Reset => (letters.reset(user, &link), Event::ResetMailed { uid, address }),
            Asked::Proof => (letters.proof(user, &link), Event::ProofMailed { uid, address }),
        };
        if mailer.post(letter) {
            self.note(event);
        }
        Ok(())
    }

    /// Has a link mailed to whoever has this address, if they may have it. Who asks is told the same in any case, and at the
    /// same time. Asking costs one network what as many sign-ups would.
    pub(super) async fn ask(
        &self,
        what: Asked,
        email: Option<Email>,
        address: Option<IpAddr>,
    ) -> Result<(), AskError> {
        let asked = self.counted(&[LimitKey::MailNetwork(Network::of(address))])?;
        let errand = self.0.errands.place()?;
        asked.stands().await;
        if let (Some(email), Some(mailer)) = (email, self.0.services.mail.clone()) {
            let this = self.clone();
            errand.run(async move {
                match this.0.services.store.user_by_email(email.key()).await? {
                    Some(user) if what.is_for(&user) => this.mail_link(&mailer, &user, what, address).await,
                    _ => Ok(()),
                }
            });
        }
        Ok(())
    }

    /// Counts a mail to a user's address, which somebody asked for who need not be its owner.
    pub(super) async fn count_mail(&self, user: &User, mailing: Mailing) -> Result<(), Limited> {
        self.counted(&[LimitKey::MailAccount(user.email.key().clone(), mailing)])?.stands().await;
        Ok(())
    }

    pub(super) fn letters(&self) -> Letters<'_> {
        Letters { origin: &self.0.public_origin }
    }

    /// Whether mail is sent at all (`[email]`).
    pub fn sends_mail(&self) -> bool {
        self.0.services.mail.is_some()
    }
}

/// A link that anybody can have mailed to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// One that sets a password.
    Reset,
    /// One that proves the address.
    Proof,
}

impl Asked {
    /// Whether a user gets it: nobody who is kept out, and no proof of what is proven.
    fn is_for(self, user: &User) -> bool {
        user.active && !(self == Self::Proof && user.email_verified)
    }
}

/// Why no mail can be asked for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Too many were asked for.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Too many are being prepared.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<MailLinkError> for AskError {
    fn from(error: MailLinkError) -> Self {
        match error {
            MailLinkError::Limited(limited) => Self::Limited(limited),
            MailLinkError::Store(error) => Self::Store(error),
        }
    }
}

/// Why no link was mailed.
#[derive(Debug, thiserror::Error)]
pub enum MailLinkError {
    /// Too many were.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
