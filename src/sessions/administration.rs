//! What an operator does: looks at sessions, ends them, and changes users, whose sessions are told of it. What ended
//! and what is out of date is known to all workers before any of these returns.

use super::{Sessions, to_the_end};
use crate::audit::Event;
use crate::store::{Changed, ImportPolicy, ImportRow, Imported, Removed, Session, StoreError, UserChange};
use crate::types::{SessionId, UserId};

/// Sessions that are read at once where all of them have to be gone through.
const PAGE: usize = 1000;

impl Sessions {
    /// At most `limit` sessions with an id above `after`, in the order of ids.
    pub async fn list(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        self.0.store.sessions(after, limit).await
    }

    /// A user's sessions, oldest first.
    pub async fn of(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.0.store.sessions_of(user).await
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.0.store.session_count().await
    }

    /// Ends a session at the operator's wish, as [`Self::end`] does, and notes that.
    pub async fn revoke(&self, session: SessionId) -> Result<bool, StoreError> {
        let ended = self.end(session).await?;
        if ended {
            self.note(Event::SessionRevoked { session });
        }
        Ok(ended)
    }

    /// Ends all sessions of a user at the operator's wish, as [`Self::end_all`] does, and notes that; gives how many.
    pub async fn revoke_of(&self, user: UserId) -> Result<usize, StoreError> {
        let count = self.end_all(user, None).await?;
        self.note(Event::SessionsRevoked { uid: Some(user), count });
        Ok(count)
    }

    /// Ends all sessions of everybody, as [`Self::end`] does, and notes that; gives how many.
    pub async fn end_everybody(&self) -> Result<usize, StoreError> {
        let this = self.clone();
        let count = to_the_end(async move {
            let until = this.remember_until();
            match this.0.store.revoke_all(until).await {
                Ok(ended) => {
                    this.publish(ended.iter().copied(), until);
                    Ok(ended.len())
                }
                Err(error) => {
                    this.publish_everybody(until).await;
                    Err(error)
                }
            }
        })
        .await?;
        self.note(Event::SessionsRevoked { uid: None, count });
        Ok(count)
    }

    /// Changes a user; tokens that say otherwise are out of date when it returns.
    pub(crate) async fn change_user(&self, id: UserId, change: UserChange) -> Result<Changed, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let until = this.remember_until();
            let changed = this.0.store.change_user(id, change, this.0.clock.now(), until).await?;
            if let Changed::Done { outdated, .. } = &changed {
                this.0.revocations.publish_outdated(outdated.iter().cloned());
            }
            Ok(changed)
        })
        .await
    }

    /// Removes a user and ends their sessions.
    pub(crate) async fn remove_user(&self, id: UserId) -> Result<Option<Removed>, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let until = this.remember_until();
            match this.0.store.remove_user(id, until).await {
                Ok(removed) => {
                    this.publish(removed.iter().flat_map(|removed| removed.sessions.iter().copied()), until);
                    Ok(removed)
                }
                Err(error) => {
                    this.publish_all_of(id, None, until).await;
                    Err(error)
                }
            }
        })
        .await
    }

    /// Takes in users from a file.
    pub(crate) async fn import_users(
        &self,
        rows: Vec<ImportRow>,
        policy: ImportPolicy,
    ) -> Result<Imported, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let until = this.remember_until();
            let imported = this.0.store.import_users(rows, policy, this.0.clock.now(), until).await?;
            this.publish(imported.ended.iter().copied(), until);
            this.0.revocations.publish_outdated(imported.outdated.iter().cloned());
            Ok(imported)
        })
        .await
    }

    /// For when the store would not end them: reading may still work where writing doesn't.
    async fn publish_everybody(&self, until: crate::types::Timestamp) {
        let mut after = None;
        while let Ok(page) = self.0.store.sessions(after, PAGE).await {
            let Some(last) = page.last() else { return };
            after = Some(last.id);
            self.publish(page.iter().map(|session| session.id), until);
        }
    }

    pub(super) fn note(&self, event: Event) {
        self.0.audit.note(event, self.0.clock.now());
    }
}
