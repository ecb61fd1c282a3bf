//! Writes about users. Each decides before it changes anything, so that a refusal leaves no trace.

use super::fault::Fault;
use super::tables::Tables;
use crate::store::{
    Changed, CreatedUser, NewUser, Outdated, PasswordHash, ProfileChange, Purpose, Removed, User, UserChange,
};
use crate::types::{Role, SessionId, Timestamp, UserId};

impl Tables<'_> {
    pub(super) fn create_user(&mut self, new: NewUser) -> Result<CreatedUser, Fault> {
        if self.uid(new.email.key())?.is_some() {
            return Ok(CreatedUser::EmailTaken);
        }
        let user = User {
            id: self.next_uid()?,
            email: new.email,
            username: new.username,
            password: new.password,
            active: true,
            roles: sorted(new.roles),
            email_verified: new.email_verified,
            created: new.created,
            updated: new.created,
        };
        self.add_user(&user)?;
        Ok(CreatedUser::Created(user))
    }

    /// A taken address costs what a free one does: its user is written once more, as they are.
    pub(super) fn create_user_alike(&mut self, new: NewUser) -> Result<CreatedUser, Fault> {
        if let Some(owner) = self.uid(new.email.key())?
            && let Some(user) = self.user(owner)?
        {
            self.replace_user(&user, &user.clone())?;
            return Ok(CreatedUser::EmailTaken);
        }
        self.create_user(new)
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
        if !active {
            self.void_links(id)?;
        }
        if user.active != active {
            self.replace_user(&user, &User { active, updated: now, ..user.clone() })?;
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
                self.replace_user(&user, &User { password: Some(to), ..user.clone() })?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn change_user(
        &mut self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Result<Changed, Fault> {
        let Some(user) = self.user(id)? else { return Ok(Changed::NoSuchUser) };
        let mut next = user.clone();
        if let Some(email) = change.email {
            if self.uid(email.key())?.is_some_and(|owner| owner != id) {
                return Ok(Changed::EmailTaken);
            }
            next.email_verified &= email.key() == user.email.key();
            next.email = email;
        }
        next.username = change.username.unwrap_or(next.username);
        next.roles = change.roles.map_or(next.roles, sorted);
        let is_other = next.email != user.email || next.username != user.username || next.roles != user.roles;
        if !is_other {
            return Ok(Changed::Done { before: Box::new(user.clone()), user, outdated: Vec::new() });
        }
        next.updated = now;
        self.replace_user(&user, &next)?;
        let outdated = self.outdate(&user, &next, remember_until)?;
        Ok(Changed::Done { before: Box::new(user), user: next, outdated: outdated.into_iter().collect() })
    }

    /// What was verified has to hold still when it is acted on: who was shut out meanwhile changes nothing.
    pub(super) fn change_own(
        &mut self,
        id: UserId,
        seen: Option<&PasswordHash>,
        change: ProfileChange,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Result<Option<Changed>, Fault> {
        match self.user(id)? {
            Some(user) if user.active && (seen.is_none() || user.password.as_ref() == seen) => {
                self.change_user(id, change.into(), now, remember_until).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn change_password(
        &mut self,
        id: UserId,
        from: &PasswordHash,
        to: PasswordHash,
        keep: SessionId,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Result<Option<Vec<SessionId>>, Fault> {
        let user = self.user(id)?;
        let Some(user) = user.filter(|user| user.active && user.password.as_ref() == Some(from)) else {
            return Ok(None);
        };
        let mut ending = self.sessions_of(id)?;
        ending.retain(|session| session.id != keep);
        self.replace_user(&user, &User { password: Some(to), updated: now, ..user.clone() })?;
        // One that proves the address asks for the new password like for the old one.
        self.void_links_for(Purpose::SETTING_A_PASSWORD, id)?;
        self.end_all(&ending, remember_until).map(Some)
    }

    /// Remembers that access tokens may say what was so before, if it is other now and there may be such tokens.
    pub(super) fn outdate(
        &mut self,
        before: &User,
        now: &User,
        until: Timestamp,
    ) -> Result<Option<Outdated>, Fault> {
        if !Outdated::is_between(before, now) || !self.has_session(now.id)? {
            return Ok(None);
        }
        self.remember_outdated(now.id, until)?;
        Ok(Some(Outdated::of(now, until, self.order()?)))
    }

    pub(super) fn remove_user(
        &mut self,
        id: UserId,
        remember_until: Timestamp,
    ) -> Result<Option<Removed>, Fault> {
        let Some(user) = self.user(id)? else { return Ok(None) };
        let ending = self.sessions_of(id)?;
        let sessions = self.end_all(&ending, remember_until)?;
        self.void_links(id)?;
        self.remove_user_row(&user)?;
        Ok(Some(Removed { user, sessions }))
    }
}

/// Roles as a user has them: sorted, none twice.
pub(super) fn sorted(mut roles: Vec<Role>) -> Vec<Role> {
    roles.sort();
    roles.dedup();
    roles
}
