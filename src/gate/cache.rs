//! Tokens that this worker has verified: keyed by the whole token, bounded, and never more than a saved
//! signature check.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use http::HeaderValue;
use quick_cache::UnitWeighter;
use quick_cache::unsync;

use super::rules::Roles;
use crate::config::settings::Particulars;
use crate::sessions::{Issued, Revocations, Says};
use crate::store::Generation;
use crate::tokens::AccessClaims;
use crate::types::{Role, SessionId, Timestamp, UserId};
use crate::web::header_text;

/// What the upstream is told besides the user's number and roles.
#[derive(Clone, Copy)]
pub(super) struct Tells {
    pub(super) particulars: Particulars,
    pub(super) token: bool,
}

/// What a verified token says, in the form in which the upstream is told.
pub(super) struct Known {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) generation: Generation,
    pub(super) expires: Timestamp,
    pub(super) user_id: HeaderValue,
    pub(super) roles: HeaderValue,
    /// Their address, where the upstream is told that, too.
    pub(super) email: Option<Told>,
    /// Their name, likewise.
    pub(super) username: Option<Told>,
    /// Whether their address is proven, where that is asked for.
    pub(super) verified: Option<bool>,
    /// The token itself, where the upstream is told that, too.
    pub(super) token: Option<HeaderValue>,
    /// The state of the revocations that it was last compared with.
    pub(super) epoch: Cell<Option<u64>>,
    /// The version of the keys that it was last verified under.
    pub(super) keys: Cell<u64>,
}

/// A text that the upstream is told, as the token says it and as it is told.
pub(super) struct Told {
    text: Box<str>,
    pub(super) value: HeaderValue,
}

impl Told {
    fn new(text: &str) -> Self {
        Self { text: text.into(), value: header_text::encoded(text) }
    }
}

impl Known {
    pub(super) fn of_claims(claims: &AccessClaims, token: Option<&str>, keys: u64) -> Self {
        Self {
            user: claims.user,
            session: claims.session,
            generation: claims.generation,
            expires: Timestamp::from_secs(claims.expires),
            user_id: HeaderValue::from(claims.user.number()),
            roles: roles_value(&claims.roles),
            email: claims.email.as_deref().map(Told::new),
            username: claims.username.as_deref().map(Told::new),
            verified: claims.verified,
            token: token.and_then(secret_value),
            epoch: Cell::new(None),
            keys: Cell::new(keys),
        }
    }

    /// Whether its user has the roles that are needed.
    pub(super) fn meets(&self, needed: &Roles<'_>) -> bool {
        let held = self.roles.to_str().unwrap_or_default();
        needed.are_met_by(|role| held.split(',').any(|name| name == role.as_str()))
    }

    pub(super) fn of_renewed(issued: &Issued, tells: Tells, epoch: u64) -> Self {
        let user = &issued.user;
        Self {
            user: user.id,
            session: issued.session.id,
            generation: issued.session.generation,
            expires: issued.session.expires,
            user_id: HeaderValue::from(user.id.number()),
            roles: roles_value(&user.roles),
            email: tells.particulars.email.then(|| Told::new(user.email.as_str())),
            username: tells.particulars.username.then(|| Told::new(user.username.as_str())),
            verified: tells.particulars.verified.then_some(user.email_verified),
            token: if tells.token { secret_value(issued.access.token.reveal()) } else { None },
            epoch: Cell::new(Some(epoch)),
            // For one request alone: it is never looked up again.
            keys: Cell::new(0),
        }
    }
}

impl Known {
    /// Whether its user still has to prove their address before anything is open to them.
    pub(super) fn is_unproven(&self) -> bool {
        self.verified == Some(false)
    }

    /// Whether something that the token says of its user is another since it was made.
    pub(super) fn is_outdated(&self, revocations: &Revocations) -> bool {
        self.says().is_none_or(|says| revocations.is_outdated(self.user, says))
    }

    /// Whether its user may do something else than when the token was made.
    pub(super) fn has_other_rights(&self, revocations: &Revocations) -> bool {
        self.says().is_none_or(|says| revocations.has_other_rights(self.user, says))
    }

    fn says(&self) -> Option<Says<'_>> {
        let email = self.email.as_ref().map(|told| &*told.text);
        let username = self.username.as_ref().map(|told| &*told.text);
        // Roles are visible ASCII; were they not, nobody would have these.
        self.roles.to_str().ok().map(|roles| Says { roles, email, username, verified: self.verified })
    }
}

/// A value that no log of headers shows.
fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn roles_value(roles: &[Role]) -> HeaderValue {
    HeaderValue::try_from(Role::joined(roles)).expect("roles are visible ASCII")
}

/// The cache. 16,384 entries of about 700 bytes: 11 MiB when a worker has that many people online.
pub(super) struct Cache {
    entries: RefCell<unsync::Cache<Box<str>, Rc<Known>, UnitWeighter, foldhash::fast::RandomState>>,
}

impl Cache {
    const CAPACITY: usize = 16_384;

    pub(super) fn new() -> Self {
        let capacity = Self::CAPACITY;
        let entries = unsync::Cache::with(
            capacity,
            capacity as u64,
            UnitWeighter,
            foldhash::fast::RandomState::default(),
            unsync::DefaultLifecycle::default(),
        );
        Self { entries: RefCell::new(entries) }
    }

    pub(super) fn get(&self, token: &str) -> Option<Rc<Known>> {
        self.entries.borrow().get(token).cloned()
    }

    pub(super) fn keep(&self, token: &str, known: &Rc<Known>) {
        self.entries.borrow_mut().insert(token.into(), Rc::clone(known));
    }

    pub(super) fn forget(&self, token: &str) {
        self.entries.borrow_mut().remove(token);
    }
}
