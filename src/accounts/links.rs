//! One-time links, and the mails that carry them: how long each can be used, where it leads, and how many are mailed.

use std::net::IpAddr;
use std::time::Duration;

use super::letters::Letters;
use super::{Accounts, Services};
use crate::audit::Event;
use crate::config::settings::Rate;
use crate::limits::{LimitKey, Limited};
use crate::mail::Mailer;
use crate::store::{NewOneTime, Purpose, StoreError, User};
use crate::tokens::OneTimeToken;
use crate::types::{Secret, Timestamp};

/// How many mails somebody can have sent to one address. More than a person asks for who waits for one; and whoever asks
/// for others' fills nobody's mailbox. The last one that was sent is good for longer than the wait for the next one.
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
        purpose: Purpose,
        address: Option<IpAddr>,
    ) -> Result<(), MailLinkError> {
        self.count_mail(user).await?;
        let Some(link) = self.link(user, purpose).await? else { return Ok(()) };
        let (uid, letters) = (user.id, self.letters());
        let (letter, event) = match purpose {
            Purpose::AddressProof => (letters.proof(user, &link), Event::ProofMailed { uid, address }),
            Purpose::PasswordReset | Purpose::MailedReset | Purpose::Invitation => {
                (letters.reset(user, &link), Event::ResetMailed { uid, address })
            }
        };
        mailer.post(letter);
        self.note(event);
        Ok(())
    }

    /// Counts a mail to a user's address, which somebody asked for who need not be its owner.
    pub(super) async fn count_mail(&self, user: &User) -> Result<(), Limited> {
        self.counted(&[LimitKey::MailAccount(user.email.key().clone())])?.stands().await;
        Ok(())
    }

    pub(super) fn letters(&self) -> Letters<'_> {
        Letters { origin: &self.0.public_origin }
    }

    /// Whether mail is sent at all (`[email]`).
    pub fn sends_mail(&self) -> bool {
        let Services { mail, .. } = &self.0.services;
        mail.is_some()
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
