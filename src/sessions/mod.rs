//! Sessions: started by a sign-in, renewed by a refresh token, ended by whoever may, and the end made known
//! to all workers before anybody is told of it.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::Audit;
use crate::config::settings;
use crate::store::{Generation, Revoked, Seen, Session, Started, Store, StoreError, User};
use crate::tokens::{Minted, Tokens, TokensError};
use crate::types::{Clock, Secret, SessionId, Timestamp, UserId};

mod administration;
pub mod keys;
mod own;
mod presented;
mod refresh;
mod reset;
mod revocation;
pub mod rotation;
mod sweep;

pub use keys::RotateError;
pub use own::Actor;
use presented::Presented;
pub use refresh::RefreshError;
pub use revocation::{Revocations, Says};
use rotation::Lifetimes;

/// How much longer than its last access token a revocation is remembered: another node's clock may be behind,
/// by as much as its tokens' `iat` may be ahead, and times are cut to seconds.
const REMEMBER_SLACK: Duration = Duration::from_secs(61);
/// How often a session is started whose user's roles change at that very moment: each round is one change.
const START_ROUNDS: usize = 8;
/// The most that is kept of a browser's name for itself, in bytes.
const MAX_AGENT: usize = 256;

/// All sessions of one database. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    tokens: Tokens,
    clock: Clock,
    audit: Audit,
    lifetimes: Lifetimes,
    access_ttl: Duration,
    revocations: Revocations,
    presented: Presented,
    /// Held from a change of the signing keys to its publication: two changes are published as they were made.
    rotating: tokio::sync::Mutex<()>,
}

/// Where a session is started from.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The client's address, as far as it is known.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: String,
}

/// A session's current pair of tokens.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its user, as they are now.
    pub user: User,
    /// Its record.
    pub session: Session,
    /// When the access token was made.
    pub at: Timestamp,
    /// A new access token.
    pub access: Minted,
    /// Its refresh token.
    pub refresh: Secret<String>,
    /// How long the refresh token is valid.
    pub refresh_lifetime: Duration,
}

/// Why a session was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The user was disabled or removed meanwhile.
    #[error("the user is gone")]
    UserGone,
    /// The user's password is another one than the one that was verified.
    #[error("the user's password changed meanwhile")]
    PasswordChanged,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tokens could not be made.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

impl Sessions {
    /// Reads what is revoked or out of date before it returns, so that no request is let in on a session that has
    /// ended, nor with roles that were taken away.
    pub async fn open(
        store: Arc<dyn Store>,
        tokens: Tokens,
        clock: Clock,
        settings: &settings::Tokens,
        audit: Audit,
    ) -> Result<Self, StoreError> {
        let revocations = Revocations::default();
        revocations.publish(store.revoked(clock.now()).await?);
        revocations.publish_outdated(store.outdated(clock.now()).await?);
        Ok(Self(Arc::new(Inner {
            store,
            tokens,
            clock,
            audit,
            lifetimes: Lifetimes { idle: settings.refresh_ttl, absolute: settings.session_ttl },
            access_ttl: settings.access_ttl,
            revocations,
            presented: Presented::new(),
            rotating: tokio::sync::Mutex::new(()),
        })))
    }

    /// Starts a session for a user as they were seen, and ends the one that it replaces in that browser, and what they
    /// have beyond [`crate::store::MOST_SESSIONS`]. Where they changed meanwhile, its tokens say how they are at present.
    pub async fn start(
        &self,
        user: &User,
        device: Device,
        replaces: Option<SessionId>,
    ) -> Result<Issued, StartError> {
        let now = self.0.clock.now();
        let session = Session {
            id: self.0.tokens.new_session_id(user.id),
            user: user.id,
            started: now,
            generation: 1,
            issued: now,
            expires: self.0.lifetimes.end(now, now),
            presented: Vec::new(),
            address: device.address,
            agent: cut(device.agent, MAX_AGENT),
        };
        let mut user = user.clone();
        for _ in 0..START_ROUNDS {
            // Before the commit, so that a session whose tokens can't be made leaves no trace.
            let issued = self.issue(session.clone(), user.clone(), now)?;
            match self.commit_start(session.clone(), Seen::of(&user), replaces).await? {
                Started::Live { .. } => return Ok(issued),
                Started::UserGone => return Err(StartError::UserGone),
                Started::Changed(present) if present.password == user.password => user = *present,
                Started::Changed(_) => return Err(StartError::PasswordChanged),
            }
        }
        Err(StoreError::Damaged("a user who changes whenever they are read".to_owned()).into())
    }

    async fn commit_start(
        &self,
        session: Session,
        seen: Seen,
        replaces: Option<SessionId>,
    ) -> Result<Started, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let until = this.remember_until();
            let started = this.0.store.start_session(session, seen, replaces, until).await?;
            if let Started::Live { ended } = &started {
                this.publish(ended.iter().copied().chain(replaces), until);
            }
            Ok(started)
        })
        .await
    }

    /// Ends a session: the very next request with its access token is refused. False: there was none.
    ///
    /// When the store fails the session is over in memory all the same, and the error tells that it may be
    /// back after a restart.
    pub async fn end(&self, session: SessionId) -> Result<bool, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let until = this.remember_until();
            let ended = this.0.store.end_session(session, until).await;
            if !matches!(ended, Ok(false)) {
                this.publish([session], until);
            }
            ended
        })
        .await
    }

    /// Ends all sessions of a user save one, as [`Self::end`] does; gives how many.
    pub async fn end_all(&self, user: UserId, except: Option<SessionId>) -> Result<usize, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let until = this.remember_until();
            match this.0.store.end_sessions_of(user, except, until).await {
                Ok(ended) => {
                    this.publish(ended.iter().copied(), until);
                    Ok(ended.len())
                }
                Err(error) => {
                    this.publish_all_of(user, except, until).await;
                    Err(error)
                }
            }
        })
        .await
    }

    /// Lets a user in, or keeps them out and ends their sessions, as [`Self::end`] does. `None`: no such user.
    pub async fn set_active(&self, user: UserId, active: bool) -> Result<Option<()>, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let until = this.remember_until();
            match this.0.store.set_active(user, active, this.0.clock.now(), until).await {
                Ok(ended) => Ok(ended.map(|ended| this.publish(ended, until))),
                Err(error) => {
                    if !active {
                        this.publish_all_of(user, None, until).await;
                    }
                    Err(error)
                }
            }
        })
        .await
    }

    /// Notes that a pair's access token has been seen, from when on its predecessor's grace runs. Meant to be
    /// called whenever a worker meets an access token for the first time: it asks the store at most once for each pair.
    pub async fn note_presented(&self, session: SessionId, generation: Generation) -> Result<(), StoreError> {
        // The first pair has no predecessor.
        if generation <= 1 || !self.0.presented.insert(session, generation) {
            return Ok(());
        }
        let (this, at) = (self.clone(), self.0.clock.now());
        to_the_end(async move {
            let noted = this.0.store.note_presented(session, generation, at).await;
            if noted.is_err() {
                this.0.presented.remove(session, generation);
            }
            noted
        })
        .await
    }

    /// The sessions that genuine tokens name, though their time may be over: what a sign-out ends and a sign-in replaces.
    pub fn session_of(&self, access: Option<&str>, refresh: Option<&str>) -> Vec<SessionId> {
        let now = self.0.clock.now();
        let access = access.and_then(|token| self.0.tokens.read_access(token, now).ok());
        let refresh = refresh.and_then(|token| self.0.tokens.read_refresh(token, now).ok());
        let mut sessions: Vec<_> = access.map(|claims| claims.session).into_iter().collect();
        sessions.extend(refresh.map(|claims| claims.session).filter(|id| !sessions.contains(id)));
        sessions
    }

    /// What the gate looks at on each request.
    pub fn revocations(&self) -> Revocations {
        self.0.revocations.clone()
    }

    /// No access token that was made before now is valid after this.
    fn remember_until(&self) -> Timestamp {
        self.0.clock.now().plus(self.0.access_ttl).plus(REMEMBER_SLACK)
    }

    fn publish(&self, ended: impl IntoIterator<Item = SessionId>, until: Timestamp) {
        self.0.revocations.publish(ended.into_iter().map(|session| Revoked { session, until }));
    }

    /// For when the store would not end them: reading may still work where writing doesn't.
    async fn publish_all_of(&self, user: UserId, except: Option<SessionId>, until: Timestamp) {
        if let Ok(sessions) = self.0.store.sessions_of(user).await {
            let ids = sessions.into_iter().map(|session| session.id);
            self.publish(ids.filter(|id| Some(*id) != except), until);
        }
    }
}

/// Goes on when the caller is dropped because its client left: between a commit and its publication nothing may be lost.
pub(crate) async fn to_the_end<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    // It only fails to be joined when the runtime is being taken down.
    tokio::spawn(work).await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
}

/// The text's start, at most `max` bytes of it and whole characters.
fn cut(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}

#[cfg(test)]
pub(crate) mod tests;
