//! The addresses of a name, in which order the next connection tries them, and the era that they make. Pure.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use super::health::Health;

/// The time in which an upstream's addresses stay as they are. A connection that was opened in one that is over serves no
/// further request: its address may belong to somebody else by now, or one that has come since is to get its share.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Era {
    over: Cell<bool>,
}

impl Era {
    /// Whether the addresses are others now.
    pub(in crate::proxy) const fn is_over(&self) -> bool {
        self.over.get()
    }
}

/// The addresses, sorted: resolvers give the same ones in one order after another.
#[derive(Debug)]
pub(super) struct List {
    known: Vec<Known>,
    era: Rc<Era>,
    /// Which of the good ones is first for the next connection.
    turn: usize,
}

#[derive(Debug)]
struct Known {
    address: SocketAddr,
    health: Health,
}

impl List {
    /// None yet. `turn`: each worker begins somewhere else, or the first connections of all would have one address.
    pub(super) fn new(turn: usize) -> Self {
        Self { known: Vec::new(), era: Rc::default(), turn }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn all(&self) -> Vec<SocketAddr> {
        self.known.iter().map(|known| known.address).collect()
    }

    /// The era that a connection is opened in.
    pub(super) fn era(&self) -> Rc<Era> {
        Rc::clone(&self.era)
    }

    /// Whether a connection that was opened in this era is there, or becomes one.
    pub(super) fn is_in_use(&self) -> bool {
        Rc::strong_count(&self.era) > 1
    }

    /// These it is now; what is known of those that stay is kept. Gives those that went while they were left out, if
    /// anything has changed.
    pub(super) fn replace(&mut self, mut found: Vec<SocketAddr>) -> Option<Vec<SocketAddr>> {
        found.sort_unstable();
        found.dedup();
        if self.known.iter().map(|known| known.address).eq(found.iter().copied()) {
            return None;
        }
        if !self.known.is_empty() {
            self.end_era();
        }
        let before = std::mem::take(&mut self.known);
        let health = |address| before.iter().find(|known| known.address == address).map(|known| known.health);
        self.known = found
            .into_iter()
            .map(|address| Known { address, health: health(address).unwrap_or_default() })
            .collect();
        let went = |known: &&Known| known.health.is_out() && self.find(known.address).is_none();
        Some(before.iter().filter(went).map(|known| known.address).collect())
    }

    /// In which order the next connection tries them: the good ones by turns, then those that are left out. These are tried
    /// only where no other answers, and then they are all there is.
    pub(super) fn order(&mut self) -> Vec<SocketAddr> {
        let of = |out: bool| {
            let fitting = self.known.iter().filter(move |known| known.health.is_out() == out);
            fitting.map(|known| known.address).collect::<Vec<_>>()
        };
        let (mut good, out) = (of(false), of(true));
        if let Some(first) = self.turn.checked_rem(good.len()) {
            good.rotate_left(first);
        }
        self.turn = self.turn.wrapping_add(1);
        good.extend(out);
        good
    }

    /// A request could not connect to this one. Whether it is left out from now on: never the only one.
    pub(super) fn failed(&mut self, address: SocketAddr, now: Instant) -> bool {
        self.known.len() > 1 && self.find_mut(address).is_some_and(|known| known.health.failed(now))
    }

    /// A probe of this one has failed.
    pub(super) fn failed_again(&mut self, address: SocketAddr, now: Instant) {
        if let Some(known) = self.find_mut(address) {
            known.health.failed_again(now);
        }
    }

    /// This one can be connected to. Whether it was left out; then all connections are opened anew, one after the other as
    /// they become free, or it would get nothing for as long as the others' are busy.
    pub(super) fn lives(&mut self, address: SocketAddr) -> bool {
        let back = self.find_mut(address).is_some_and(|known| known.health.lives());
        if back {
            self.end_era();
        }
        back
    }

    /// Those that ought to be probed.
    pub(super) fn due(&self, now: Instant) -> Vec<SocketAddr> {
        self.known.iter().filter(|known| known.health.is_due(now)).map(|known| known.address).collect()
    }

    pub(super) fn end_era(&mut self) {
        std::mem::take(&mut self.era).over.set(true);
    }

    fn find(&self, address: SocketAddr) -> Option<&Known> {
        self.known.iter().find(|known| known.address == address)
    }

    fn find_mut(&mut self, address: SocketAddr) -> Option<&mut Known> {
        self.known.iter_mut().find(|known| known.address == address)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(number: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, number], 80))
    }

    fn list(numbers: &[u8]) -> List {
        let mut list = List::new(0);
        list.replace(numbers.iter().copied().map(address).collect());
        list
    }

    #[test]
    fn the_good_ones_take_turns_and_what_is_left_out_comes_last() {
        let mut list = list(&[1, 2, 3]);
        let orders = [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]];
        for order in orders {
            assert_eq!(list.order(), order.map(address));
        }
        let now = Instant::now();
        assert!(list.failed(address(1), now));
        for order in [[2, 3, 1], [3, 2, 1]] {
            assert_eq!(list.order(), order.map(address));
        }
        list.failed(address(2), now);
        list.failed(address(3), now);
        assert_eq!(list.order(), [1, 2, 3].map(address), "all are dead: all are tried");
    }

    #[test]
    fn the_only_address_is_never_left_out() {
        let mut list = list(&[1]);
        let now = Instant::now();
        assert!(!list.failed(address(1), now));
        assert_eq!(list.due(now + Duration::from_mins(1)), []);
    }

    #[test]
    fn the_era_ends_when_the_addresses_change_and_not_when_their_order_does() {
        let mut list = List::new(0);
        let first = list.era();
        list.replace(vec![address(1), address(2)]);
        assert!(!first.is_over(), "there was nothing before");
        assert_eq!(list.replace(vec![address(2), address(1), address(2)]), None);
        assert!(!first.is_over() && list.is_in_use());
        assert_eq!(list.replace(vec![address(2), address(3)]), Some(vec![]));
        assert!(first.is_over() && !list.era().is_over());
        assert!(!list.is_in_use(), "connections of another era don't count");
    }

    #[test]
    fn the_era_ends_when_an_address_comes_back_or_it_would_get_nothing() {
        let mut list = list(&[1, 2]);
        let era = list.era();
        assert!(!list.lives(address(1)) && !era.is_over(), "it was not away");
        list.failed(address(1), Instant::now());
        assert!(!era.is_over(), "the others' connections stay");
        assert!(list.lives(address(1)) && era.is_over());
    }

    #[test]
    fn what_is_known_of_an_address_stays_as_long_as_it_does() {
        let mut list = list(&[1, 2, 3]);
        let now = Instant::now();
        list.failed(address(1), now);
        list.failed(address(2), now);
        assert_eq!(list.replace(vec![address(2), address(3), address(4)]), Some(vec![address(1)]));
        assert_eq!(list.order().last(), Some(&address(2)));
        list.replace([1, 2, 3].map(address).into());
        assert_eq!(list.due(now + Duration::from_secs(1)), [address(2)], "1 is a new one");
    }
}
