//! The upstream connections of one worker that wait for their next request.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;

use super::body::RequestBody;

/// How long a connection may wait. Below the five seconds after which uvicorn and Node close theirs, so that a
/// request seldom meets one that is just closing.
pub(super) const IDLE: Duration = Duration::from_secs(4);

/// How many may wait in one worker; more than that were a burst, and are closed.
const MOST: usize = 256;

/// The waiting connections, the most recently used last.
#[derive(Default)]
pub(super) struct Pool {
    waiting: RefCell<Vec<Waiting>>,
}

struct Waiting {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

impl Pool {
    /// The connection that waited the least, if it is alive.
    pub(super) fn take(&self, now: Instant) -> Option<SendRequest<RequestBody>> {
        let mut waiting = self.waiting.borrow_mut();
        // One that is still busy with the rest of a refused upload is not ready, and will not be soon: it is dropped.
        while let Some(newest) = waiting.pop() {
            if now.duration_since(newest.since) > IDLE {
                // All below it have waited longer.
                waiting.clear();
                return None;
            }
            if newest.sender.is_ready() {
                return Some(newest.sender);
            }
        }
        None
    }

    fn put(&self, sender: SendRequest<RequestBody>) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() == MOST {
            waiting.remove(0);
        }
        waiting.push(Waiting { sender, since: Instant::now() });
    }
}

/// A connection while its answer is read. It goes back to the pool only when the answer has ended well.
pub(super) struct Lease {
    sender: SendRequest<RequestBody>,
    pool: Rc<Pool>,
}

impl Lease {
    pub(super) const fn new(sender: SendRequest<RequestBody>, pool: Rc<Pool>) -> Self {
        Self { sender, pool }
    }

    /// The answer has ended: the connection may serve another request.
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            self.pool.put(self.sender);
        }
    }
}
