//! Signing up: may they, is the password any good, is the address free; then a user with the next number.

use std::net::IpAddr;

use super::Accounts;
use super::errands::TooMany;
use super::links::{Asked, MailLinkError};
use super::rules::Unfit;
use crate::audit::Event;
use crate::hashing::HashError;
use crate::limits::{LimitKey, Limited, Mailing, Network};
use crate::mail::Mailer;
use crate::sessions::to_the_end;
use crate::store::{CreatedUser, NewUser, StoreError, User};
use crate::types::{Email, Password, Username};

/// Somebody who wants to be a user.
#[derive(Debug)]
pub struct SignUp {
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Their password.
    pub password: Password,
    /// Where they are.
    pub address: Option<IpAddr>,
}

/// What became of a sign-up.
#[derive(Debug)]
pub enum SignedUp {
    /// They are a user.
    User(Box<User>),
    /// That is not said: the address has to be proven, and what more there is to know is mailed to it.
    Unsaid,
}

/// Why somebody is not a user.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Nobody may sign up.
    #[error("sign-up is closed")]
    Closed,
    /// Only addresses of certain domains may.
    #[error("addresses of this domain may not sign up")]
    Domain,
    /// The password is no good.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Too many sign-ups from there.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Too many mails are being prepared.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Somebody has that address.
    #[error("the address is taken")]
    EmailTaken,
    /// The password was not hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Whether anybody may sign up.
    pub fn is_sign_up_open(&self) -> bool {
        self.0.signup.open
    }

    /// Whether an address has to be proven before anything is open.
    pub fn asks_for_proof(&self) -> bool {
        self.0.signup.email_verification
    }

    /// Makes a user. What the settings refuse costs no attempt; an address that is taken does, or this would
    /// be a way to ask for addresses at will.
    pub async fn sign_up(&self, new: SignUp) -> Result<SignedUp, SignUpError> {
        self.admit(&new)?;
        let key = LimitKey::SignUp(Network::of(new.address));
        let counted = self.counted(&[key])?;
        let done = if self.0.signup.email_verification {
            self.create_unsaid(new).await.map(|()| SignedUp::Unsaid)
        } else {
            self.create(new).await.map(|user| SignedUp::User(Box::new(user)))
        };
        match done {
            Err(SignUpError::Hash(_) | SignUpError::Store(_) | SignUpError::TooMany(_)) => counted.refund(),
            _ => counted.stands().await,
        }
        done
    }

    fn admit(&self, new: &SignUp) -> Result<(), SignUpError> {
        if !self.0.signup.open {
            return Err(SignUpError::Closed);
        }
        if !self.is_of_allowed_domain(&new.email) {
            return Err(SignUpError::Domain);
        }
        Ok(self.judge(&new.password)?)
    }

    /// Whether people may have an address of this domain here.
    pub(super) fn is_of_allowed_domain(&self, email: &Email) -> bool {
        let (allowed, domain) = (&self.0.signup.allowed_domains, email.key().domain());
        allowed.is_empty() || allowed.iter().any(|ours| ours == domain)
    }

    /// Whether the address is taken is told to it alone, by mail: for whoever signs up both are the same, in what is
    /// done before the answer as well. Who leaves half way gets their mail all the same.
    async fn create_unsaid(&self, new: SignUp) -> Result<(), SignUpError> {
        let (email, address) = (new.email.clone(), new.address);
        let user = self.hashed(new).await?;
        let errand = self.0.errands.place()?;
        let this = self.clone();
        to_the_end(async move {
            let created = this.0.services.store.create_user_alike(user).await?;
            errand.run(async move {
                if let CreatedUser::Created(user) = &created {
                    this.note(Event::SignedUp { uid: user.id, address });
                }
                let Some(mailer) = this.0.services.mail.clone() else { return Ok(()) };
                match created {
                    CreatedUser::Created(user) => this.mail_link(&mailer, &user, Asked::Proof, address).await,
                    CreatedUser::EmailTaken => this.mail_owner(&mailer, &email).await,
                }
            });
            Ok(())
        })
        .await
    }

    /// A user as they are to be kept.
    async fn hashed(&self, new: SignUp) -> Result<NewUser, HashError> {
        let services = &self.0.services;
        Ok(NewUser {
            email: new.email,
            username: new.username,
            password: Some(services.hasher.hash(new.password).await?),
            roles: Vec::new(),
            email_verified: false,
            created: services.clock.now(),
        })
    }

    /// Tells the owner of an address that somebody wanted to sign up with it.
    async fn mail_owner(&self, mailer: &Mailer, email: &Email) -> Result<(), MailLinkError> {
        let owner = self.0.services.store.user_by_email(email.key()).await?;
        if let Some(owner) = owner.filter(|owner| owner.active) {
            self.count_mail(&owner, Mailing::Notice).await?;
            mailer.post(self.letters().known_already(&owner));
        }
        Ok(())
    }

    async fn create(&self, new: SignUp) -> Result<User, SignUpError> {
        let services = &self.0.services;
        // A taken address is told before its hash is paid for; the store has the last word when two race.
        if services.store.user_by_email(new.email.key()).await?.is_some() {
            return Err(SignUpError::EmailTaken);
        }
        let address = new.address;
        let user = self.hashed(new).await?;
        match services.store.create_user(user).await? {
            CreatedUser::Created(user) => {
                self.note(Event::SignedUp { uid: user.id, address });
                Ok(user)
            }
            CreatedUser::EmailTaken => Err(SignUpError::EmailTaken),
        }
    }
}
