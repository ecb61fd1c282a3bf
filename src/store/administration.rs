//! What an operator asks of a store, and what became of it: changed, removed and imported users.

use serde::{Deserialize, Serialize};

use super::{PasswordHash, User};
use crate::types::{Email, Role, SessionId, Timestamp, UserId, Username};

/// What is to be different about a user; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Their address. Another one is unproven.
    pub email: Option<Email>,
    /// Their name.
    pub username: Option<Username>,
    /// All of their roles.
    pub roles: Option<Vec<Role>>,
}

/// What a user may change of themselves; `None` leaves it as it is. Never their roles.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// Their address. Another one is unproven.
    pub email: Option<Email>,
    /// Their name.
    pub username: Option<Username>,
}

impl From<ProfileChange> for UserChange {
    fn from(ProfileChange { email, username }: ProfileChange) -> Self {
        Self { email, username, roles: None }
    }
}

/// What became of a change.
#[derive(Clone, Debug)]
pub enum Changed {
    /// They are as asked.
    Done {
        /// As they were.
        before: Box<User>,
        /// As they are now.
        user: User,
        /// What their access tokens must not say any more, where that changed and a session lives.
        outdated: Vec<Outdated>,
    },
    /// Somebody else has that address.
    EmailTaken,
    /// There is no such user.
    NoSuchUser,
}

/// A user of whom something changed that access tokens may say, while they had sessions: until then an access token that says others
/// than these is out of date. It is told by what it says, so that a token that was made after the change is good
/// whichever way it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// Who.
    pub user: UserId,
    /// Their roles, sorted, as they are now.
    pub roles: Vec<Role>,
    /// Their address as it is now.
    pub email: Email,
    /// Their name as it is now.
    pub username: Username,
    /// Whether their address is proven now.
    pub email_verified: bool,
    /// From when on no access token from before the change can be valid any more.
    pub until: Timestamp,
    /// Which of a user's changes it was.
    pub order: Order,
}

/// The place of a change among all changes of a running store: of two, the later one has the higher. By it the last change
/// of a user is known, in whichever order they are heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// The number of the write.
    pub write: u64,
    /// Its place in that write.
    pub place: u64,
}

impl Outdated {
    /// What access tokens of this user have to say until then.
    pub fn of(user: &User, until: Timestamp, order: Order) -> Self {
        let User { id, email, username, roles, email_verified, .. } = user.clone();
        Self { user: id, roles, email, username, email_verified, until, order }
    }

    /// Whether something that access tokens may say is another now.
    pub fn is_between(before: &User, now: &User) -> bool {
        before.roles != now.roles
            || before.email != now.email
            || before.username != now.username
            || before.email_verified != now.email_verified
    }
}

/// A user who was, with what ended together with them.
#[derive(Clone, Debug)]
pub struct Removed {
    /// As they were.
    pub user: User,
    /// Their sessions.
    pub sessions: Vec<SessionId>,
}

/// A user from a file.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Where in the file they stand.
    pub line: u64,
    /// Their number, where the file gives one.
    pub uid: Option<UserId>,
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Their password's hash. `None`: they have none, or keep the one that they have.
    pub password: Option<PasswordHash>,
    /// Whether they may sign in.
    pub active: bool,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Whether the address is proven.
    pub email_verified: bool,
    /// When they came, where the file says so.
    pub created: Option<Timestamp>,
    /// When they last changed, where the file says so.
    pub updated: Option<Timestamp>,
}

/// How an import decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportPolicy {
    /// What of users who are there already.
    pub on_conflict: OnConflict,
    /// Bad rows are left out, and the others written; else one bad row keeps all of them out.
    pub skip_bad: bool,
    /// Nothing is written in any case: only what is bad is to be told.
    pub only_examine: bool,
}

/// What an import does with a row whose number or address a user has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// The row is bad.
    #[default]
    Fail,
    /// The user stays as they are.
    Skip,
    /// The user becomes as the row says.
    Update,
}

/// What became of an import.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// How many users are new.
    pub added: u64,
    /// How many changed.
    pub updated: u64,
    /// How many rows were left out because their users are there already.
    pub skipped: u64,
    /// How many rows said of their users what was so already.
    pub unchanged: u64,
    /// The bad rows, in the order of the file.
    pub bad: Vec<BadRow>,
    /// The sessions that ended: of users whose password changed, or who were kept out.
    pub ended: Vec<SessionId>,
    /// What access tokens must not say any more.
    pub outdated: Vec<Outdated>,
    /// False: there were bad rows, and nothing was written.
    pub written: bool,
}

/// A row that can't be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Where in the file it stands.
    pub line: u64,
    /// What is wrong with it.
    pub why: BadRowReason,
}

/// What is wrong with a row. The texts are for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRowReason {
    /// Another user has its address.
    #[error("its address is that of user {uid}")]
    AddressTaken {
        /// Who.
        uid: UserId,
    },
    /// Its number is that of a user with another address.
    #[error("user {uid} has another address")]
    UidTaken {
        /// The number.
        uid: UserId,
    },
    /// Its number and its address are those of two users.
    #[error("its number is that of one user and its address that of user {uid}")]
    TwoUsers {
        /// Whose the address is.
        uid: UserId,
    },
    /// Its number was that of a removed user with another address: numbers are never used again.
    #[error("user {uid} was removed and had another address; numbers are not used twice")]
    UidRemoved {
        /// The number.
        uid: UserId,
    },
    /// Another row has the same address.
    #[error("line {line} has the same address")]
    AddressTwice {
        /// The other row.
        line: u64,
    },
    /// Another row has the same number.
    #[error("line {line} has the same uid")]
    UidTwice {
        /// The other row.
        line: u64,
    },
    /// Another row is about the same user: one by the number, one by the address.
    #[error("line {line} is about the same user")]
    UserTwice {
        /// The other row.
        line: u64,
    },
    /// Its number is so large that those who come later would have none that a browser can read.
    #[error("its uid is larger than {max}")]
    UidTooLarge {
        /// The largest that is taken.
        max: u64,
    },
}

impl ImportRow {
    /// The largest number that is taken: half of what JavaScript's numbers hold exactly (2^53), so that the counter
    /// has the other half to go on with.
    pub const MAX_UID: u64 = 1 << 52;
}
