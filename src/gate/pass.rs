//! The permit: who has one may forward one request. Only the gate makes them.

use std::rc::Rc;

use http::HeaderValue;

use super::Lifeline;
use super::cache::Known;
use crate::sessions::Revocations;
use crate::store::Generation;
use crate::types::{SessionId, UserId};

/// A permit for one request. It can't be made outside of the gate, nor copied.
pub struct Pass {
    known: Rc<Known>,
    first_seen: Option<Generation>,
    revocations: Rc<Revocations>,
}

impl Pass {
    pub(super) const fn new(
        known: Rc<Known>,
        first_seen: Option<Generation>,
        revocations: Rc<Revocations>,
    ) -> Self {
        Self { known, first_seen, revocations }
    }

    /// Whose request it is.
    pub fn user(&self) -> UserId {
        self.known.user
    }

    /// In which session.
    pub fn session(&self) -> SessionId {
        self.known.session
    }

    /// The pair of tokens whose access token was presented to this worker for the first time: the session has
    /// to know (contract section 5, reuse of refresh tokens).
    pub const fn first_seen(&self) -> Option<Generation> {
        self.first_seen
    }

    /// The session as the request's body, answer or tunnel holds on to it.
    pub fn lifeline(&self) -> Lifeline {
        Lifeline::new(Rc::clone(&self.known), Rc::clone(&self.revocations))
    }

    pub(super) fn user_id_value(&self) -> HeaderValue {
        self.known.user_id.clone()
    }

    pub(super) fn roles_value(&self) -> HeaderValue {
        self.known.roles.clone()
    }

    pub(super) fn token_value(&self) -> Option<HeaderValue> {
        self.known.token.clone()
    }
}
