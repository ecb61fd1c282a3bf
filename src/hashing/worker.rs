//! One hashing thread: takes a job, hashes in memory that it keeps, answers.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use argon2::Block;
use argon2::password_hash::phc::{Output, Salt};
use subtle::ConstantTimeEq as _;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::phc::Recipe;
use super::share::{self, Pace};
use super::stored::Stored;
use super::{Begun, Verified, Waiting};
use crate::types::Password;
use crate::types::PasswordHash;

/// How much the threads give way to those that answer requests. Not `SCHED_IDLE`: on a busy machine nobody could sign in.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Something to do, and the log's place for it.
pub(super) struct Job {
    task: Task,
    span: tracing::Span,
    place: Waiting,
    begun: Begun,
}

/// What to do, and whom to tell.
pub(super) enum Task {
    Hash {
        password: Password,
        reply: oneshot::Sender<PasswordHash>,
    },
    Verify {
        password: Password,
        stored: Option<PasswordHash>,
        reply: oneshot::Sender<Verified>,
    },
    Pretend {
        password: Password,
        decoy: Option<PasswordHash>,
        reply: oneshot::Sender<()>,
    },
    #[cfg(test)]
    Panic {
        _reply: oneshot::Sender<()>,
    },
    #[cfg(test)]
    Wait {
        until: std::sync::mpsc::Receiver<()>,
        reply: oneshot::Sender<()>,
    },
}

/// What a comparison found.
struct Compared {
    /// It is the password.
    right: bool,
    /// The hash was made in the way that is configured now.
    current: bool,
}

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("out of memory for {0} KiB")]
    Memory(usize),
    #[error("argon2: {0}")]
    Argon2(argon2::Error),
}

impl Job {
    pub(super) fn new(task: Task, place: Waiting, begun: Begun) -> Self {
        Self { task, span: tracing::Span::current(), place, begun }
    }
}

/// Works until all [`super::Hasher`]s are gone.
pub(super) fn run(jobs: &Mutex<Receiver<Job>>, recipe: Recipe, mut pace: Pace) {
    give_way();
    let start = Instant::now();
    let mut kitchen = Kitchen { recipe, blocks: Vec::new() };
    loop {
        // Before a job is taken: another thread may be free for it.
        thread::sleep(pace.rest(Instant::now()));
        // The lock is held while waiting: the others wait for it instead of for the queue.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { task, span, place, begun }) = next else { return };
        drop(place);
        begun.note();
        let _entered = span.enter();
        let (begun, before) = (Instant::now(), share::spent(start));
        // A bug in one hash must not silently take a thread away from all others; its reply is dropped, and
        // whoever waits for it is told that hashing failed.
        if panic::catch_unwind(AssertUnwindSafe(|| kitchen.serve(task))).is_err() {
            tracing::error!("hashing a password panicked");
            kitchen.blocks = Vec::new();
        }
        pace.worked(begun, share::spent(start).saturating_sub(before));
    }
}

/// Hashing with memory that is kept: above some 32 MiB page faults would cost more than the hash itself.
struct Kitchen {
    recipe: Recipe,
    blocks: Vec<Block>,
}

impl Kitchen {
    fn serve(&mut self, task: Task) {
        match task {
            Task::Hash { password, reply } => answer(reply, || self.hash(&password)),
            Task::Verify { password, stored, reply } => {
                answer(reply, || self.verify(&password, stored.as_ref()));
            }
            Task::Pretend { password, decoy, reply } => {
                answer(reply, || self.compare(&password, decoy.as_ref()).map(drop));
            }
            #[cfg(test)]
            Task::Panic { .. } => panic!("as asked"),
            #[cfg(test)]
            Task::Wait { until, reply } => answer(reply, || {
                let _ = until.recv();
                Ok(())
            }),
        }
    }

    fn hash(&mut self, password: &Password) -> Result<PasswordHash, Failure> {
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        aws_lc_rs::rand::fill(&mut salt).expect("aws-lc ends the process itself when there is no entropy");
        let recipe = self.recipe.clone();
        let output = self.compute(&recipe, password, &salt)?;
        let salt = Salt::new(&salt).expect("16 bytes are within the format's bounds");
        Ok(recipe.write(salt, Output::new(&output).expect("32 bytes are within the format's bounds")))
    }

    fn verify(&mut self, password: &Password, stored: Option<&PasswordHash>) -> Result<Verified, Failure> {
        match self.compare(password, stored)? {
            Compared { right: false, .. } => Ok(Verified::Wrong),
            Compared { right: true, current: true } => Ok(Verified::Right),
            Compared { right: true, current: false } => self.hash(password).map(Verified::RightRenew),
        }
    }

    fn compare(&mut self, password: &Password, stored: Option<&PasswordHash>) -> Result<Compared, Failure> {
        let stored = stored.map(Stored::read).transpose().unwrap_or_else(|why| {
            tracing::warn!(%why, "a stored password hash can't be verified");
            None
        });
        let Some(stored) = stored else {
            // Nobody's: hashed all the same, for the time that it takes.
            let recipe = self.recipe.clone();
            self.compute(&recipe, password, &[0; Salt::RECOMMENDED_LENGTH])?;
            return Ok(Compared { right: false, current: true });
        };
        Ok(match stored {
            Stored::Argon2(stored) => {
                let output = self.compute(&stored.recipe, password, &stored.salt)?;
                let right = output.ct_eq(stored.output.as_bytes()).into();
                Compared { right, current: stored.recipe == self.recipe }
            }
            Stored::Bcrypt(stored) => Compared { right: stored.verify(password), current: false },
        })
    }

    fn compute(
        &mut self,
        recipe: &Recipe,
        password: &Password,
        salt: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let needed = recipe.block_count();
        if self.blocks.len() < needed {
            let more = needed - self.blocks.len();
            self.blocks.try_reserve_exact(more).map_err(|_| Failure::Memory(needed))?;
            self.blocks.resize(needed, Block::new());
        }
        let mut output = Zeroizing::new(vec![0; recipe.output_len()]);
        let done = recipe.argon2().hash_password_into_with_memory(
            password.reveal(),
            salt,
            &mut output,
            &mut self.blocks[..needed],
        );
        // Back from what an imported hash needed once.
        let kept = self.recipe.block_count();
        if self.blocks.len() > kept {
            self.blocks.truncate(kept);
            self.blocks.shrink_to_fit();
        }
        done.map_err(Failure::Argon2)?;
        Ok(output)
    }
}

/// Does the work, unless whoever asked for it has left meanwhile.
fn answer<T>(reply: oneshot::Sender<T>, work: impl FnOnce() -> Result<T, Failure>) {
    if reply.is_closed() {
        return;
    }
    match work() {
        // An error says that they have left by now.
        Ok(done) => drop(reply.send(done)),
        Err(why) => tracing::error!(%why, "a password could not be hashed"),
    }
}

/// On Linux a thread has a nice value of its own; elsewhere it would be the whole process's.
fn give_way() {
    #[cfg(target_os = "linux")]
    {
        if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
            tracing::debug!(%error, "a hashing thread keeps its priority");
        }
        // Whoever wakes up beside it is not to wait for the end of its turn.
        if let Err(error) = sidegate_slice::ask_for(sidegate_slice::LONGEST) {
            tracing::debug!(%error, "a hashing thread keeps its time slice");
        }
    }
}
