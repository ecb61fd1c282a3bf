//! Why an operator's command was not carried out, in words for them.

use http::StatusCode;

use crate::accounts::Unfit;
use crate::hashing::HashError;
use crate::sessions::RotateError;
use crate::store::{BackupError, StoreError};
use crate::tokens::TokensError;
use crate::types::{Email, SessionId, UserId, UserRef};

/// What went wrong. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody has that number or address.
    #[error("there is no user `{0}`\nhint: `sidegate users list` shows all")]
    NoSuchUser(UserRef),
    /// There is no such session.
    #[error("there is no session `{0}`; it may have ended\nhint: `sidegate sessions list` shows all")]
    NoSuchSession(SessionId),
    /// Somebody has that address.
    #[error("the address `{0}` belongs to another user\nhint: `sidegate users show {0}` tells whom")]
    EmailTaken(Email),
    /// The password is no good.
    #[error("{}", unfit(*.0))]
    Unfit(#[from] Unfit),
    /// The password was not hashed.
    #[error("the password could not be hashed: {0}\nhint: try again in a few seconds")]
    Hash(#[from] HashError),
    /// No mail is sent here.
    #[error(
        "no mail is sent here: the configuration has no `[email]`, or one that can't be used\nhint: set `email.smtp` and `email.from` and see what `sidegate check` says, or make the user with `--password-stdin` and hand over the link of `sidegate users reset`"
    )]
    NoMail,
    /// The page that a mailed link opens is not there.
    #[error(
        "a mailed link opens a page of the gate's, and `pages.enabled` is false\nhint: set it to true, or make the user with `--password-stdin`"
    )]
    NoPages,
    /// The user was made, but their mail was not taken.
    #[error(
        "user {uid} was made, but their invitation was not mailed: {cause}\nhint: hand over the link of `sidegate users reset {uid}`, or remove them with `sidegate users remove {uid}` and try again"
    )]
    Undelivered {
        /// Who.
        uid: UserId,
        /// What the mail server said.
        cause: String,
    },
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// There is no key to rotate.
    #[error(
        "with `HS256` the key is `tokens.secret`\nhint: change that and restart the gate; who is signed in gets new tokens by their refresh token"
    )]
    SharedSecret,
    /// A key could not be made, or what the database holds is damaged.
    #[error("the signing keys can't be used: {0}")]
    Keys(#[from] TokensError),
    /// There is no copy of the database.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A file could not be used.
    #[error("{doing}: {cause}")]
    File {
        /// What was being done with which file.
        doing: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// What was sent is no command of this version.
    #[error(
        "the running gate does not understand this command: {0}\nhint: use the `sidegate` that the gate runs"
    )]
    Unknown(String),
    /// What was sent ended too early.
    #[error("the command was cut short: {0}")]
    Cut(String),
}

impl Failure {
    /// As a status (RFC 9110 section 15), for whoever speaks to the socket by other means.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchUser(_) | Self::NoSuchSession(_) => StatusCode::NOT_FOUND,
            Self::EmailTaken(_) | Self::SharedSecret | Self::NoMail | Self::NoPages => StatusCode::CONFLICT,
            Self::Undelivered { .. } => StatusCode::BAD_GATEWAY,
            Self::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Hash(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Backup(_) | Self::File { .. } | Self::Keys(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unknown(_) | Self::Cut(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::SharedSecret => Self::SharedSecret,
            RotateError::Store(error) => Self::Store(error),
            RotateError::Tokens(error) => Self::Keys(error),
        }
    }
}

/// With the settings that say so.
fn unfit(unfit: Unfit) -> String {
    match unfit {
        Unfit::TooShort { min } => {
            format!("the password is too short: it needs {min} characters (`passwords.min_length`)")
        }
        Unfit::Common => {
            "the password is one of the most used ones; choose another (`passwords.block_common`)".to_owned()
        }
    }
}
