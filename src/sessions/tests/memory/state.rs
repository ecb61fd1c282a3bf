//! What the store in memory holds.

use std::collections::BTreeMap;

use crate::store::{KeptLimit, Order, Session, SigningKey, User};
use crate::types::{SessionId, Timestamp, UserId};

#[derive(Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<UserId, User>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) revoked: BTreeMap<SessionId, Timestamp>,
    pub(super) outdated: BTreeMap<UserId, Timestamp>,
    pub(super) changes: u64,
    /// Oldest first.
    pub(super) keys: Vec<SigningKey>,
    pub(super) limits: BTreeMap<(u8, [u8; KeptLimit::KEY]), KeptLimit>,
}

impl State {
    pub(super) fn lives(&self, user: UserId) -> bool {
        self.sessions.values().any(|session| session.user == user)
    }

    pub(super) fn next_order(&mut self) -> Order {
        self.changes += 1;
        Order { write: self.changes, place: 0 }
    }

    pub(super) fn end(&mut self, id: SessionId, until: Timestamp) -> bool {
        let ended = self.sessions.remove(&id).is_some();
        if ended {
            self.revoked.insert(id, until);
        }
        ended
    }

    pub(super) fn end_of(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        until: Timestamp,
    ) -> Vec<SessionId> {
        let of_user = self.sessions.values().filter(|session| session.user == user).map(|session| session.id);
        let ended: Vec<_> = of_user.filter(|id| Some(*id) != except).collect();
        for id in &ended {
            self.end(*id, until);
        }
        ended
    }
}
