//! Mail: letters with one-time links go to a mail server from a thread of their own, which tries again while that makes sense.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::config::settings;
use crate::types::Email;

mod error;
mod lines;
mod message;
mod office;
mod pace;
mod server;
#[cfg(test)]
mod tests;

pub use error::{MailError, Step};
use office::{Job, Stage};
pub use pace::Pace;
use server::Server;

/// How many letters may be under way and wait, all together.
const PLACES: usize = 256;

/// A mail: to whom, and what it says. Its text holds links, so Debug shows neither.
#[derive(Clone)]
pub struct Letter {
    /// To whom.
    pub to: Email,
    /// What it is about. It stands in the log: no secrets, and nothing that a user has written.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter(…)")
    }
}

/// The way to the thread that sends mail. Cheap to clone; the thread ends when the last clone is dropped or closed.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    jobs: UnboundedSender<Job>,
    /// What bounds `jobs`: each letter holds a place until it is sent or given up.
    places: Arc<Semaphore>,
    stage: watch::Sender<Stage>,
    server: String,
}

impl Mailer {
    /// Starts the thread. `Err`: the system refuses it, or there is nobody who could vouch for a server that needs TLS.
    pub fn start(settings: &settings::Mail) -> io::Result<Self> {
        Self::start_at(settings, Pace::default())
    }

    /// The same at another pace.
    pub fn start_at(settings: &settings::Mail, pace: Pace) -> io::Result<Self> {
        // First what can fail: a runtime must not be dropped where another one runs, as in `app::offline`.
        let (mailer, work) = Self::open(settings, pace)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("post".to_owned()).spawn(move || runtime.block_on(work))?;
        Ok(mailer)
    }

    /// A mailer, and the work that has to be done somewhere for it.
    fn open(
        settings: &settings::Mail,
        pace: Pace,
    ) -> io::Result<(Self, impl Future<Output = ()> + Send + use<>)> {
        let server = Server::new(settings, pace)?;
        let name = server.name();
        let (jobs, inbox) = mpsc::unbounded_channel();
        let places = Arc::new(Semaphore::new(PLACES));
        let (stage, seen) = watch::channel(Stage::Open);
        let work = office::work(server, inbox, Arc::clone(&places), seen);
        Ok((Self(Arc::new(Inner { jobs, places, stage, server: name })), work))
    }

    /// Puts a letter among those that wait and returns at once; gives whether it was taken. Where there is no place it is
    /// dropped, and the log says so.
    pub fn post(&self, letter: Letter) -> bool {
        let subject = office::subject(&letter);
        let taken = self.enter(letter, None);
        if let Err(error) = &taken {
            tracing::error!("the mail \"{subject}\" is dropped, mail server `{}`: {error}", self.0.server);
        }
        taken.is_ok()
    }

    /// The server that letters are handed to, as messages name it.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// Sends one and waits for what the server says. No retries beyond one reconnect.
    pub async fn deliver(&self, letter: Letter) -> Result<(), MailError> {
        let (reply, answer) = oneshot::channel();
        self.enter(letter, Some(reply))?;
        answer.await.unwrap_or(Err(MailError::Closed))
    }

    /// Finishes what waits, at most for this long; what waits to be tried again is tried at once, for the last time. What is
    /// left is counted and told. From now on no letter is taken.
    pub async fn close(&self, grace: Duration) {
        self.0.stage.send_if_modified(|stage| {
            let open = *stage == Stage::Open;
            *stage = (*stage).max(Stage::Closing);
            open
        });
        let all = u32::try_from(PLACES).unwrap_or(u32::MAX);
        if tokio::time::timeout(grace, self.0.places.acquire_many(all)).await.is_err() {
            let left = PLACES - self.0.places.available_permits();
            tracing::warn!(
                "{left} letters are not sent: mail server `{}` did not take them before the end",
                self.0.server
            );
        }
        self.0.stage.send_replace(Stage::Over);
    }

    fn enter(
        &self,
        letter: Letter,
        reply: Option<oneshot::Sender<Result<(), MailError>>>,
    ) -> Result<(), MailError> {
        if *self.0.stage.borrow() != Stage::Open {
            return Err(MailError::Closed);
        }
        let place = Arc::clone(&self.0.places).try_acquire_owned().map_err(|_| MailError::Full)?;
        self.0.jobs.send(Job { letter, reply, place }).map_err(|_| MailError::Closed)
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("server", &self.0.server).finish_non_exhaustive()
    }
}
