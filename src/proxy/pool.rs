//! The upstream connections of one worker that wait for their next request.

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;
use tokio::sync::Notify;

use super::addresses::Era;
use super::body::RequestBody;
use super::direct::Line;

/// How long a connection may wait. Below the five seconds after which uvicorn and Node close theirs, so that a
/// request seldom meets one that is just closing.
pub(super) const IDLE: Duration = Duration::from_secs(4);

/// How many may wait in one worker; more than that were a burst, and are closed.
const MOST: usize = 256;

/// How often connections that have waited for too long, or were closed meanwhile, are looked for.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// A connection that can wait.
pub(super) trait Reusable {
    /// Whether it can serve a request now.
    fn is_ready(&self) -> bool;
}

impl Reusable for SendRequest<RequestBody> {
    /// One that is still busy with the rest of a refused upload is not ready, and will not be soon.
    fn is_ready(&self) -> bool {
        self.is_ready()
    }
}

impl Reusable for Line {
    fn is_ready(&self) -> bool {
        self.is_quiet()
    }
}

/// A connection, and the era in which it was opened.
pub(super) struct Held<C> {
    pub(super) connection: C,
    pub(super) era: Rc<Era>,
}

impl<C> Deref for Held<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C> DerefMut for Held<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C: Reusable> Held<C> {
    fn is_ready(&self) -> bool {
        !self.era.is_over() && self.connection.is_ready()
    }
}

/// The waiting connections, the most recently used last.
pub(super) struct Pool<C> {
    waiting: RefCell<Vec<Waiting<C>>>,
    /// Whether somebody looks after them.
    tended: Cell<bool>,
    came: Notify,
}

struct Waiting<C> {
    connection: Held<C>,
    since: Instant,
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self { waiting: RefCell::default(), tended: Cell::new(false), came: Notify::new() }
    }
}

impl<C: Reusable> Pool<C> {
    /// The connection that waited the least, if it is alive.
    pub(super) fn take(&self, now: Instant) -> Option<Held<C>> {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(newest) = waiting.pop() {
            if now.duration_since(newest.since) > IDLE {
                // All below it have waited longer.
                waiting.clear();
                return None;
            }
            if newest.connection.is_ready() {
                return Some(newest.connection);
            }
        }
        None
    }

    /// From now on it waits, unless the upstream's addresses are others by now. `since`: the caller has just looked.
    pub(super) fn put(&self, connection: Held<C>, since: Instant) {
        if connection.era.is_over() {
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() == MOST {
            waiting.remove(0);
        }
        waiting.push(Waiting { connection, since });
        if !self.tended.replace(true) {
            self.came.notify_one();
        }
    }

    /// Closes those that have waited for too long, or that the upstream has closed, for as long as it is polled.
    pub(super) async fn tend(&self) {
        loop {
            self.came.notified().await;
            while !self.waiting.borrow().is_empty() {
                tokio::time::sleep(LOOK).await;
                let now = Instant::now();
                self.waiting.borrow_mut().retain(|waiting| {
                    now.duration_since(waiting.since) <= IDLE && waiting.connection.is_ready()
                });
            }
            self.tended.set(false);
        }
    }
}

/// A connection while its answer is read. It goes back to the pool only when the answer has ended well.
pub(super) struct Lease {
    sender: Held<SendRequest<RequestBody>>,
    pool: Rc<Pool<SendRequest<RequestBody>>>,
}

impl Lease {
    pub(super) const fn new(
        sender: Held<SendRequest<RequestBody>>,
        pool: Rc<Pool<SendRequest<RequestBody>>>,
    ) -> Self {
        Self { sender, pool }
    }

    /// The answer has ended: the connection may serve another request.
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            self.pool.put(self.sender, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that is always ready, and known by its number.
    struct Ready(usize);

    impl Reusable for Ready {
        fn is_ready(&self) -> bool {
            true
        }
    }

    fn put(pool: &Pool<Ready>, number: usize, since: Instant) {
        pool.put(Held { connection: Ready(number), era: Rc::default() }, since);
    }

    fn take(pool: &Pool<Ready>, now: Instant) -> Option<usize> {
        pool.take(now).map(|held| held.connection.0)
    }

    #[test]
    fn one_that_has_waited_for_too_long_is_not_taken_nor_any_that_waited_longer() {
        let (pool, begin) = (Pool::default(), Instant::now());
        put(&pool, 1, begin);
        put(&pool, 2, begin + LOOK);
        assert_eq!(take(&pool, begin + LOOK + IDLE), Some(2), "as long as it may");
        assert_eq!(take(&pool, begin + LOOK + IDLE), None, "longer");
        assert!(pool.waiting.borrow().is_empty(), "it is closed at once, whether somebody tends them or not");
    }

    #[test]
    fn when_too_many_wait_the_one_that_waited_longest_is_closed() {
        let (pool, now) = (Pool::default(), Instant::now());
        (0..=MOST).for_each(|number| put(&pool, number, now));
        let taken: Vec<_> = std::iter::from_fn(|| take(&pool, now)).collect();
        assert_eq!(taken, (1..=MOST).rev().collect::<Vec<_>>());
    }
}
