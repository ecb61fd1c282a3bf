//! The one writer: a thread that takes all writes that have queued up into one transaction and answers
//! after the commit; and what it does when the disk fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};
use tokio::sync::{mpsc, oneshot, watch};

use super::fault::{Fault, guarded};
use super::health::Health;
use super::job::{Job, Message};
use super::tables::Tables;
use crate::store::StoreError;

/// Writes that wait; who comes later waits for a place among them.
const QUEUE: usize = 1024;

/// Writes in one transaction, so that the first of them does not wait for too many others.
const BATCH: usize = 256;

/// After a failed write the next ones are refused for so long: a full disk is tried four times a second.
const REST: Duration = Duration::from_millis(250);

/// Opens the file again.
pub(super) type Reopen = Box<dyn Fn() -> Result<Database, StoreError> + Send>;

/// The writer's thread, from outside.
pub(super) struct Writer {
    pub(super) queue: mpsc::Sender<Message>,
    pub(super) health: Arc<watch::Sender<Health>>,
    pub(super) commits: Arc<AtomicU64>,
    pub(super) thread: JoinHandle<()>,
}

/// Starts the thread.
pub(super) fn start(database: Database, reopen: Reopen) -> io::Result<Writer> {
    let (queue, waiting) = mpsc::channel(QUEUE);
    let health = Arc::new(watch::Sender::new(Health::Open(database)));
    let commits = Arc::new(AtomicU64::new(0));
    let work = Work { health: Arc::clone(&health), commits: Arc::clone(&commits), reopen, failed: None };
    let thread =
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || work.until_closed(waiting))?;
    Ok(Writer { queue, health, commits, thread })
}

struct Work {
    health: Arc<watch::Sender<Health>>,
    commits: Arc<AtomicU64>,
    reopen: Reopen,
    failed: Option<(Instant, StoreError)>,
}

impl Work {
    fn until_closed(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(BATCH);
        let mut closing = None;
        while closing.is_none() && queue.blocking_recv_many(&mut messages, BATCH) > 0 {
            closing = self.serve(&mut messages);
        }
        // Outside of the lock: closing writes to the disk, and nobody is to wait for that in vain.
        drop(self.health.send_replace(Health::Closed));
        drop(queue);
        if let Some(closed) = closing {
            // Nobody may be waiting for it any more.
            let _ = closed.send(());
        }
    }

    /// Does what has queued up before a message to close, which it gives back.
    fn serve(&mut self, messages: &mut Vec<Message>) -> Option<oneshot::Sender<()>> {
        let mut jobs = Vec::with_capacity(messages.len());
        let mut closing = None;
        for message in messages.drain(..) {
            match message {
                Message::Job(job) if closing.is_none() => jobs.push(job),
                Message::Close(closed) if closing.is_none() => closing = Some(closed),
                Message::Job(job) => job.answer(Err(StoreError::Closed)),
                Message::Close(closed) => drop(closed),
            }
        }
        let outcome = if jobs.is_empty() { Ok(()) } else { self.write(&mut jobs) };
        for job in jobs {
            job.answer(outcome.clone());
        }
        closing
    }

    fn write(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        if let Some((at, why)) = &self.failed
            && at.elapsed() < REST
        {
            return Err(why.clone());
        }
        // A reader may have met an I/O error, after which redb refuses writes as well.
        let write = match self.begin() {
            Ok(write) => write,
            Err(_) => {
                self.reopen()?;
                self.begin().map_err(|fault| self.rest(&fault))?
            }
        };
        match guarded(|| self.commit(write, jobs)) {
            Ok(()) => {
                self.failed = None;
                Ok(())
            }
            Err(fault) => {
                let why = self.rest(&fault);
                // At once, because redb's readers need a working handle too.
                let _ = self.reopen();
                Err(why)
            }
        }
    }

    /// Refuses writes for a while.
    fn rest(&mut self, fault: &Fault) -> StoreError {
        let why = fault.answer();
        tracing::error!(error = %why, "a write to the database failed");
        self.failed = Some((Instant::now(), why.clone()));
        why
    }

    fn begin(&self) -> Result<WriteTransaction, Fault> {
        match &*self.health.borrow() {
            Health::Open(database) => guarded(|| Ok(database.begin_write()?)),
            _ => Err(Fault::Redb(redb::Error::PreviousIo)),
        }
    }

    /// All of it is on disk when this returns, or nothing.
    fn commit(&self, mut write: WriteTransaction, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        // A crash is recovered from in less than a millisecond, at the price of 0.3 ms for each commit.
        write.set_quick_repair(true);
        let mut tables = Tables::open(&write)?;
        for job in jobs {
            job.run(&mut tables)?;
        }
        let touched = tables.touched();
        drop(tables);
        if touched == 0 {
            write.abort()?;
        } else {
            write.commit()?;
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        // redb lets one handle in at a time: the old one goes first, when its last reader has left.
        drop(self.health.send_replace(Health::Reopening));
        match (self.reopen)() {
            Ok(database) => {
                self.health.send_replace(Health::Open(database));
                Ok(())
            }
            Err(why) => {
                tracing::error!(error = %why, "the database could not be opened again");
                self.failed = Some((Instant::now(), why.clone()));
                self.health.send_replace(Health::Down(why.clone()));
                Err(why)
            }
        }
    }
}
