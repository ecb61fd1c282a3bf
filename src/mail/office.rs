//! What happens with letters on the thread "post": each is sent, tried again, or given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::error::MailError;
use super::message::one_line;
use super::server::Server;
use super::{Letter, PLACES};

/// How many connections there are at once: a server that is asked for more by one client says no to some (Postfix: 50, hosted
/// ones: ten or twenty).
const CONNECTIONS: usize = 8;

/// The most that is shown of a subject.
const SUBJECT: usize = 80;

/// A letter that has a place.
pub(super) struct Job {
    pub(super) letter: Letter,
    /// Who waits for what comes of it; `None`: nobody, and it is tried again.
    pub(super) reply: Option<oneshot::Sender<Result<(), MailError>>>,
    /// Given back when it is sent or given up.
    pub(super) place: OwnedSemaphorePermit,
}

/// How far the gate's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Letters are taken.
    Open,
    /// None are taken any more; what waits is tried once more.
    Closing,
    /// What is left is dropped.
    Over,
}

struct Office {
    server: Server,
    connections: Semaphore,
    stage: watch::Receiver<Stage>,
    /// Whether the server's last word was none.
    failing: AtomicBool,
}

/// Works until there is nobody left who could post a letter, or until all is over.
pub(super) async fn work(
    server: Server,
    mut jobs: UnboundedReceiver<Job>,
    places: Arc<Semaphore>,
    mut stage: watch::Receiver<Stage>,
) {
    let office = Arc::new(Office {
        server,
        connections: Semaphore::new(CONNECTIONS),
        stage: stage.clone(),
        failing: AtomicBool::new(false),
    });
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => drop(tokio::spawn(Arc::clone(&office).handle(job))),
                None => break,
            },
            _ = stage.wait_for(|stage| *stage == Stage::Over) => return,
        }
    }
    // Nobody said that this is the end.
    let left = PLACES - places.available_permits();
    if left > 0 {
        tracing::warn!("{left} letters are not sent: nobody waited for them");
    }
}

impl Office {
    async fn handle(self: Arc<Self>, job: Job) {
        let Job { letter, reply, place } = job;
        match reply {
            Some(reply) => {
                let mut sent = self.send(&letter).await;
                // A server or what is between may just have ended a connection: no retry, a second look.
                if matches!(sent, Err(MailError::Connection(_))) {
                    sent = self.send(&letter).await;
                }
                // Whoever asked may have left.
                let _ = reply.send(sent);
            }
            None => self.keep_trying(&letter).await,
        }
        drop(place);
    }

    async fn keep_trying(&self, letter: &Letter) {
        let mut delays = self.server.pace().retries.iter().copied();
        while let Err(error) = self.send(letter).await {
            let (subject, server, remedy) = (subject(letter), self.server.name(), error.remedy());
            let delay = delays.next().filter(|_| error.is_temporary() && *self.stage.borrow() == Stage::Open);
            let Some(delay) = delay else {
                tracing::error!(
                    "the mail \"{subject}\" is not sent, mail server `{server}`: {error}{remedy}"
                );
                return;
            };
            tracing::warn!(
                "the mail \"{subject}\" is tried again in {delay:?}, mail server `{server}`: {error}{remedy}"
            );
            self.wait(delay).await;
        }
        tracing::debug!("the mail \"{}\" is sent", subject(letter));
    }

    async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let Ok(_one) = self.connections.acquire().await else { return Err(MailError::Closed) };
        let sent = self.server.send(letter).await;
        match &sent {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the mail server `{}` takes mail again", self.server.name());
                }
            }
            Err(error) if error.is_about_the_server() => self.failing.store(true, Ordering::Relaxed),
            Err(_) => {}
        }
        sent
    }

    /// Until it is time, or until there is no more time.
    async fn wait(&self, delay: Duration) {
        let mut stage = self.stage.clone();
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = stage.wait_for(|stage| *stage != Stage::Open) => {}
        }
    }
}

/// Which kind of letter it is.
pub(super) fn subject(letter: &Letter) -> String {
    let mut subject = one_line(&letter.subject);
    subject.truncate(subject.floor_char_boundary(SUBJECT));
    subject
}
