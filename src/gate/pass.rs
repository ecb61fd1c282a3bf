//! The permit: who has one may forward one request. Only the gate makes them.

use std::rc::Rc;

use http::Uri;
use http::uri::PathAndQuery;

use super::Lifeline;
use super::cache::Known;
use crate::sessions::Revocations;
use crate::store::Generation;
use crate::types::{SessionId, UserId};

/// A permit for one request. It can't be made outside of the gate, nor copied.
pub struct Pass {
    bearer: Option<Bearer>,
    way: Way,
    hides_bearer: bool,
}

/// Where a request goes, by the rule that decided over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Which upstream: 0 is `[upstream]`, n the one at n - 1 among `Settings::upstreams`.
    pub upstream: usize,
    /// How many bytes its path loses at the beginning: whole segments that it begins with.
    pub stripped: usize,
}

impl Way {
    /// What is asked for there of a target: a slash if it needs one, and the rest, byte for byte.
    pub fn target(self, asked: &Uri) -> (&'static str, &str) {
        let target = asked.path_and_query().map_or("/", PathAndQuery::as_str);
        let rest = target.get(self.stripped..).unwrap_or_default();
        (if self.stripped > 0 && !rest.starts_with('/') { "/" } else { "" }, rest)
    }
}

/// Whose request it is, where a rule asks for that.
struct Bearer {
    known: Rc<Known>,
    first_seen: Option<Generation>,
    revocations: Rc<Revocations>,
}

impl Pass {
    pub(super) const fn new(
        known: Rc<Known>,
        first_seen: Option<Generation>,
        revocations: Rc<Revocations>,
        way: Way,
        hides_bearer: bool,
    ) -> Self {
        Self { bearer: Some(Bearer { known, first_seen, revocations }), way, hides_bearer }
    }

    /// The permit of a request that a rule opens for everybody: the upstream is told of nobody.
    pub(super) const fn nobodys(way: Way, hides_bearer: bool) -> Self {
        Self { bearer: None, way, hides_bearer }
    }

    /// Whether `Authorization` holds a token of the gate's own, which has to be kept from the upstream.
    pub const fn hides_bearer(&self) -> bool {
        self.hides_bearer
    }

    /// Where it goes.
    pub const fn way(&self) -> Way {
        self.way
    }

    /// Whose request it is.
    pub fn user(&self) -> Option<UserId> {
        self.bearer.as_ref().map(|bearer| bearer.known.user)
    }

    /// The pair of tokens whose access token was presented to this worker for the first time: its session has to know
    /// (contract section 5, reuse of refresh tokens).
    pub fn first_seen(&self) -> Option<(SessionId, Generation)> {
        let bearer = self.bearer.as_ref()?;
        bearer.first_seen.map(|generation| (bearer.known.session, generation))
    }

    /// The session as the request's body, answer or tunnel holds on to it; nobody's hold on to none.
    pub fn lifeline(&self) -> Option<Lifeline> {
        let bearer = self.bearer.as_ref()?;
        Some(Lifeline::new(Rc::clone(&bearer.known), Rc::clone(&bearer.revocations)))
    }

    /// What is known of the user, for what the upstream is told.
    pub(super) fn known(&self) -> Option<&Known> {
        self.bearer.as_ref().map(|bearer| &*bearer.known)
    }
}
