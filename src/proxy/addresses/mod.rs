//! The addresses of one upstream, as one worker knows them: each connection goes to the next one, and one that can't be
//! connected to is left out until it can.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::config::settings::{Upstream, UpstreamTarget};
use crate::tls::Outward;

mod health;
mod list;
mod resolution;
#[cfg(test)]
mod tests;
mod troubles;

pub(super) use list::Era;
use list::List;
use resolution::{Lookup, no_address, system};
pub use troubles::Troubles;

/// How old they may become while connections are in use, and no new one asks.
const OLD: Duration = Duration::from_secs(10);

/// How often it is looked whether something is due, while the upstream is in use.
const LOOK: Duration = Duration::from_secs(1);

/// Into so many parts the time for connecting is divided at most. With dozens of addresses a fair share of it would be too
/// short for one that is far away, or for one lost packet.
const PARTS: u32 = 4;

/// The addresses, and what is under way about them.
pub(super) struct Addresses {
    /// As logs call the upstream: `host:port`.
    upstream: String,
    connect_timeout: Duration,
    /// Its files may become others, and how often they had when that was looked at last.
    tls: Option<(Cell<usize>, Outward)>,
    /// `None`: there is nothing to resolve.
    lookup: Option<Lookup>,
    list: RefCell<List>,
    /// Since when an answer of the resolver is awaited.
    under_way: Cell<Option<Instant>>,
    answered: Notify,
    /// When the resolver was asked for what is known.
    asked: Cell<Option<Instant>>,
    /// Why it gave nothing the last time.
    unresolved: RefCell<Option<io::Error>>,
    /// A connection was wanted.
    wanted: Notify,
    troubles: Troubles,
}

impl Addresses {
    pub(super) fn new(upstream: &Upstream, troubles: Troubles) -> Rc<Self> {
        let limit = upstream.connect_timeout;
        let tls = upstream.tls.clone().map(|tls| (Cell::new(tls.changes()), tls));
        match &upstream.target {
            UpstreamTarget::Http { host, port, .. } => {
                let told = format!("{host}:{port}");
                match host.parse::<IpAddr>() {
                    Ok(address) => {
                        let addresses = Self::of(told, limit, tls, None, troubles);
                        addresses.list.borrow_mut().replace(vec![SocketAddr::new(address, *port)]);
                        addresses
                    }
                    Err(_) => Self::of(told, limit, tls, Some(system(host, *port)), troubles),
                }
            }
            UpstreamTarget::Unix(path) => Self::of(path.display().to_string(), limit, tls, None, troubles),
        }
    }

    fn of(
        upstream: String,
        limit: Duration,
        tls: Option<(Cell<usize>, Outward)>,
        lookup: Option<Lookup>,
        troubles: Troubles,
    ) -> Rc<Self> {
        let somewhere = usize::try_from(RandomState::new().hash_one(()) >> 33).unwrap_or_default();
        Rc::new(Self {
            upstream,
            connect_timeout: limit,
            tls,
            lookup,
            list: RefCell::new(List::new(somewhere)),
            under_way: Cell::default(),
            answered: Notify::new(),
            asked: Cell::default(),
            unresolved: RefCell::default(),
            wanted: Notify::new(),
            troubles,
        })
    }

    /// The era that a connection is opened in which goes elsewhere: to a Unix socket.
    pub(super) fn era(&self) -> Rc<Era> {
        self.list.borrow().era()
    }

    /// A connection to the address whose turn it is, else to another one. Each gets its share of the time, so that a silent
    /// one does not keep the next from being tried.
    pub(super) async fn connect(self: &Rc<Self>) -> io::Result<(TcpStream, Rc<Era>)> {
        let start = Instant::now();
        self.renew(start).await?;
        let (order, era) = {
            let mut list = self.list.borrow_mut();
            (list.order(), list.era())
        };
        self.wanted.notify_one();
        let mut untried = u32::try_from(order.len()).unwrap_or(u32::MAX);
        let mut last = no_address();
        for address in order {
            let left = self.connect_timeout.saturating_sub(start.elapsed());
            let share = left / untried.clamp(1, PARTS);
            untried -= 1;
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let era = self.lives(address, era);
                    stream.set_nodelay(true)?;
                    return Ok((stream, era));
                }
                Ok(Err(error)) => {
                    self.failed(address, &error);
                    last = error;
                }
                Err(_) => {
                    last = io::Error::new(io::ErrorKind::TimedOut, "connecting took too long");
                    // A shorter time than that says nothing about an address.
                    if share >= self.connect_timeout / (2 * PARTS) {
                        self.failed(address, &last);
                    }
                }
            }
        }
        Err(last)
    }

    /// Asks again while connections are in use, and probes what is left out, for as long as it is polled.
    pub(super) async fn tend(self: Rc<Self>) {
        if self.lookup.is_none() && self.tls.is_none() {
            return;
        }
        loop {
            self.wanted.notified().await;
            loop {
                tokio::time::sleep(LOOK).await;
                self.look_after(Instant::now()).await;
                if !self.list.borrow().is_in_use() {
                    break;
                }
            }
        }
    }

    async fn look_after(self: &Rc<Self>, now: Instant) {
        if let Some((seen, tls)) = &self.tls
            && seen.get() != tls.changes()
        {
            // A certificate that was taken back must not be shown, nor believed, for as long as there are requests.
            seen.set(tls.changes());
            self.list.borrow_mut().end_era();
        }
        if self.asked.get().is_some_and(|asked| now.duration_since(asked) >= OLD) {
            self.ask(now);
        }
        let due = self.list.borrow().due(now);
        futures_util::future::join_all(due.into_iter().map(|address| self.probe(address))).await;
    }

    async fn probe(&self, address: SocketAddr) {
        if let Ok(Ok(_)) = timeout(self.connect_timeout, TcpStream::connect(address)).await {
            self.lives(address, self.era());
        } else {
            self.list.borrow_mut().failed_again(address, Instant::now());
        }
    }

    fn failed(&self, address: SocketAddr, error: &io::Error) {
        if is_own(error) {
            return;
        }
        if self.list.borrow_mut().failed(address, Instant::now())
            && self.troubles.begins(self.trouble(address))
        {
            tracing::warn!(
                upstream = self.upstream,
                %address,
                %error,
                "an address of the upstream can't be connected to, and is left out until it can"
            );
        }
    }

    /// Gives the era that a connection to this address belongs to, which began to be opened in another one.
    fn lives(&self, address: SocketAddr, began: Rc<Era>) -> Rc<Era> {
        if !self.list.borrow_mut().lives(address) {
            return began;
        }
        if self.troubles.ends(&self.trouble(address)) {
            tracing::info!(upstream = self.upstream, %address, "an address of the upstream is back");
        }
        // It is one of the addresses, or it had not been left out.
        self.era()
    }

    fn trouble(&self, address: SocketAddr) -> String {
        format!("{} {address}", self.upstream)
    }
}

/// Whether the gate itself lacks what a connection takes: that says nothing about an address.
fn is_own(error: &io::Error) -> bool {
    let own = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| own.iter().any(|errno| errno.raw_os_error() == code))
}
