//! The HTTP/2 connections of one worker, and the seats on them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::{Mutex, Notify};

use super::connection::Connection;
use crate::proxy::fault::Fault;
use crate::proxy::place::{Opened, Place};
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
    /// Whether the upstream agreed to no more than HTTP/1.1 when it was asked last. Then nobody waits for anybody: a
    /// connection carries one request. It is asked with each new connection, so that this follows what it does.
    agrees_to_http1: Cell<bool>,
    /// One was opened.
    came: Notify,
}

impl Connections {
    /// Whether the upstream agreed to no more than HTTP/1.1 when it was asked last.
    pub(super) const fn agree_to_http1(&self) -> bool {
        self.agrees_to_http1.get()
    }

    /// A seat on a connection that has room and was opened after a moment, if one is named; else a place on a new one.
    pub(super) async fn place<F>(
        self: &Rc<Self>,
        opened_after: Option<Instant>,
        open: impl FnOnce() -> F,
    ) -> Result<Place, Fault>
    where
        F: Future<Output = Result<Opened, Fault>>,
    {
        if let Some(seat) = self.take(opened_after) {
            return Ok(seat);
        }
        if !self.agrees_to_http1.get() {
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
            if !self.agrees_to_http1.get() {
                let opened = open().await;
                self.attempts.set(self.attempts.get() + 1);
                self.failed.replace(opened.as_ref().err().cloned());
                return self.occupy(opened?);
            }
        }
        self.occupy(open().await?)
    }

    /// A place on what has just been opened.
    fn occupy(self: &Rc<Self>, opened: Opened) -> Result<Place, Fault> {
        self.agrees_to_http1.set(matches!(opened, Opened::Http1(_)));
        match opened {
            Opened::Http1(sender) => Ok(Place::Own { sender, reused: false }),
            Opened::Http2(connection) => {
                let connection = Rc::new(connection);
                self.open.borrow_mut().push(Rc::clone(&connection));
                self.came.notify_one();
                let sender = connection.sender().ok_or_else(Fault::closing)?;
                Ok(Place::Stream(Seat::new(connection, self, false), sender))
            }
        }
    }

    fn take(self: &Rc<Self>, opened_after: Option<Instant>) -> Option<Place> {
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
        taken.map(|(connection, sender)| Place::Stream(Seat::new(connection, self, true), sender))
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
pub(in crate::proxy) struct Seat {
    connection: Rc<Connection>,
    pool: Rc<Connections>,
    reused: bool,
}

impl Seat {
    fn new(connection: Rc<Connection>, pool: &Rc<Connections>, reused: bool) -> Self {
        connection.begin();
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
