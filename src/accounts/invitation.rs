//! An invitation: an operator makes a user without a password, and a link is mailed to them by which they choose one.

use super::administration::{AddError, AddUser};
use super::{Accounts, Services};
use crate::audit::Event;
use crate::mail::MailError;
use crate::store::{Purpose, StoreError, User};

/// Why somebody was not invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// No mail is sent here.
    #[error("no mail is sent here")]
    NoMail,
    /// They were not made a user.
    #[error(transparent)]
    Add(#[from] AddError),
    /// They are a user now, and the mail server did not take their link.
    #[error("the mail was not taken")]
    Undelivered {
        /// Who.
        user: Box<User>,
        /// What the mail server said.
        cause: MailError,
    },
}

impl From<StoreError> for InviteError {
    fn from(error: StoreError) -> Self {
        Self::Add(error.into())
    }
}

impl Accounts {
    /// Makes a user and mails them a link. It returns when the mail server has taken it: an operator waits for that.
    pub async fn invite(&self, new: AddUser) -> Result<User, InviteError> {
        let Services { mail: Some(mailer), .. } = &self.0.services else { return Err(InviteError::NoMail) };
        let user = self.add(new).await?;
        let Some(link) = self.link(&user, Purpose::Invitation).await? else { return Ok(user) };
        match mailer.deliver(self.letters().invitation(&user, &link)).await {
            Ok(()) => {
                self.note(Event::InvitationMailed { uid: user.id });
                Ok(user)
            }
            Err(cause) => Err(InviteError::Undelivered { user: Box::new(user), cause }),
        }
    }
}
