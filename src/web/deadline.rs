//! Time limits without a timer per request: one coarse sweep per worker looks after all of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;
use tokio::sync::Notify;

/// How often the sweep looks: limits hold to this much. Ten wake-ups a second while anything waits.
const TICK: Duration = Duration::from_millis(100);

/// One worker's time limits. Clones share them; they never leave their thread.
#[derive(Clone)]
pub struct Deadlines(Rc<Inner>);

struct Inner {
    start: Instant,
    entries: RefCell<Slab<Entry>>,
    armed: Cell<usize>,
    wake_sweep: Notify,
}

struct Entry {
    due: Due,
    fired: bool,
    waker: Option<Waker>,
}

enum Due {
    Never,
    At(Duration),
    /// Kept outside, by something that must be able to leave this thread.
    Kept(Arc<Remote>),
}

impl Due {
    fn is_armed(&self) -> bool {
        !matches!(self, Self::Never)
    }

    fn has_come(&self, now: Duration) -> bool {
        match self {
            Self::Never => false,
            Self::At(due) => *due <= now,
            Self::Kept(remote) => u128::from(remote.due.load(Ordering::Relaxed)) <= now.as_millis(),
        }
    }
}

/// A time limit that can be moved from anywhere, such as from inside a connection's socket.
pub struct Remote {
    start: Instant,
    due: AtomicU64,
}

impl Remote {
    /// Fires this long from now.
    pub fn set(&self, after: Duration) {
        self.set_at(self.start.elapsed().saturating_add(after));
    }

    /// The same for those who have looked at the time already.
    pub fn set_from(&self, now: Instant, after: Duration) {
        self.set_at(now.saturating_duration_since(self.start).saturating_add(after));
    }

    fn set_at(&self, due: Duration) {
        self.due.store(u64::try_from(due.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Fires no more.
    pub fn clear(&self) {
        self.due.store(u64::MAX, Ordering::Relaxed);
    }
}

impl Deadlines {
    /// None yet. [`Deadlines::sweep`] has to run for any to fire.
    #[expect(clippy::new_without_default, reason = "a default that needs a task to work would mislead")]
    pub fn new() -> Self {
        Self(Rc::new(Inner {
            start: Instant::now(),
            entries: RefCell::new(Slab::new()),
            armed: Cell::new(0),
            wake_sweep: Notify::new(),
        }))
    }

    /// Time since these deadlines were made.
    pub fn elapsed(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// How old they are at a moment.
    pub fn age_at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0.start)
    }

    /// A timer that is not set.
    pub fn timer(&self) -> Timer {
        self.insert(Due::Never)
    }

    /// A timer that is moved by the other value.
    pub fn remote_timer(&self) -> (Timer, Arc<Remote>) {
        let remote = Arc::new(Remote { start: self.0.start, due: AtomicU64::new(u64::MAX) });
        let timer = self.insert(Due::Kept(Arc::clone(&remote)));
        self.arm();
        (timer, remote)
    }

    fn insert(&self, due: Due) -> Timer {
        let key = self.0.entries.borrow_mut().insert(Entry { due, fired: false, waker: None });
        Timer { deadlines: self.clone(), key }
    }

    fn arm(&self) {
        self.0.armed.set(self.0.armed.get() + 1);
        if self.0.armed.get() == 1 {
            self.0.wake_sweep.notify_one();
        }
    }

    fn disarm(&self) {
        self.0.armed.set(self.0.armed.get() - 1);
    }

    /// Wakes what is due, for as long as it is polled. Sleeps while nothing is armed.
    pub async fn sweep(&self) {
        loop {
            if self.0.armed.get() == 0 {
                self.0.wake_sweep.notified().await;
            }
            tokio::time::sleep(TICK).await;
            self.fire_what_is_due();
        }
    }

    /// Fires what is kept outside, whenever it is due: there is something else to see to.
    pub fn rouse(&self) {
        let mut wakers = Vec::new();
        for (_, entry) in self.0.entries.borrow_mut().iter_mut() {
            if let Due::Kept(_) = entry.due {
                entry.fired = true;
                wakers.extend(entry.waker.take());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn fire_what_is_due(&self) {
        let now = self.elapsed();
        let mut wakers = Vec::new();
        for (_, entry) in self.0.entries.borrow_mut().iter_mut() {
            if !entry.due.has_come(now) {
                continue;
            }
            if let Due::Kept(remote) = &entry.due {
                remote.clear();
            } else {
                entry.due = Due::Never;
                self.disarm();
            }
            entry.fired = true;
            wakers.extend(entry.waker.take());
        }
        // Woken outside of the borrow: a waker may drop a task, and with it a timer.
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// One time limit. Dropping it forgets it.
pub struct Timer {
    deadlines: Deadlines,
    key: usize,
}

impl Timer {
    /// Fires this long from now, whatever was set before.
    pub fn set(&self, after: Duration) {
        self.set_at(self.deadlines.elapsed().saturating_add(after));
    }

    /// Fires when the deadlines are this old: for those who have looked at the time already.
    pub fn set_at(&self, due: Duration) {
        let mut entries = self.deadlines.0.entries.borrow_mut();
        let entry = &mut entries[self.key];
        entry.fired = false;
        if let Due::Kept(remote) = &entry.due {
            remote.set_at(due);
        } else if !std::mem::replace(&mut entry.due, Due::At(due)).is_armed() {
            self.deadlines.arm();
        }
    }

    /// Takes note that it fired, so that it can fire again.
    pub fn acknowledge(&self) {
        self.deadlines.0.entries.borrow_mut()[self.key].fired = false;
    }

    /// Ready once the time has come.
    pub fn poll_fired(&self, cx: &Context<'_>) -> Poll<()> {
        let mut entries = self.deadlines.0.entries.borrow_mut();
        let entry = &mut entries[self.key];
        if entry.fired {
            return Poll::Ready(());
        }
        if !entry.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            entry.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Waits until the time has come.
    pub async fn fired(&self) {
        std::future::poll_fn(|cx| self.poll_fired(cx)).await;
    }

    /// The deadlines that it is one of.
    pub const fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let entry = self.deadlines.0.entries.borrow_mut().remove(self.key);
        if entry.due.is_armed() {
            self.deadlines.disarm();
        }
    }
}
