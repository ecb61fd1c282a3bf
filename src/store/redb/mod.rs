//! The embedded store: one file, one writer thread that commits in groups, readers on snapshots.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use redb::{Database, ReadableDatabase as _};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    BackupError, Changed, CreatedUser, Generation, ImportPolicy, ImportRow, Imported, KeepLimit, KeptLimit,
    NewOneTime, NewUser, OpenError, Origin, Outdated, PasswordHash, ProfileChange, Proven, Purpose, Removed,
    Reply, Reset, Revoked, Rotated, Seen, Session, SigningKey, Started, Store, StoreError, Swept, TokenHash,
    User, UserChange,
};
use crate::types::{EmailKey, SessionId, Timestamp, UserId};
use fault::Fault;
use health::{Health, Unread};
use job::Message;
use tables::Tables;
use view::View;
use writer::{Reopen, Writer};

mod backup;
mod fault;
mod file;
mod health;
mod import;
mod job;
mod kept_limits;
mod keys;
mod layout;
mod one_time;
mod rows;
mod schema;
mod sessions;
mod tables;
#[cfg(test)]
mod tests;
mod users;
mod view;
mod writer;

/// A store in a redb file. Dropping it finishes what is queued and closes the file.
pub struct RedbStore {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Message>>,
    health: Arc<watch::Sender<Health>>,
    commits: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl RedbStore {
    /// Opens the database in this file, or makes one.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, OpenError> {
        let database = file::open_or_create(path)?;
        let again = path.to_owned();
        Self::start(path, database, now, move || {
            file::reopen(&again).map_err(|error| StoreError::Unwritable(error.to_string()))
        })
    }

    /// Starts on an open handle; `reopen` gives another one after this one has failed.
    fn start(
        path: &Path,
        database: Database,
        now: Timestamp,
        reopen: impl Fn() -> Result<Database, StoreError> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let prepare = |database: &Database| match fault::guarded(|| Ok(schema::prepare(database, now))) {
            Ok(prepared) => prepared,
            Err(fault) => Err(fault.into()),
        };
        let origin = prepare(&database).map_err(|unfit| unfit.told(path))?;
        let reopen: Reopen = Box::new(move || {
            let database = reopen()?;
            // Were the file exchanged for another meanwhile, sessions and numbers would be mixed up.
            match schema::known_origin(&database) {
                Ok(found) if found.session_key == origin.session_key => Ok(database),
                Ok(_) => Err(StoreError::Damaged("its file was exchanged for another database".to_owned())),
                Err(fault) => Err(fault.answer()),
            }
        });
        let writer = writer::start(database, reopen).map_err(|error| OpenError::Unusable {
            path: path.to_owned(),
            why: error.to_string(),
            hint: "let this process start threads".to_owned(),
        })?;
        let Writer { queue, health, commits, thread } = writer;
        Ok(Self { queue: Some(queue), health, commits, thread: Some(thread) })
    }

    async fn read<T>(&self, work: impl Fn(&View) -> Result<T, Fault> + Send + Sync) -> Result<T, StoreError> {
        self.look(move |database| work(&View::new(database.begin_read()?))).await
    }

    async fn look<T>(
        &self,
        work: impl Fn(&Database) -> Result<T, Fault> + Send + Sync,
    ) -> Result<T, StoreError> {
        match health::read(&self.health, &work).await {
            Ok(value) => return Ok(value),
            Err(Unread::Final(why)) => return Err(why),
            // The writer opens the file again when it meets a handle that has failed, so send it something.
            Err(Unread::Healable(_)) => self.write(|_| Ok(())).await?,
        }
        health::read(&self.health, &work).await.map_err(|(Unread::Final(why) | Unread::Healable(why))| why)
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (job, answer) = job::pack(work);
        self.send(Message::Job(job)).await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn send(&self, message: Message) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(message).await.map_err(|_| StoreError::Closed)
    }
}

impl Store for RedbStore {
    fn origin(&self) -> Reply<'_, Origin> {
        Box::pin(self.read(View::origin))
    }

    fn signing_keys(&self) -> Reply<'_, Vec<SigningKey>> {
        Box::pin(self.read(View::signing_keys))
    }

    fn ensure_signing_key(&self, key: SigningKey) -> Reply<'_, Vec<SigningKey>> {
        Box::pin(self.write(move |tables| tables.ensure_signing_key(&key)))
    }

    fn rotate_signing_key(
        &self,
        new: SigningKey,
        older_than: Option<Timestamp>,
    ) -> Reply<'_, Option<Vec<SigningKey>>> {
        Box::pin(self.write(move |tables| tables.rotate_signing_key(&new, older_than)))
    }

    fn retire_foreign_keys(&self, algorithm: &str, at: Timestamp) -> Reply<'_, Vec<SigningKey>> {
        let algorithm = algorithm.to_owned();
        Box::pin(self.write(move |tables| tables.retire_foreign_keys(&algorithm, at)))
    }

    fn drop_retired_keys(&self, retired_before: Timestamp) -> Reply<'_, Option<Vec<SigningKey>>> {
        Box::pin(self.write(move |tables| tables.drop_retired_keys(retired_before)))
    }

    fn create_user(&self, user: NewUser) -> Reply<'_, CreatedUser> {
        Box::pin(self.write(move |tables| tables.create_user(user)))
    }

    fn create_user_alike(&self, user: NewUser) -> Reply<'_, CreatedUser> {
        Box::pin(self.write(move |tables| tables.create_user_alike(user)))
    }

    fn user(&self, id: UserId) -> Reply<'_, Option<User>> {
        Box::pin(self.read(move |view| view.user(id)))
    }

    fn user_by_email(&self, email: &EmailKey) -> Reply<'_, Option<User>> {
        let email = email.clone();
        Box::pin(self.read(move |view| view.user_by_email(&email)))
    }

    fn set_active(
        &self,
        id: UserId,
        active: bool,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Vec<SessionId>>> {
        Box::pin(self.write(move |tables| tables.set_active(id, active, now, remember_until)))
    }

    fn renew_password_hash(&self, id: UserId, from: PasswordHash, to: PasswordHash) -> Reply<'_, bool> {
        Box::pin(self.write(move |tables| tables.renew_password_hash(id, &from, to)))
    }

    fn users(&self, after: Option<UserId>, limit: usize) -> Reply<'_, Vec<User>> {
        Box::pin(self.read(move |view| view.users(after, limit)))
    }

    fn highest_uid(&self) -> Reply<'_, Option<UserId>> {
        Box::pin(self.read(View::highest_uid))
    }

    fn user_count(&self) -> Reply<'_, u64> {
        Box::pin(self.read(View::user_count))
    }

    fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Changed> {
        Box::pin(self.write(move |tables| tables.change_user(id, change, now, remember_until)))
    }

    fn change_own(
        &self,
        id: UserId,
        seen: Option<PasswordHash>,
        change: ProfileChange,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Changed>> {
        Box::pin(self.write(move |tables| tables.change_own(id, seen.as_ref(), change, now, remember_until)))
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
        Box::pin(self.write(move |tables| tables.change_password(id, &from, to, keep, now, remember_until)))
    }

    fn remove_user(&self, id: UserId, remember_until: Timestamp) -> Reply<'_, Option<Removed>> {
        Box::pin(self.write(move |tables| tables.remove_user(id, remember_until)))
    }

    fn import_users(
        &self,
        rows: Vec<ImportRow>,
        policy: ImportPolicy,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Imported> {
        Box::pin(self.write(move |tables| tables.import_users(rows, policy, now, remember_until)))
    }

    fn outdated(&self, now: Timestamp) -> Reply<'_, Vec<Outdated>> {
        Box::pin(self.read(move |view| view.outdated(now)))
    }

    fn start_session(
        &self,
        session: Session,
        seen: Seen,
        replaces: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Reply<'_, Started> {
        Box::pin(self.write(move |tables| tables.start_session(&session, &seen, replaces, remember_until)))
    }

    fn session(&self, id: SessionId) -> Reply<'_, Option<(Session, User)>> {
        Box::pin(self.read(move |view| view.session(id)))
    }

    fn sessions(&self, after: Option<SessionId>, limit: usize) -> Reply<'_, Vec<Session>> {
        Box::pin(self.read(move |view| view.sessions(after, limit)))
    }

    fn session_count(&self) -> Reply<'_, u64> {
        Box::pin(self.read(View::session_count))
    }

    fn sessions_of(&self, user: UserId) -> Reply<'_, Vec<Session>> {
        Box::pin(self.read(move |view| view.sessions_of(user)))
    }

    fn rotate(&self, from: Generation, next: Session) -> Reply<'_, Rotated> {
        Box::pin(self.write(move |tables| tables.rotate(from, next)))
    }

    fn note_presented(&self, id: SessionId, generation: Generation, at: Timestamp) -> Reply<'_, ()> {
        Box::pin(async move {
            // Asked at each request that presents a token, and nearly always noted already.
            if self.read(move |view| view.is_unnoted(id, generation)).await? {
                self.write(move |tables| tables.note_presented(id, generation, at)).await?;
            }
            Ok(())
        })
    }

    fn end_session(&self, id: SessionId, remember_until: Timestamp) -> Reply<'_, bool> {
        Box::pin(self.write(move |tables| tables.end_session(id, remember_until)))
    }

    fn end_sessions_of(
        &self,
        user: UserId,
        except: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Reply<'_, Vec<SessionId>> {
        Box::pin(self.write(move |tables| tables.end_sessions_of(user, except, remember_until)))
    }

    fn revoke_all(&self, remember_until: Timestamp) -> Reply<'_, Vec<SessionId>> {
        Box::pin(self.write(move |tables| tables.revoke_all(remember_until)))
    }

    fn revoked(&self, now: Timestamp) -> Reply<'_, Vec<Revoked>> {
        Box::pin(self.read(move |view| view.revoked(now)))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Reply<'_, Swept> {
        Box::pin(async move {
            if limit == 0 || !self.read(move |view| view.is_sweepable(now)).await? {
                return Ok(Swept::default());
            }
            self.write(move |tables| tables.sweep(now, limit)).await
        })
    }

    fn backup(&self, to: &Path) -> Pin<Box<dyn Future<Output = Result<(), BackupError>> + Send + '_>> {
        let to = to.to_owned();
        Box::pin(async move {
            // A snapshot of its own: it reads for long, and must not keep the file from being closed meanwhile.
            let snapshot = self.look(|database| Ok(database.begin_read()?)).await?;
            backup::run(snapshot, to).await
        })
    }

    fn put_one_time(&self, link: NewOneTime, now: Timestamp) -> Reply<'_, Option<()>> {
        Box::pin(self.write(move |tables| tables.put_one_time(&link, now)))
    }

    fn one_time(&self, token: TokenHash, purpose: Purpose, now: Timestamp) -> Reply<'_, Option<UserId>> {
        Box::pin(self.read(move |view| view.one_time(token, purpose, now)))
    }

    fn reset_password(
        &self,
        token: TokenHash,
        purpose: Purpose,
        to: PasswordHash,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Reset>> {
        Box::pin(self.write(move |tables| tables.reset_password(token, purpose, to, now, remember_until)))
    }

    fn prove_address(
        &self,
        user: UserId,
        token: TokenHash,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Proven>> {
        Box::pin(self.write(move |tables| tables.prove_address(user, token, now, remember_until)))
    }

    fn keep_limits(&self, limits: Vec<KeepLimit>) -> Reply<'_, ()> {
        Box::pin(self.write(move |tables| tables.keep_limits(&limits)))
    }

    fn kept_limits(&self, now: Timestamp) -> Reply<'_, Vec<KeptLimit>> {
        Box::pin(self.read(move |view| view.kept_limits(now)))
    }

    fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            let (closed, done) = oneshot::channel();
            self.send(Message::Close(closed)).await?;
            done.await.map_err(|_| StoreError::Closed)
        })
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        // The thread ends when its last message is done; the file is free for another when this returns.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It guards its work; a panic outside of that has nothing left to save.
            let _ = thread.join();
        }
    }
}
