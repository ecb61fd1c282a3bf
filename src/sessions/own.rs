//! What a user does with their own account: each is committed, known to all workers and audited before it returns, and
//! goes on when the client leaves half way, so that nobody escapes the audit log by hanging up.

use std::net::IpAddr;

use super::{Sessions, to_the_end};
use crate::audit::Event;
use crate::store::{Changed, PasswordHash, ProfileChange, Session, StoreError};
use crate::types::{DeviceId, SessionId, UserId};

/// Who does something to their account, and from where: for the audit log, and for whom attempts are counted.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    /// Who.
    pub uid: UserId,
    /// From where, as far as it is known.
    pub address: Option<IpAddr>,
    /// Their browser, if it has signed in to this account before.
    pub device: Option<DeviceId>,
}

impl Sessions {
    /// The sessions of a user that live, the last used one first.
    pub async fn living(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let now = self.0.clock.now();
        let mut sessions = self.of(user).await?;
        // What has run out is swept within the second, and opens nothing meanwhile.
        sessions.retain(|session| session.expires > now);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_used(), session.started, session.id)));
        Ok(sessions)
    }

    /// Ends a session of the user who asks. False: it is not theirs, or there is none.
    ///
    /// Whose it is follows from the id itself, which is sealed to its user: nothing that happens meanwhile can make it
    /// another's.
    pub async fn end_own(&self, by: Actor, session: SessionId) -> Result<bool, StoreError> {
        if !self.0.tokens.is_session_of(session, by.uid) {
            return Ok(false);
        }
        let this = self.clone();
        to_the_end(async move {
            let ended = this.end(session).await?;
            if ended {
                this.note(Event::OwnSessionEnded { uid: by.uid, session, address: by.address });
            }
            Ok(ended)
        })
        .await
    }

    /// Ends all sessions of the user who asks, this one included; gives how many.
    pub async fn end_all_own(&self, by: Actor) -> Result<usize, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let count = this.end_all(by.uid, None).await?;
            this.note(Event::SignedOutEverywhere { uid: by.uid, address: by.address, count });
            Ok(count)
        })
        .await
    }

    /// Changes the name, the address or both. `None`: their user may no longer, or `seen` is no longer the hash of
    /// their password. Tokens that say otherwise are out of date when it returns.
    pub(crate) async fn change_own(
        &self,
        by: Actor,
        seen: Option<PasswordHash>,
        change: ProfileChange,
    ) -> Result<Option<Changed>, StoreError> {
        let this = self.clone();
        let (to_name, to_address) = (change.username.is_some(), change.email.is_some());
        to_the_end(async move {
            let (now, until) = (this.0.clock.now(), this.remember_until());
            let changed = this.0.store.change_own(by.uid, seen, change, now, until).await?;
            if let Some(Changed::Done { outdated, .. }) = &changed {
                this.0.revocations.publish_outdated(outdated.iter().cloned());
                if to_name {
                    this.note(Event::ProfileChanged { uid: by.uid, address: by.address });
                }
                if to_address {
                    this.note(Event::AddressChanged { uid: by.uid, address: by.address });
                }
            }
            Ok(changed)
        })
        .await
    }

    /// Puts one password in the place of another; all sessions of the user end save the one that is kept. `None`: their
    /// user may no longer, or has another password by now.
    pub(crate) async fn change_password(
        &self,
        by: Actor,
        from: PasswordHash,
        to: PasswordHash,
        keep: SessionId,
    ) -> Result<Option<()>, StoreError> {
        let this = self.clone();
        to_the_end(async move {
            let (now, until) = (this.0.clock.now(), this.remember_until());
            match this.0.store.change_password(by.uid, from, to, keep, now, until).await {
                Ok(ended) => Ok(ended.map(|ended| {
                    this.publish(ended, until);
                    this.note(Event::PasswordChanged { uid: by.uid, address: by.address });
                })),
                Err(error) => {
                    // It may be on the disk all the same.
                    this.publish_all_of(by.uid, Some(keep), until).await;
                    Err(error)
                }
            }
        })
        .await
    }
}
