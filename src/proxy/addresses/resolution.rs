//! A name's addresses are asked for again: by a new connection when they are not fresh, and from time to time. One question at a
//! time, whoever waits for it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{Addresses, PARTS};

/// How old the addresses may be for a new connection. A burst of them asks once; a name that has moved is met soon.
const FRESH: Duration = Duration::from_secs(5);

/// How long a new connection waits for the resolver where there are addresses from before: what answers at all does so
/// within that, and where nobody answers, requests should not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks the resolver.
pub(super) type Lookup = Box<dyn Fn() -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>>>>>;

impl Addresses {
    /// Sees to it that the addresses are fresh, or at least that there are some.
    pub(super) async fn renew(self: &Rc<Self>, now: Instant) -> io::Result<()> {
        let none = self.list.borrow().is_empty();
        let fresh = self.asked.get().is_some_and(|asked| now.saturating_duration_since(asked) < FRESH);
        if self.lookup.is_none() || (fresh && !none) {
            return Ok(());
        }
        let since = self.ask(now);
        if !none {
            // Where it takes longer, what there is has to do, and whoever comes later does not wait either.
            let patience = PATIENCE.min(self.connect_timeout / PARTS);
            let left = patience.saturating_sub(now.saturating_duration_since(since));
            let _ = timeout(left, self.answer()).await;
            return Ok(());
        }
        self.answer().await;
        match &*self.unresolved.borrow() {
            Some(error) if self.list.borrow().is_empty() => {
                Err(io::Error::new(error.kind(), error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Asks the resolver, in a task of its own: whoever waits may leave, and what comes is of use to the next one. Once at a
    /// time; gives since when.
    pub(super) fn ask(self: &Rc<Self>, now: Instant) -> Instant {
        if let Some(since) = self.under_way.get() {
            return since;
        }
        self.under_way.set(Some(now));
        let this = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let found = match &this.lookup {
                Some(lookup) => lookup().await,
                None => Err(no_address()),
            };
            this.under_way.set(None);
            this.asked.set(Some(now));
            match found {
                Ok(found) if found.is_empty() => this.not_resolved(no_address()),
                Ok(found) => this.resolved(found),
                Err(error) => this.not_resolved(error),
            }
            this.answered.notify_waiters();
        });
        now
    }

    pub(super) async fn answer(&self) {
        while self.under_way.get().is_some() {
            self.answered.notified().await;
        }
    }

    fn resolved(&self, found: Vec<SocketAddr>) {
        if self.unresolved.take().is_some() && self.troubles.ends(&self.upstream) {
            tracing::info!(upstream = self.upstream, "the name of the upstream is resolved again");
        }
        let Some(gone) = self.list.borrow_mut().replace(found) else { return };
        tracing::debug!(upstream = self.upstream, addresses = ?self.list.borrow().all(), "the upstream's addresses");
        for gone in gone {
            self.troubles.ends(&self.trouble(gone));
        }
    }

    fn not_resolved(&self, error: io::Error) {
        let before = self.unresolved.replace(Some(error));
        // Without any address, each request says by itself why it failed.
        if let Some(error) = &*self.unresolved.borrow()
            && before.is_none()
            && self.troubles.begins(self.upstream.clone())
            && !self.list.borrow().is_empty()
        {
            tracing::warn!(
                upstream = self.upstream,
                %error,
                "the name of the upstream can't be resolved; the addresses that it had are used until it can"
            );
        }
    }
}

/// Through the system: `/etc/hosts`, DNS, search domains.
pub(super) fn system(host: &str, port: u16) -> Lookup {
    let host: Rc<str> = host.into();
    Box::new(move || {
        let host = Rc::clone(&host);
        Box::pin(async move { Ok(tokio::net::lookup_host((&*host, port)).await?.collect()) })
    })
}

pub(super) fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}
