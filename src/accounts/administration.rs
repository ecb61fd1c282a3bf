//! What an operator does with users: lists, finds, adds, changes, removes and imports them. The settings of sign-up
//! (`signup.open`, `signup.allowed_domains`, its limits) are for strangers and don't hold here.

use super::Accounts;
use super::rules::Unfit;
use crate::audit::Event;
use crate::hashing::HashError;
use crate::sessions::to_the_end;
use crate::store::{
    Changed, CreatedUser, ImportPolicy, ImportRow, Imported, NewUser, StoreError, User, UserChange,
};
use crate::types::{Email, Password, Role, UserId, UserRef, Username};

/// Somebody whom an operator makes a user.
#[derive(Debug)]
pub struct AddUser {
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Their password; without one they can't sign in before they have chosen one.
    pub password: Option<Password>,
    /// Their roles.
    pub roles: Vec<Role>,
}

/// Why somebody was not made a user.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Somebody has that address.
    #[error("the address is taken")]
    EmailTaken,
    /// The password is no good.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The password was not hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// Somebody else has that address.
    #[error("the address is taken")]
    EmailTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// At most `limit` users with a number above `after`, in the order of numbers.
    pub async fn users(&self, after: Option<UserId>, limit: usize) -> Result<Vec<User>, StoreError> {
        self.0.services.store.users(after, limit).await
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.0.services.store.user_count().await
    }

    /// The user whom an operator names.
    pub async fn find(&self, user: &UserRef) -> Result<Option<User>, StoreError> {
        match user {
            UserRef::Id(id) => self.0.services.store.user(*id).await,
            UserRef::Email(email) => self.0.services.store.user_by_email(email.key()).await,
        }
    }

    /// Makes a user. Their password has to be as good as one that signs up.
    pub async fn add(&self, new: AddUser) -> Result<User, AddError> {
        let services = &self.0.services;
        if let Some(password) = &new.password {
            self.judge(password)?;
        }
        // A taken address is told before its hash is paid for; the store has the last word when two race.
        if services.store.user_by_email(new.email.key()).await?.is_some() {
            return Err(AddError::EmailTaken);
        }
        let password = match new.password {
            Some(password) => Some(services.hasher.hash(password).await?),
            None => None,
        };
        let user = NewUser {
            email: new.email,
            username: new.username,
            password,
            roles: new.roles,
            email_verified: false,
            created: services.clock.now(),
        };
        match services.store.create_user(user).await? {
            CreatedUser::Created(user) => {
                self.note(Event::UserAdded { uid: user.id });
                Ok(user)
            }
            CreatedUser::EmailTaken => Err(AddError::EmailTaken),
        }
    }

    /// Changes a user. Other roles hold from the next request on: access tokens that say otherwise are as good as
    /// expired, and what is open under them is closed.
    pub async fn change(&self, id: UserId, change: UserChange) -> Result<User, ChangeError> {
        let this = self.clone();
        to_the_end(async move {
            match this.0.services.sessions.change_user(id, change).await? {
                Changed::Done { before, user, .. } => {
                    this.note(Event::UserChanged { uid: id });
                    this.address_changed(&before, &user, None).await;
                    Ok(user)
                }
                Changed::EmailTaken => Err(ChangeError::EmailTaken),
                Changed::NoSuchUser => Err(ChangeError::NoSuchUser),
            }
        })
        .await
    }

    /// Removes a user and ends their sessions at once; gives them as they were. `None`: there is no such user.
    pub async fn remove(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let removed = self.0.services.sessions.remove_user(id).await?;
        Ok(removed.map(|removed| {
            self.note(Event::UserRemoved { uid: id });
            removed.user
        }))
    }

    /// Takes in users from a file, in one transaction.
    pub async fn import(&self, rows: Vec<ImportRow>, policy: ImportPolicy) -> Result<Imported, StoreError> {
        let imported = self.0.services.sessions.import_users(rows, policy).await?;
        if imported.written {
            let Imported { added, updated, skipped, .. } = imported;
            self.note(Event::UsersImported { added, updated, skipped, bad: imported.bad.len() as u64 });
        }
        Ok(imported)
    }
}
