//! What is kept, in Sidegate's own words: one method is one transaction, durable when it returns.
//!
//! Nothing here knows of redb or of SQL; `open` chooses the backend.

use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;

use crate::types::{Email, EmailKey, Role, Secret, SessionId, Timestamp, UserId, Username};

mod administration;
mod crowd;
mod error;
mod kept_limits;
mod one_time;
pub mod open;
pub mod records;
pub mod redb;

pub use crate::types::PasswordHash;
pub use administration::{
    BadRow, BadRowReason, Changed, ImportPolicy, ImportRow, Imported, OnConflict, Order, Outdated,
    ProfileChange, Removed, UserChange,
};
pub use crowd::{MOST_EXCESS, MOST_SESSIONS};
pub use error::{BackupError, OpenError, StoreError};
pub use kept_limits::{KeepLimit, KeptLimit};
pub use one_time::{NewOneTime, OneTime, Proven, Purpose, Reset, TokenHash};

/// The answer of a store, which may have to wait for a disk or a network.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A place where users, sessions and keys are kept. Each method is atomic, and a write is durable
/// when its future is ready; a refused operation leaves no trace.
pub trait Store: Send + Sync + 'static {
    /// What this database was given at its first start: made once, never changed.
    fn origin(&self) -> Reply<'_, Origin>;

    /// The signing keys, oldest first.
    fn signing_keys(&self) -> Reply<'_, Vec<SigningKey>>;
    /// Adds a key unless one for its algorithm is there already; gives all keys as they are then.
    /// So that two nodes that start together end up with one key.
    fn ensure_signing_key(&self, key: SigningKey) -> Reply<'_, Vec<SigningKey>>;
    /// Adds a key, from whose `created` on the others of its algorithm are retired; gives all keys as they are then.
    /// With `older_than` only where the newest of those was made before that moment, so that of two nodes that find
    /// a rotation due one rotates. `None`: nothing was changed.
    fn rotate_signing_key(
        &self,
        new: SigningKey,
        older_than: Option<Timestamp>,
    ) -> Reply<'_, Option<Vec<SigningKey>>>;
    /// Retires the keys of all algorithms but this one; gives all keys as they are then.
    fn retire_foreign_keys(&self, algorithm: &str, at: Timestamp) -> Reply<'_, Vec<SigningKey>>;
    /// Removes the keys that were retired before this moment; gives those that stay. `None`: there were none to remove.
    fn drop_retired_keys(&self, retired_before: Timestamp) -> Reply<'_, Option<Vec<SigningKey>>>;

    /// Adds a user under the next number.
    fn create_user(&self, user: NewUser) -> Reply<'_, CreatedUser>;
    /// The same, at the same cost where the address is taken: then its user is written once more as they are, so that
    /// whoever may not learn whether it was taken can't tell by the time either.
    fn create_user_alike(&self, user: NewUser) -> Reply<'_, CreatedUser>;
    /// The user with this number.
    fn user(&self, id: UserId) -> Reply<'_, Option<User>>;
    /// The user with this address.
    fn user_by_email(&self, email: &EmailKey) -> Reply<'_, Option<User>>;
    /// Lets a user in or keeps them out. When they are kept out all their sessions end, remembered as
    /// revoked until `remember_until`; gives the ended ones. `None`: there is no such user.
    fn set_active(
        &self,
        id: UserId,
        active: bool,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Vec<SessionId>>>;
    /// Puts `to` in the place of `from`, so that a hash that was renewed at sign-in never overwrites a
    /// password that was changed meanwhile. Gives whether it did.
    fn renew_password_hash(&self, id: UserId, from: PasswordHash, to: PasswordHash) -> Reply<'_, bool>;

    /// At most `limit` users with a number above `after`, in the order of numbers.
    fn users(&self, after: Option<UserId>, limit: usize) -> Reply<'_, Vec<User>>;
    /// The highest number that a user has or had.
    fn highest_uid(&self) -> Reply<'_, Option<UserId>>;
    /// How many users there are.
    fn user_count(&self) -> Reply<'_, u64>;
    /// Changes a user. Where their roles, address or name become others, their access tokens may be out of date, which
    /// is remembered until `remember_until`.
    fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Changed>;
    /// Changes a user at their own wish, as [`Self::change_user`] does. `None`: they were disabled or removed, or have
    /// another password now than the one that was `seen`, where one had to be.
    fn change_own(
        &self,
        id: UserId,
        seen: Option<PasswordHash>,
        change: ProfileChange,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Changed>>;
    /// Puts `to` in the place of `from` at the user's own wish: their sessions end save the one that is kept (remembered
    /// until `remember_until`), and no link of theirs that sets a password works any more. Gives the ended sessions. `None`: they were
    /// disabled or removed, or have another password by now.
    fn change_password(
        &self,
        id: UserId,
        from: PasswordHash,
        to: PasswordHash,
        keep: SessionId,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Vec<SessionId>>>;
    /// Removes a user and ends their sessions (remembered until `remember_until`). Their address is free again, and
    /// their number is nobody else's for ever. `None`: there is no such user.
    fn remove_user(&self, id: UserId, remember_until: Timestamp) -> Reply<'_, Option<Removed>>;
    /// Takes in users from a file: decides over all rows first, then writes all that are good, or, where the policy
    /// doesn't leave bad ones out and there is one, none. Sessions that end and tokens that are out of date because
    /// of it are remembered until `remember_until`.
    fn import_users(
        &self,
        rows: Vec<ImportRow>,
        policy: ImportPolicy,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Imported>;
    /// The users whose roles, address or name changed and whose access tokens from before that may still be about at `now`;
    /// their order is lower than that of any change to come.
    fn outdated(&self, now: Timestamp) -> Reply<'_, Vec<Outdated>>;

    /// Begins a session, and ends the one that it replaces and those that its user has too many
    /// ([`Session::crowded_out`]; remembered until `remember_until`), unless its user is another one now than the one that
    /// was `seen`.
    fn start_session(
        &self,
        session: Session,
        seen: Seen,
        replaces: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Reply<'_, Started>;
    /// The session with this id, with its user as they are now.
    fn session(&self, id: SessionId) -> Reply<'_, Option<(Session, User)>>;
    /// At most `limit` sessions with an id above `after`, in the order of ids.
    fn sessions(&self, after: Option<SessionId>, limit: usize) -> Reply<'_, Vec<Session>>;
    /// How many sessions there are, those included whose time is over and that were not swept yet.
    fn session_count(&self) -> Reply<'_, u64>;
    /// A user's sessions, oldest first.
    fn sessions_of(&self, user: UserId) -> Reply<'_, Vec<Session>>;
    /// Puts `next` in the place of the session of its id, if that one's generation is still `from`
    /// and its user is active.
    fn rotate(&self, from: Generation, next: Session) -> Reply<'_, Rotated>;
    /// Notes when a session's generation was first presented, if nothing is noted yet and it is the
    /// session's current one.
    fn note_presented(&self, id: SessionId, generation: Generation, at: Timestamp) -> Reply<'_, ()>;
    /// Ends a session and remembers it as revoked until `remember_until`. False: there was none.
    fn end_session(&self, id: SessionId, remember_until: Timestamp) -> Reply<'_, bool>;
    /// Ends all sessions of a user save one; gives the ended ones.
    fn end_sessions_of(
        &self,
        user: UserId,
        except: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Reply<'_, Vec<SessionId>>;
    /// Ends all sessions of everybody; gives the ended ones.
    fn revoke_all(&self, remember_until: Timestamp) -> Reply<'_, Vec<SessionId>>;
    /// The sessions that were revoked and whose access tokens may still be about at `now`.
    fn revoked(&self, now: Timestamp) -> Reply<'_, Vec<Revoked>>;
    /// Removes at most `limit` sessions, remembered revocations, changes of roles and kept counters that ended before
    /// `now`; the caller goes on while that many were removed.
    fn sweep(&self, now: Timestamp, limit: usize) -> Reply<'_, Swept>;

    /// Copies all of it, as it is at one moment, into a new file that its owner alone may read. Nobody waits for it.
    fn backup(&self, to: &Path) -> Pin<Box<dyn Future<Output = Result<(), BackupError>> + Send + '_>>;
    /// Keeps a one-time link in the place of an older one of its user and purpose. `None`: there is no such user, or they
    /// have another address by now: what is mailed to one must not prove the other.
    fn put_one_time(&self, link: NewOneTime, now: Timestamp) -> Reply<'_, Option<()>>;
    /// Whose link this is, if it can be used at `now`; it is not used up by asking. Used, expired, replaced, of
    /// another purpose, of a removed user or of an address that has changed since: all are the same `None`.
    fn one_time(&self, token: TokenHash, purpose: Purpose, now: Timestamp) -> Reply<'_, Option<UserId>>;
    /// Uses a link up that sets a password ([`Purpose::SETTING_A_PASSWORD`]) and sets its user's: all their sessions end,
    /// remembered as revoked until `remember_until`, and no other link of theirs works any more. Their address is
    /// proven by it where it was mailed there. Whether the user is active stays as it is. `None`: as above.
    fn reset_password(
        &self,
        token: TokenHash,
        purpose: Purpose,
        to: PasswordHash,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Reset>>;
    /// Uses a link of [`Purpose::AddressProof`] up: the address of this user, whose link it has to be, is proven from
    /// now on, and access tokens that say otherwise are out of date, which is remembered until `remember_until`.
    /// `None`: as above, or it is another user's, or they were disabled.
    fn prove_address(
        &self,
        user: UserId,
        token: TokenHash,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Reply<'_, Option<Proven>>;

    /// Keeps counters of attempts, each in the place of what was kept of it, which it never brings back
    /// ([`KeptLimit::or_later`]); of too many of one kind those go that are over first ([`KeptLimit::MOST`]).
    fn keep_limits(&self, limits: Vec<KeepLimit>) -> Reply<'_, ()>;
    /// The counters that were kept and matter after `now`.
    fn kept_limits(&self, now: Timestamp) -> Reply<'_, Vec<KeptLimit>>;

    /// How many transactions were committed since the start: fewer than writes, where they come together.
    fn commits(&self) -> u64;

    /// Finishes what is queued and closes the database. Calls after it fail with `Closed`.
    fn close(&self) -> Reply<'_, ()>;
}

/// A database's own secrets and name, made at its first start.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The `iss` of this database's tokens where the settings name none.
    pub issuer: String,
    /// The key of session ids' seals (32 bytes).
    pub session_key: Secret<Vec<u8>>,
    /// The key of refresh tokens' MACs (32 bytes).
    pub refresh_key: Secret<Vec<u8>>,
}

impl Origin {
    /// The length of each of its keys, in bytes.
    pub const KEY: usize = 32;
}

/// A key that signs access tokens.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The key's name in tokens and in the key set.
    pub kid: String,
    /// `EdDSA`, `ES256` or `RS256`.
    pub algorithm: String,
    /// The private key, PKCS#8 DER.
    pub private: Secret<Vec<u8>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it stopped signing; its public half is still published until the last token it signed has expired.
    pub retired: Option<Timestamp>,
}

/// A user who is not yet one.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Their password's hash; none where they are to choose one later.
    pub password: Option<PasswordHash>,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Whether the address is proven.
    pub email_verified: bool,
    /// When they came.
    pub created: Timestamp,
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// Their number.
    pub id: UserId,
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Their password's hash; none where they never had one (an invitation that was not taken up).
    pub password: Option<PasswordHash>,
    /// False: they may not sign in, and none of their sessions lives.
    pub active: bool,
    /// Their roles, sorted.
    pub roles: Vec<Role>,
    /// Whether the address is proven.
    pub email_verified: bool,
    /// When they came.
    pub created: Timestamp,
    /// When anything above last changed.
    pub updated: Timestamp,
}

/// What became of a new user.
#[derive(Clone, Debug)]
pub enum CreatedUser {
    /// They are a user now.
    Created(User),
    /// Somebody has that address already.
    EmailTaken,
}

/// Which pair of tokens of a session: 1 at sign-in, one more at each rotation.
pub type Generation = u64;

/// A session: everything that its current refresh token's claims follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its sealed id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When its user signed in.
    pub started: Timestamp,
    /// Its current pair of tokens.
    pub generation: Generation,
    /// When the current pair was made.
    pub issued: Timestamp,
    /// When the current refresh token, and with it the session, expires.
    pub expires: Timestamp,
    /// When generations were first presented, oldest first: the current one if it was, and those whose
    /// first presentation still matters for the grace (contract section 5).
    pub presented: Vec<(Generation, Timestamp)>,
    /// Where its user signed in from.
    pub address: Option<IpAddr>,
    /// What their browser called itself, cut to 256 bytes.
    pub agent: String,
}

impl Session {
    /// When it was last seen at work: its pair was renewed, or first presented. Access tokens are good for a while
    /// without the store hearing of it, so this is that much behind at most.
    pub fn last_used(&self) -> Timestamp {
        self.presented.iter().map(|(_, at)| *at).fold(self.issued, Ord::max)
    }
}

/// What a sign-in saw of its user: what it has checked, and what its tokens say.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The hash that the password was compared with.
    pub password: Option<PasswordHash>,
    /// Their roles, sorted.
    pub roles: Vec<Role>,
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Whether their address is proven.
    pub email_verified: bool,
}

impl Seen {
    /// What was seen of this user.
    pub fn of(user: &User) -> Self {
        let User { password, roles, email, username, email_verified, .. } = user.clone();
        Self { password, roles, email, username, email_verified }
    }

    /// Whether the user is still the same in this.
    pub fn is_still(&self, user: &User) -> bool {
        self.password == user.password
            && self.roles == user.roles
            && self.email == user.email
            && self.username == user.username
            && self.email_verified == user.email_verified
    }
}

/// What became of a new session.
#[derive(Clone, Debug)]
pub enum Started {
    /// It lives.
    Live {
        /// What ended for it: the one that it replaces, and the user's least recently used ones where they have more
        /// than [`MOST_SESSIONS`].
        ended: Vec<SessionId>,
    },
    /// It does not: its user is another one in something that was seen. As they are now.
    Changed(Box<User>),
    /// Its user was disabled or removed meanwhile.
    UserGone,
}

/// What became of a rotation.
#[derive(Clone, Debug)]
pub enum Rotated {
    /// The new pair is the session's; its user as they are now.
    Done(User),
    /// Another request was first: the session as it is now.
    Moved(Session),
    /// The session has ended, or its user was disabled or removed.
    Gone,
}

/// What a sweep removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions that had run out.
    pub sessions: Vec<SessionId>,
    /// How many revocations no longer had to be remembered.
    pub revocations: usize,
    /// How many changes of what tokens say no longer had to be.
    pub outdated: usize,
    /// How many counters of attempts were over.
    pub limits: usize,
}

impl Swept {
    /// How many records that were.
    pub fn count(&self) -> usize {
        self.sessions.len() + self.revocations + self.outdated + self.limits
    }
}

/// A session that ended before its access tokens did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Which.
    pub session: SessionId,
    /// From when on no access token of it can be valid any more.
    pub until: Timestamp,
}
