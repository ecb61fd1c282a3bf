//! A store in memory that keeps the promises of `Store` and can be told to fail, or to be slow, at will.

use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::store::{
    BackupError, Changed, CreatedUser, Generation, ImportPolicy, ImportRow, Imported, KeepLimit, KeptLimit,
    MOST_EXCESS, MOST_SESSIONS, NewOneTime, NewUser, Order, Origin, Outdated, PasswordHash, ProfileChange,
    Proven, Purpose, Removed, Reply, Reset, Revoked, Rotated, Seen, Session, SigningKey, Started, Store,
    StoreError, Swept, TokenHash, User, UserChange,
};
use crate::types::{EmailKey, Role, Secret, SessionId, Timestamp, UserId};

mod state;

use state::State;

/// What somebody else does to a user in the middle of an operation.
type Edit = Box<dyn FnOnce(&mut User) + Send>;

#[derive(Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    /// Whether writes fail.
    pub(crate) full: AtomicBool,
    /// A row of the users' list is damaged.
    pub(crate) unlisted: AtomicBool,
    /// How many writes were asked for.
    pub(super) writes: AtomicUsize,
    /// Each operation lets others go first before it answers, as a disk would.
    pub(super) slow: AtomicBool,
    /// How often each of the next operations lets others go first.
    pub(super) delays: Mutex<VecDeque<usize>>,
    /// What is done right after the next users were looked up by their address, once each.
    pub(crate) meanwhile: Mutex<VecDeque<Edit>>,
    /// The same for look-ups by number.
    pub(crate) meanwhile_by_number: Mutex<VecDeque<Edit>>,
}

impl Memory {
    pub(crate) fn with(users: impl IntoIterator<Item = User>) -> Self {
        let memory = Self::default();
        memory.lock().users = users.into_iter().map(|user| (user.id, user)).collect();
        memory
    }

    pub(crate) fn edit_user(&self, id: UserId, edit: impl FnOnce(&mut User)) {
        edit(self.lock().users.get_mut(&id).unwrap());
    }

    fn look_up(user: &mut User, edits: &Mutex<VecDeque<Edit>>) -> User {
        let found = user.clone();
        if let Some(edit) = edits.lock().unwrap().pop_front() {
            edit(user);
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn read<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> T) -> Reply<'_, T> {
        let done = Ok(work(&mut self.lock()));
        self.answer(done)
    }

    fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> T) -> Reply<'_, T> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        if self.full.load(Ordering::Relaxed) {
            return self.answer(Err(StoreError::Unwritable("no space left".to_owned())));
        }
        self.read(work)
    }

    fn answer<T: Send + 'static>(&self, answer: Result<T, StoreError>) -> Reply<'_, T> {
        let slow = usize::from(self.slow.load(Ordering::Relaxed));
        let yields = self.delays.lock().unwrap().pop_front().unwrap_or(slow);
        Box::pin(async move {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            answer
        })
    }
}

impl Store for Memory {
    fn origin(&self) -> Reply<'_, Origin> {
        self.read(|_| Origin {
            issuer: "urn:test".to_owned(),
            session_key: Secret::new(vec![1; 32]),
            refresh_key: Secret::new(vec![2; 32]),
        })
    }

    fn signing_keys(&self) -> Reply<'_, Vec<SigningKey>> {
        self.read(|state| state.keys.clone())
    }

    fn ensure_signing_key(&self, key: SigningKey) -> Reply<'_, Vec<SigningKey>> {
        self.write(move |state| {
            if state.keys.is_empty() {
                state.keys.push(key);
            }
            state.keys.clone()
        })
    }

    fn rotate_signing_key(
        &self,
        new: SigningKey,
        older_than: Option<Timestamp>,
    ) -> Reply<'_, Option<Vec<SigningKey>>> {
        self.write(move |state| {
            let newest = state.keys.last().map(|key| key.created);
            if older_than.zip(newest).is_some_and(|(moment, newest)| newest >= moment) {
                return None;
            }
            for key in state.keys.iter_mut().filter(|key| key.retired.is_none()) {
                key.retired = Some(new.created);
            }
            state.keys.push(new);
            Some(state.keys.clone())
        })
    }

    fn retire_foreign_keys(&self, algorithm: &str, at: Timestamp) -> Reply<'_, Vec<SigningKey>> {
        self.write(|state| {
            for key in state.keys.iter_mut().filter(|key| key.algorithm != algorithm) {
                key.retired = key.retired.or(Some(at));
            }
            state.keys.clone()
        })
    }

    fn drop_retired_keys(&self, retired_before: Timestamp) -> Reply<'_, Option<Vec<SigningKey>>> {
        self.write(move |state| {
            let before = state.keys.len();
            state.keys.retain(|key| key.retired.is_none_or(|retired| retired >= retired_before));
            (state.keys.len() < before).then(|| state.keys.clone())
        })
    }

    fn create_user(&self, _: NewUser) -> Reply<'_, CreatedUser> {
        self.write(|_| CreatedUser::EmailTaken)
    }

    fn create_user_alike(&self, user: NewUser) -> Reply<'_, CreatedUser> {
        self.create_user(user)
    }

    fn user(&self, id: UserId) -> Reply<'_, Option<User>> {
        self.read(|state| Some(Self::look_up(state.users.get_mut(&id)?, &self.meanwhile_by_number)))
    }

    fn user_by_email(&self, email: &EmailKey) -> Reply<'_, Option<User>> {
        self.read(|state| {
            let user = state.users.values_mut().find(|user| user.email.key() == email)?;
            Some(Self::look_up(user, &self.meanwhile))
        })
    }

    fn set_active(
        &self,
        id: UserId,
        active: bool,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Vec<SessionId>>> {
        self.write(|state| {
            let user = state.users.get_mut(&id)?;
            (user.active, user.updated) = (active, now);
            Some(if active { Vec::new() } else { state.end_of(id, None, remember_until) })
        })
    }

    fn renew_password_hash(&self, id: UserId, from: PasswordHash, to: PasswordHash) -> Reply<'_, bool> {
        self.write(|state| {
            let user = state.users.get_mut(&id).filter(|user| user.password.as_ref() == Some(&from));
            user.map(|user| user.password = Some(to)).is_some()
        })
    }

    fn users(&self, after: Option<UserId>, limit: usize) -> Reply<'_, Vec<User>> {
        if self.unlisted.load(Ordering::Relaxed) {
            return self.answer(Err(StoreError::Damaged("a user: short".to_owned())));
        }
        self.read(|state| {
            let later = state.users.values().filter(|user| Some(user.id) > after);
            later.take(limit).cloned().collect()
        })
    }

    fn highest_uid(&self) -> Reply<'_, Option<UserId>> {
        self.read(|state| state.users.keys().last().copied())
    }

    fn user_count(&self) -> Reply<'_, u64> {
        self.read(|state| state.users.len() as u64)
    }

    fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        until: Timestamp,
    ) -> Reply<'_, Changed> {
        self.write(|state| {
            let (lives, order) = (state.lives(id), state.next_order());
            let Some(user) = state.users.get_mut(&id) else { return Changed::NoSuchUser };
            let before = user.clone();
            user.roles = change.roles.unwrap_or(before.roles.clone());
            user.username = change.username.unwrap_or(before.username.clone());
            user.updated = now;
            let is_outdated = lives && Outdated::is_between(&before, user);
            let outdated = is_outdated.then(|| Outdated::of(user, until, order));
            if is_outdated {
                state.outdated.insert(id, until);
            }
            Changed::Done {
                before: before.into(),
                user: user.clone(),
                outdated: outdated.into_iter().collect(),
            }
        })
    }

    /// The name alone.
    fn change_own(
        &self,
        id: UserId,
        seen: Option<PasswordHash>,
        change: ProfileChange,
        now: Timestamp,
        until: Timestamp,
    ) -> Reply<'_, Option<Changed>> {
        self.write(|state| {
            let (lives, order) = (state.lives(id), state.next_order());
            let user = state.users.get_mut(&id).filter(|user| user.active)?;
            if seen.is_some() && user.password != seen {
                return None;
            }
            let before = user.clone();
            user.username = change.username.unwrap_or(user.username.clone());
            user.updated = now;
            let outdated = lives.then(|| Outdated::of(user, until, order));
            if lives {
                state.outdated.insert(id, until);
            }
            Some(Changed::Done {
                before: before.into(),
                user: user.clone(),
                outdated: outdated.into_iter().collect(),
            })
        })
    }

    fn change_password(
        &self,
        id: UserId,
        from: PasswordHash,
        to: PasswordHash,
        keep: SessionId,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Vec<SessionId>>> {
        self.write(|state| {
            let user = state.users.get_mut(&id).filter(|user| user.active)?;
            if user.password != Some(from) {
                return None;
            }
            (user.password, user.updated) = (Some(to), now);
            Some(state.end_of(id, Some(keep), remember_until))
        })
    }

    fn remove_user(&self, id: UserId, until: Timestamp) -> Reply<'_, Option<Removed>> {
        self.write(|state| {
            let user = state.users.remove(&id)?;
            Some(Removed { user, sessions: state.end_of(id, None, until) })
        })
    }

    fn import_users(
        &self,
        _: Vec<ImportRow>,
        _: ImportPolicy,
        _: Timestamp,
        until: Timestamp,
    ) -> Reply<'_, Imported> {
        // Whatever the rows say, everybody's password becomes another one, and they become admins.
        self.write(|state| {
            let users: Vec<_> = state.users.keys().copied().collect();
            let ended = users.iter().flat_map(|id| state.end_of(*id, None, until)).collect();
            let order = state.next_order();
            let as_admin = |user: &User| {
                let admin = User { roles: vec![Role::parse("admin").unwrap()], ..user.clone() };
                Outdated::of(&admin, until, order)
            };
            let outdated = state.users.values().map(as_admin).collect();
            Imported { ended, outdated, written: true, ..Imported::default() }
        })
    }

    fn outdated(&self, now: Timestamp) -> Reply<'_, Vec<Outdated>> {
        self.read(|state| {
            let remembered = state.outdated.iter().filter(|(_, until)| **until > now);
            remembered
                .filter_map(|(id, until)| Some(Outdated::of(state.users.get(id)?, *until, Order::default())))
                .collect()
        })
    }

    fn start_session(
        &self,
        session: Session,
        seen: Seen,
        replaces: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Reply<'_, Started> {
        self.write(|state| {
            let Some(user) = state.users.get(&session.user).filter(|user| user.active) else {
                return Started::UserGone;
            };
            if !seen.is_still(user) {
                return Started::Changed(Box::new(user.clone()));
            }
            let mut ended: Vec<_> = replaces.into_iter().collect();
            ended.retain(|id| state.end(*id, remember_until));
            let crowd = state.sessions.values().filter(|other| other.user == session.user);
            let crowd = crowd.take(MOST_SESSIONS + MOST_EXCESS).cloned().collect();
            for crowded_out in Session::crowded_out(crowd) {
                state.end(crowded_out.id, remember_until);
                ended.push(crowded_out.id);
            }
            state.sessions.insert(session.id, session);
            Started::Live { ended }
        })
    }

    fn session(&self, id: SessionId) -> Reply<'_, Option<(Session, User)>> {
        self.read(|state| {
            let session = state.sessions.get(&id)?;
            Some((session.clone(), state.users.get(&session.user)?.clone()))
        })
    }

    fn sessions(&self, after: Option<SessionId>, limit: usize) -> Reply<'_, Vec<Session>> {
        self.read(|state| {
            let later = state.sessions.values().filter(|session| Some(session.id) > after);
            later.take(limit).cloned().collect()
        })
    }

    fn session_count(&self) -> Reply<'_, u64> {
        self.read(|state| state.sessions.len() as u64)
    }

    fn sessions_of(&self, user: UserId) -> Reply<'_, Vec<Session>> {
        self.read(|state| state.sessions.values().filter(|session| session.user == user).cloned().collect())
    }

    fn rotate(&self, from: Generation, next: Session) -> Reply<'_, Rotated> {
        self.write(|state| {
            let user = state.users.get(&next.user).filter(|user| user.active).cloned();
            match (state.sessions.get_mut(&next.id), user) {
                (Some(session), Some(_)) if session.generation != from => Rotated::Moved(session.clone()),
                (Some(session), Some(user)) => {
                    *session = next;
                    Rotated::Done(user)
                }
                _ => Rotated::Gone,
            }
        })
    }

    fn note_presented(&self, id: SessionId, generation: Generation, at: Timestamp) -> Reply<'_, ()> {
        self.write(|state| {
            let current = state.sessions.get_mut(&id).filter(|session| session.generation == generation);
            if let Some(session) = current
                && session.presented.iter().all(|(noted, _)| *noted != generation)
            {
                session.presented.push((generation, at));
            }
        })
    }

    fn end_session(&self, id: SessionId, remember_until: Timestamp) -> Reply<'_, bool> {
        self.write(|state| state.end(id, remember_until))
    }

    fn end_sessions_of(
        &self,
        user: UserId,
        except: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Reply<'_, Vec<SessionId>> {
        self.write(|state| state.end_of(user, except, remember_until))
    }

    fn revoke_all(&self, until: Timestamp) -> Reply<'_, Vec<SessionId>> {
        self.write(|state| {
            let all: Vec<_> = state.sessions.keys().copied().collect();
            all.into_iter().filter(|id| state.end(*id, until)).collect()
        })
    }

    fn revoked(&self, now: Timestamp) -> Reply<'_, Vec<Revoked>> {
        self.read(|state| {
            let remembered = state.revoked.iter().filter(|(_, until)| **until > now);
            remembered.map(|(session, until)| Revoked { session: *session, until: *until }).collect()
        })
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Reply<'_, Swept> {
        self.write(|state| {
            let over = state.sessions.values().filter(|session| session.expires < now);
            let over: Vec<_> = over.map(|session| session.id).take(limit).collect();
            state.sessions.retain(|id, _| !over.contains(id));
            let forgotten = state.revoked.iter().filter(|(_, until)| **until < now).map(|(id, _)| *id);
            let forgotten: Vec<_> = forgotten.take(limit - over.len()).collect();
            state.revoked.retain(|id, _| !forgotten.contains(id));
            let before = state.outdated.len();
            state.outdated.retain(|_, until| *until >= now);
            let outdated = before - state.outdated.len();
            let before = state.limits.len();
            state.limits.retain(|_, kept| kept.until >= now);
            let limits = before - state.limits.len();
            Swept { sessions: over, revocations: forgotten.len(), outdated, limits }
        })
    }

    fn backup(&self, to: &Path) -> Pin<Box<dyn Future<Output = Result<(), BackupError>> + Send + '_>> {
        let to = to.to_owned();
        Box::pin(async { Err(BackupError::Exists(to)) })
    }

    fn put_one_time(&self, _: NewOneTime, _: Timestamp) -> Reply<'_, Option<()>> {
        self.write(|_| None)
    }

    /// A token is its user's number, and always good.
    fn one_time(&self, token: TokenHash, _: Purpose, _: Timestamp) -> Reply<'_, Option<UserId>> {
        self.read(|state| {
            let id = UserId::new(token.as_bytes()[0].into())?;
            state.users.contains_key(&id).then_some(id)
        })
    }

    fn reset_password(
        &self,
        token: TokenHash,
        _: Purpose,
        to: PasswordHash,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Reset>> {
        self.write(|state| {
            let user = state.users.get_mut(&UserId::new(token.as_bytes()[0].into())?)?;
            (user.password, user.updated) = (Some(to), now);
            let id = user.id;
            Some(Reset { user: id, ended: state.end_of(id, None, remember_until) })
        })
    }

    #[rustfmt::skip]
    fn prove_address(&self, _: UserId, _: TokenHash, _: Timestamp, _: Timestamp) -> Reply<'_, Option<Proven>> {
        self.write(|_| None)
    }

    fn keep_limits(&self, limits: Vec<KeepLimit>) -> Reply<'_, ()> {
        self.write(|state| {
            for keep in limits {
                let key = (keep.limit.kind, keep.limit.key);
                let known = state.limits.entry(key).or_insert(keep.limit);
                *known = keep.or_later(*known);
            }
        })
    }

    fn kept_limits(&self, now: Timestamp) -> Reply<'_, Vec<KeptLimit>> {
        self.read(|state| state.limits.values().filter(|kept| kept.until > now).copied().collect())
    }

    fn commits(&self) -> u64 {
        0
    }

    fn close(&self) -> Reply<'_, ()> {
        self.read(|_| ())
    }
}
