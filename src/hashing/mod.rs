//! Passwords are hashed with Argon2id on a few threads of their own, so that no event loop ever waits for one.
//! Hashes that came from elsewhere (other parameters, bcrypt) are verified, and renewed when their password is given.
//! What doesn't fit into their queue is refused at once: a wait there would only grow.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::oneshot;

use crate::config::settings::Passwords;
use crate::types::Password;
use crate::types::PasswordHash;

mod bcrypt;
mod phc;
mod quota;
mod share;
mod stored;
mod worker;

use phc::Recipe;
use share::Share;
pub use stored::{Kind, Unusable, recognise};
use worker::{Job, Task};

/// The way to the hashing threads. Cheap to clone; the threads end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Hasher {
    queue: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    places: usize,
    begun: Begun,
}

/// Whether a thread has begun with any of what was asked for under this note.
#[derive(Clone, Debug, Default)]
pub struct Begun(Arc<AtomicBool>);

impl Begun {
    /// To be asked once nobody waits for the answer any more: what was not begun by then never is.
    pub fn is_so(&self) -> bool {
        // Between hanging up and this question, as `note` is between a thread's beginning and its look at whether
        // anybody still waits: one of the two sees the other.
        fence(Ordering::SeqCst);
        self.0.load(Ordering::SeqCst)
    }

    fn note(&self) {
        self.0.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

/// What became of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is another password, or there is nothing to compare it with.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, and its hash was made in another way than the one configured now: this is the new one.
    RightRenew(PasswordHash),
}

/// Why nothing was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full; trying again in a second or two may work.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// A thread gave up on it (out of memory, or a bug); the log says why.
    #[error("hashing failed")]
    Failed,
}

impl Hasher {
    /// Starts the threads.
    pub fn start(settings: &Passwords) -> io::Result<Self> {
        let recipe = Recipe::configured(settings).map_err(io::Error::other)?;
        let (queue, jobs) = mpsc::sync_channel(settings.queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let share = Share::of_this_machine(settings.workers);
        for number in 0..share.threads {
            let (jobs, recipe) = (Arc::clone(&jobs), recipe.clone());
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || worker::run(&jobs, recipe, share.pace()))?;
        }
        Ok(Self { queue, waiting: Arc::default(), places: settings.queue, begun: Begun::default() })
    }

    /// The same hasher, which notes whether it has begun.
    #[must_use]
    pub fn noting(&self, begun: &Begun) -> Self {
        Self { begun: begun.clone(), ..self.clone() }
    }

    /// Whether a password would have a place in the queue just now: a look, and no promise.
    pub fn has_room(&self) -> bool {
        self.waiting() < self.places
    }

    /// Keeps a thread busy until what this gives is dropped.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Sized + use<> {
        let (held, until) = mpsc::channel();
        let (reply, answer) = oneshot::channel();
        self.queue.send(self.job(Task::Wait { until, reply })).expect("the threads live");
        (held, answer)
    }

    /// How many passwords wait for a thread.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A new hash of a password, in PHC form.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        self.ask(|reply| Task::Hash { password, reply }).await
    }

    /// Whether a password belongs to a stored hash. Without one it costs what a hash of the configured kind does and
    /// is always wrong.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Verified, HashError> {
        self.ask(|reply| Task::Verify { password, stored, reply }).await
    }

    /// Takes as long as verifying a wrong password against this hash would (without one: as long as one of the
    /// configured kind takes), so that nobody learns from the time whether an account exists. The hash is somebody
    /// else's, so that nothing comes of it: no right guess is told, and none renews a hash.
    pub async fn pretend(&self, password: Password, decoy: Option<PasswordHash>) -> Result<(), HashError> {
        self.ask(|reply| Task::Pretend { password, decoy, reply }).await
    }

    fn job(&self, task: Task) -> Job {
        Job::new(task, Waiting::count(&self.waiting), self.begun.clone())
    }

    async fn ask<T>(&self, task: impl FnOnce(oneshot::Sender<T>) -> Task) -> Result<T, HashError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(self.job(task(reply))) {
            Ok(()) => answer.await.map_err(|_| HashError::Failed),
            Err(TrySendError::Full(_)) => Err(HashError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(HashError::Failed),
        }
    }
}

/// A place in the queue: counted for as long as it is kept.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn count(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
