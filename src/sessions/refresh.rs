//! Renews a session by its refresh token: verify, read the record, decide, and try again where another request was first.

use std::net::IpAddr;

use super::rotation::{self, Step};
use super::{Issued, Sessions};
use crate::audit::Event;
use crate::store::{Generation, Rotated, Session, StoreError, User};
use crate::tokens::{RefreshClaims, TokenFault, TokensError};
use crate::types::{Secret, SessionId, Timestamp, UserId};

/// After losing a race the token is an older one and is answered without a write, so that the second round
/// is the last; a third says that the store contradicts itself.
const ROUNDS: usize = 3;

/// Why a session was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token's time is over.
    #[error("the refresh token has expired")]
    Expired,
    /// The token is not one of ours.
    #[error("not a refresh token of this gate: {0}")]
    Invalid(&'static str),
    /// The token was used by somebody else before; the session has been ended and the event noted.
    #[error("a rotated refresh token was used again")]
    Replayed {
        /// The session that was.
        session: SessionId,
        /// Whose it was.
        user: UserId,
    },
    /// The session has ended, or its user may not sign in any more.
    #[error("the session has ended")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The new tokens could not be made.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

/// A session, by the refresh token that was presented.
enum Held {
    /// It is the current one.
    Current(Session, User),
    /// It was rotated, and is still answered.
    Older(Session, User),
}

impl From<TokenFault> for RefreshError {
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::Expired => Self::Expired,
            TokenFault::Invalid(why) => Self::Invalid(why),
        }
    }
}

impl Sessions {
    /// A new pair for the holder of a session's refresh token, under the same conditions as at sign-in. `from`: where
    /// they are, for the audit log.
    pub async fn refresh(&self, refresh_token: &str, from: Option<IpAddr>) -> Result<Issued, RefreshError> {
        let now = self.0.clock.now();
        let claims = self.0.tokens.verify_refresh(refresh_token, now)?;
        for _ in 0..ROUNDS {
            match self.held(&claims, from, now).await? {
                Held::Current(record, _) => {
                    if let Some(issued) = self.rotate(&record, now).await? {
                        return Ok(issued);
                    }
                }
                Held::Older(record, user) => return Ok(self.issue(record, user, now)?),
            }
        }
        Err(StoreError::Damaged("a session that changes whenever it is read".to_owned()).into())
    }

    /// A new access token alone, for the holder of a session's refresh token, whom no new one may reach. Nothing rotates:
    /// the refresh token in what is given back is the one that was presented, and the access token belongs to its pair. Were
    /// it the current pair's, its first use would make a replay of a refresh token that is all its holder has.
    pub async fn renew_access(
        &self,
        refresh_token: &str,
        from: Option<IpAddr>,
    ) -> Result<Issued, RefreshError> {
        let now = self.0.clock.now();
        let claims = self.0.tokens.verify_refresh(refresh_token, now)?;
        let (Held::Current(record, user) | Held::Older(record, user)) = self.held(&claims, from, now).await?;
        // From now on the refresh token before this one is a stolen one (contract section 5).
        if let Err(error) = self.note_presented(claims.session, claims.generation).await {
            tracing::warn!(%error, "the use of a refresh token could not be noted");
        }
        let session = Session { generation: claims.generation, ..record };
        let access = self.0.tokens.mint_access(&session, &user, now)?;
        let refresh_lifetime = session.expires.since(now);
        let refresh = Secret::new(refresh_token.to_owned());
        Ok(Issued { user, session, at: now, access, refresh, refresh_lifetime })
    }

    /// The session of a genuine refresh token that may be renewed by it, with all that a sign-in checks. A replay ends
    /// the session.
    async fn held(
        &self,
        claims: &RefreshClaims,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Held, RefreshError> {
        let Some((record, user)) = self.0.store.session(claims.session).await? else {
            return Err(RefreshError::Gone);
        };
        if !user.active || record.user != claims.user || record.expires <= now {
            return Err(RefreshError::Gone);
        }
        match rotation::decide(&record, claims.generation, now) {
            Step::Rotate => Ok(Held::Current(record, user)),
            Step::Repeat => Ok(Held::Older(record, user)),
            Step::Replay => Err(self.replayed(claims.session, claims.user, from).await?),
            Step::Unknown => Err(RefreshError::Invalid("the session never came this far")),
        }
    }

    /// The pair for an answer whose head comes now, though the session was renewed when its request came: the same pair,
    /// with an access token that is good from now on. `None` where the session has moved on or ended meanwhile: its
    /// browser has newer cookies then, and older ones in their place would look like a thief's when they are used.
    pub async fn still_current(&self, issued: Issued) -> Option<Issued> {
        let now = self.0.clock.now();
        let found = self.0.store.session(issued.session.id).await;
        let (record, user) = found.unwrap_or_else(|error| {
            // The cookies that the browser has are answered with the current pair when they come back.
            tracing::warn!(%error, "a renewed session could not be looked at again");
            None
        })?;
        if record.generation != issued.session.generation || !user.active || record.expires <= now {
            return None;
        }
        if issued.at.secs() == now.secs() {
            return Some(issued);
        }
        let again = self.issue(record, user, now);
        again
            .map_err(|error| tracing::warn!(%error, "a late answer keeps its older access token"))
            .ok()
            .or(Some(issued))
    }

    /// `None`: another request was first.
    async fn rotate(&self, record: &Session, now: Timestamp) -> Result<Option<Issued>, RefreshError> {
        let from: Generation = record.generation;
        let next = rotation::renewed(record, self.0.lifetimes, now);
        // Only when `session_ttl` was made shorter since the record was written.
        if next.expires <= now {
            return Err(RefreshError::Expired);
        }
        match self.0.store.rotate(from, next.clone()).await? {
            Rotated::Done(user) => {
                self.0.presented.insert(next.id, from);
                Ok(Some(self.issue(next, user, now)?))
            }
            Rotated::Moved(_) => Ok(None),
            Rotated::Gone => Err(RefreshError::Gone),
        }
    }

    async fn replayed(
        &self,
        session: SessionId,
        user: UserId,
        address: Option<IpAddr>,
    ) -> Result<RefreshError, StoreError> {
        let ended = self.end(session).await;
        // One line for each theft: parallel replays find it ended. Written even if the store failed, for the
        // session is over in memory then.
        if !matches!(ended, Ok(false)) {
            self.0.audit.note(Event::RefreshReplayed { uid: user, session, address }, self.0.clock.now());
        }
        ended?;
        Ok(RefreshError::Replayed { session, user })
    }

    /// The session's current pair.
    pub(super) fn issue(&self, session: Session, user: User, now: Timestamp) -> Result<Issued, TokensError> {
        let access = self.0.tokens.mint_access(&session, &user, now)?;
        let refresh = self.0.tokens.mint_refresh(&session)?;
        let refresh_lifetime = session.expires.since(now);
        Ok(Issued { user, session, at: now, access, refresh, refresh_lifetime })
    }
}
