//! What is done behind an answer that must not tell whether there was anything to do: the look-up, the write and the mail
//! come after it, so that neither its text nor its time says whether an address is known.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::links::MailLinkError;

/// At once. Each is a look-up, a write and a mail in a queue: milliseconds.
const MOST: usize = 64;

/// The errands of one gate.
pub(super) struct Errands(Arc<Semaphore>);

/// A place among them.
pub(super) struct Errand(OwnedSemaphorePermit);

/// There are too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many mails are being prepared")]
pub struct TooMany;

impl Errands {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }

    /// A place, to be had before anything is answered or written: whoever is told "yes" gets what belongs to it.
    pub(super) fn place(&self) -> Result<Errand, TooMany> {
        Arc::clone(&self.0).try_acquire_owned().map(Errand).map_err(|_| TooMany)
    }
}

impl Errand {
    /// Does this in its own time.
    pub(super) fn run(self, work: impl Future<Output = Result<(), MailLinkError>> + Send + 'static) {
        tokio::spawn(async move {
            match work.await {
                Ok(()) => {}
                Err(MailLinkError::Limited(_)) => {
                    tracing::info!("no mail: too many were sent to this address");
                }
                Err(MailLinkError::Store(error)) => tracing::error!(%error, "a mail could not be prepared"),
            }
            drop(self.0);
        });
    }
}
