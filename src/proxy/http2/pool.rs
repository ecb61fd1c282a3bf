//! The HTTP/2 connections of one worker, and the seats on them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::{Mutex, Notify};

use super::connection::Connection;
use crate::proxy::fault::Fault;
use crate::proxy::pool::{IDLE, LOOK};

/// The connections, the oldest first: those that were opened for a burst empty again.
#[derive(Default)]
pub(super) struct Connections {
    open: RefCell<Vec<Rc<Connection>>>,
    /// Held by who opens one. The others wait for it, or a burst would open a connection for each request.
    turn: Mutex<()>,
    /// How many attempts to open one have come to an end.
    attempts: Cell<u64>,
    /// Why the last one failed, if it did.
    failed: RefCell<Option<Fault>>,
    /// One was opened.
    came: Notify,
}

impl Connections {
    /// A seat on a connection that has room and was opened after a moment, if one is named; else on a new one.
    pub(super) async fn seat<F>(
        self: &Rc<Self>,
        opened_after: Option<Instant>,
        open: impl FnOnce() -> F,
    ) -> Result<(Seat, SendRequest<Bytes>), Fault>
    where
        F: Future<Output = Result<Connection, Fault>>,
    {
        if let Some(seat) = self.take(opened_after) {
            return Ok(seat);
        }
        let seen = self.attempts.get();
        let _turn = self.turn.lock().await;
        if let Some(seat) = self.take(opened_after) {
            return Ok(seat);
        }
        // The attempt that was waited for has failed. To try again for each who waited would take them one time limit
        // after the other.
        if self.attempts.get() != seen
            && let Some(fault) = &*self.failed.borrow()
        {
            return Err(fault.clone());
        }
        let opened = open().await;
        self.attempts.set(self.attempts.get() + 1);
        self.failed.replace(opened.as_ref().err().cloned());
        let connection = Rc::new(opened?);
        self.open.borrow_mut().push(Rc::clone(&connection));
        self.came.notify_one();
        let sender = connection.sender().ok_or_else(Fault::closing)?;
        Ok((Seat::new(connection, self, false), sender))
    }

    fn take(self: &Rc<Self>, opened_after: Option<Instant>) -> Option<(Seat, SendRequest<Bytes>)> {
        self.drop_stale();
        let mut open = self.open.borrow_mut();
        let mut closed = Vec::new();
        let taken = open.iter().find_map(|connection| {
            if !connection.has_room() || opened_after.is_some_and(|moment| connection.opened < moment) {
                return None;
            }
            let sender = connection.sender();
            if sender.is_none() {
                closed.push(Rc::clone(connection));
            }
            Some((Rc::clone(connection), sender?))
        });
        open.retain(|connection| !closed.iter().any(|closed| Rc::ptr_eq(closed, connection)));
        taken.map(|(connection, sender)| (Seat::new(connection, self, true), sender))
    }

    fn drop_stale(&self) {
        self.open.borrow_mut().retain(|connection| {
            let idle = connection.streams.get() == 0;
            let stale = connection.is_retired() || connection.idle_since.get().elapsed() > IDLE;
            !(idle && stale)
        });
    }

    /// Closes those that have been empty for too long, or whose upstream has moved, for as long as it is polled.
    pub(super) async fn tend(&self) {
        loop {
            self.came.notified().await;
            while !self.open.borrow().is_empty() {
                tokio::time::sleep(LOOK).await;
                self.drop_stale();
            }
        }
    }

    /// Lets go of an empty connection where another one has room.
    fn spare(&self, empty: &Rc<Connection>) {
        let mut open = self.open.borrow_mut();
        let another = |other: &Rc<Connection>| !Rc::ptr_eq(other, empty) && other.has_room();
        if empty.is_retired() || open.iter().any(another) {
            open.retain(|connection| !Rc::ptr_eq(connection, empty));
        }
    }
}

/// The place of one exchange on a connection, until nothing of it is under way.
pub(super) struct Seat {
    connection: Rc<Connection>,
    pool: Rc<Connections>,
    reused: bool,
}

impl Seat {
    fn new(connection: Rc<Connection>, pool: &Rc<Connections>, reused: bool) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        Self { connection, pool: Rc::clone(pool), reused }
    }

    /// Whether the connection was there before.
    pub(super) const fn is_reused(&self) -> bool {
        self.reused
    }

    /// Nothing else begins on this connection.
    pub(super) fn retire(&self) {
        self.connection.retire();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let left = self.connection.streams.get() - 1;
        self.connection.streams.set(left);
        if left == 0 {
            self.connection.idle_since.set(Instant::now());
            self.pool.spare(&self.connection);
        }
    }
}
