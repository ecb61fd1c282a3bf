//! Writes about users and signing keys. Each decides before it changes anything, so that a refusal leaves no trace.

use super::fault::Fault;
use super::tables::Tables;
use crate::store::{CreatedUser, NewUser, PasswordHash, SigningKey, User};
use crate::types::{SessionId, Timestamp, UserId};

impl Tables<'_> {
    pub(super) fn create_user(&mut self, new: NewUser) -> Result<CreatedUser, Fault> {
        if self.uid(new.email.key())?.is_some() {
            return Ok(CreatedUser::EmailTaken);
        }
        let mut roles = new.roles;
        roles.sort();
        roles.dedup();
        let user = User {
            id: self.next_uid()?,
            email: new.email,
            username: new.username,
            password: Some(new.password),
            active: true,
            roles,
            email_verified: new.email_verified,
            created: new.created,
            updated: new.created,
        };
        self.put_user(&user)?;
        Ok(CreatedUser::Created(user))
    }

    pub(super) fn set_active(
        &mut self,
        id: UserId,
        active: bool,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Result<Option<Vec<SessionId>>, Fault> {
        let Some(user) = self.user(id)? else { return Ok(None) };
        let ending = if active { Vec::new() } else { self.sessions_of(id)? };
        if user.active != active {
            self.put_user(&User { active, updated: now, ..user })?;
        }
        self.end_all(&ending, remember_until).map(Some)
    }

    pub(super) fn renew_password_hash(
        &mut self,
        id: UserId,
        from: &PasswordHash,
        to: PasswordHash,
    ) -> Result<bool, Fault> {
        match self.user(id)? {
            Some(user) if user.password.as_ref() == Some(from) => {
                self.put_user(&User { password: Some(to), ..user })?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn ensure_signing_key(&mut self, key: SigningKey) -> Result<Vec<SigningKey>, Fault> {
        let mut keys = self.signing_keys()?;
        if !keys.iter().any(|known| known.algorithm == key.algorithm && known.retired.is_none()) {
            self.put_signing_key(&key)?;
            keys.push(key);
        }
        Ok(keys)
    }
}
