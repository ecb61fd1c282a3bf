//! Errors become problems here: an exhaustive match for each, from what went wrong to what the client is told.
//! What the log keeps is another text.

use std::time::Duration;

use crate::accounts::{AskError, OwnError, ProofError, ResetError, SignInError, SignUpError, TooMany, Unfit};
use crate::hashing::HashError;
use crate::limits::{Limited, Policy};
use crate::sessions::{RefreshError, StartError};
use crate::store::StoreError;
use crate::tokens::{TokenFault, TokensError};
use crate::web::problem::RateLimit;
use crate::web::{Code, Problem};

/// How long a client should wait for a place in the hashing queue: it empties within seconds.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// And for a disk that is full.
const STORE_WAIT: Duration = Duration::from_secs(10);

/// Why an endpoint doesn't do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the client is told.
    pub(super) problem: Problem,
    /// Whether its cookies are of no use any more.
    pub(super) clear_cookies: bool,
}

impl Failure {
    /// And clears the cookies that led to it.
    pub(super) const fn clearing(problem: Problem) -> Self {
        Self { problem, clear_cookies: true }
    }
}

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        Self { problem: problem.into(), clear_cookies: false }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Unwritable(_) | StoreError::Closed => {
                Self::new(Code::Unavailable).retry_after(STORE_WAIT)
            }
            StoreError::Damaged(_) => Self::new(Code::Internal),
        }
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::new(Code::Unavailable).retry_after(BUSY_WAIT),
            // The thread has logged why.
            HashError::Failed => Self::new(Code::Internal),
        }
    }
}

impl From<TokensError> for Problem {
    fn from(error: TokensError) -> Self {
        tracing::error!(%error, "tokens could not be made");
        Self::new(Code::Internal)
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let Limited { retry_after, policy: Policy { name, quota, window } } = limited;
        let limit = RateLimit { policy: name, quota, window };
        Self::new(Code::TooManyRequests).retry_after(retry_after).rate_limit(limit)
    }
}

impl From<TokenFault> for Problem {
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::Expired => Self::new(Code::TokenExpired),
            TokenFault::Invalid(why) => {
                tracing::debug!(why, "an access token was refused");
                Self::new(Code::InvalidToken)
            }
        }
    }
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Closed => Self::new(Code::SignupClosed),
            SignUpError::Domain => foreign_domain(),
            SignUpError::Unfit(unfit) => unfit.into(),
            SignUpError::Limited(limited) => limited.into(),
            SignUpError::EmailTaken => Self::new(Code::EmailTaken),
            SignUpError::TooMany(error) => error.into(),
            SignUpError::Hash(error) => error.into(),
            SignUpError::Store(error) => error.into(),
        }
    }
}

impl From<TooMany> for Problem {
    fn from(_: TooMany) -> Self {
        Self::new(Code::Unavailable).retry_after(BUSY_WAIT)
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Limited(limited) => limited.into(),
            AskError::TooMany(error) => error.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::BadToken => Self::new(Code::BadProofToken),
            ProofError::Limited(limited) => limited.into(),
            ProofError::Own(error) => error.into(),
            ProofError::Store(error) => error.into(),
        }
    }
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::BadToken => Self::new(Code::BadResetToken),
            ResetError::Unfit(unfit) => unfit.into(),
            ResetError::Limited(limited) => limited.into(),
            ResetError::Hash(error) => error.into(),
            ResetError::Store(error) => error.into(),
        }
    }
}

impl From<OwnError> for Problem {
    fn from(error: OwnError) -> Self {
        match error {
            // As an access token of theirs says from now on.
            OwnError::Gone => Self::new(Code::InvalidToken),
            OwnError::WrongPassword => Self::new(Code::WrongPassword),
            OwnError::Domain => foreign_domain(),
            OwnError::EmailTaken => Self::new(Code::EmailTaken),
            OwnError::Unfit(unfit) => unfit.into(),
            OwnError::Limited(limited) => limited.into(),
            OwnError::Hash(error) => error.into(),
            OwnError::Store(error) => error.into(),
        }
    }
}

fn foreign_domain() -> Problem {
    Problem::new(Code::InvalidValue).detail("Addresses of this domain can't sign up here.")
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        Self::new(Code::InvalidValue).detail(match unfit {
            Unfit::TooShort { min } => format!("The password must have at least {min} characters."),
            Unfit::Common => "This password is one of the most used ones. Choose another.".to_owned(),
        })
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::new(Code::InvalidLogin),
            SignInError::Limited(limited) => limited.into(),
            SignInError::Hash(error) => error.into(),
            SignInError::Store(error) => error.into(),
            SignInError::Tokens(error) => error.into(),
        }
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        SignInError::from(error).into()
    }
}

impl From<RefreshError> for Failure {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Expired => Self::clearing(Code::TokenExpired.into()),
            RefreshError::Invalid(why) => {
                tracing::debug!(why, "a refresh token was refused");
                Self::clearing(Code::InvalidToken.into())
            }
            RefreshError::Replayed { .. } | RefreshError::Gone => Self::clearing(Code::InvalidToken.into()),
            RefreshError::Store(error) => Problem::from(error).into(),
            RefreshError::Tokens(error) => Problem::from(error).into(),
        }
    }
}
