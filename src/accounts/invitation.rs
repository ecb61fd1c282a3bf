//! An invitation: an operator makes a user without a password, and a link is mailed to them by which they choose one.

use super::Accounts;
use super::administration::{AddError, AddUser};
use crate::audit::Event;
use crate::mail::MailError;
use crate::sessions::to_the_end;
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
        /// The mail server.
        server: String,
        /// What it said.
        cause: MailError,
    },
}

impl From<StoreError> for InviteError {
    fn from(error: StoreError) -> Self {
        Self::Add(error.into())
    }
}

impl Accounts {
    /// Makes a user and mails them a link. It returns when the mail server has taken it: an operator waits for that, and
    /// where they don't, it is mailed all the same.
    pub async fn invite(&self, new: AddUser) -> Result<User, InviteError> {
        let Some(mailer) = self.0.services.mail.clone() else { return Err(InviteError::NoMail) };
        let this = self.clone();
        to_the_end(async move {
            let user = this.add(new).await?;
            let Some(link) = this.link(&user, Purpose::Invitation).await? else { return Ok(user) };
            match mailer.deliver(this.letters().invitation(&user, &link)).await {
                Ok(()) => {
                    this.note(Event::InvitationMailed { uid: user.id });
                    Ok(user)
                }
                Err(cause) => {
                    let server = mailer.server().to_owned();
                    Err(InviteError::Undelivered { user: Box::new(user), server, cause })
                }
            }
        })
        .await
    }
}
