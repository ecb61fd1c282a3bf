//! Stand-in until the real room is merged.

use std::io;
use std::time::Duration;

use crate::config::settings;
use crate::types::Email;

/// A mail: to whom, and what it says.
pub struct Letter {
    /// To whom.
    pub to: Email,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// Sends letters.
#[derive(Clone)]
pub struct Mailer;

/// Why.
#[derive(Debug, thiserror::Error)]
#[error("no")]
pub struct MailError;

impl Mailer {
    /// Starts.
    pub fn start(_: &settings::Mail) -> io::Result<Self> {
        Ok(Self)
    }

    /// Queues.
    pub fn post(&self, _: Letter) {}

    /// Sends.
    pub async fn deliver(&self, _: Letter) -> Result<(), MailError> {
        Ok(())
    }

    /// Ends.
    pub async fn close(&self, _: Duration) {}
}
