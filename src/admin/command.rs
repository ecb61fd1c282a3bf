//! What an operator can ask for, typed on both sides of the socket: one JSON object, in which ids, addresses and names
//! are the texts that they are everywhere else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::OnConflict;
use crate::types::{Email, Password, Role, SessionId, UserRef, Username};

/// One thing to do. What takes nothing has braces all the same: of a unit variant serde lets any member pass.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Make a user. Without a password they can't sign in until they have used a reset link.
    AddUser {
        /// Their address.
        email: Text<Email>,
        /// Their name.
        username: Text<Username>,
        /// Their roles.
        roles: Vec<Text<Role>>,
        /// Their password.
        password: Option<Text<Password>>,
    },
    /// Make a user and mail them a link by which they choose a password.
    InviteUser {
        /// Their address.
        email: Text<Email>,
        /// Their name.
        username: Text<Username>,
        /// Their roles.
        roles: Vec<Text<Role>>,
    },
    /// All users, in the order of their numbers.
    ListUsers {},
    /// One user.
    ShowUser {
        /// Whom.
        user: Text<UserRef>,
    },
    /// Change what is given of a user.
    ChangeUser {
        /// Whom.
        user: Text<UserRef>,
        /// Their new address.
        email: Option<Text<Email>>,
        /// Their new name.
        username: Option<Text<Username>>,
        /// Their new roles, all of them.
        roles: Option<Vec<Text<Role>>>,
    },
    /// Make a link by which a user sets a new password, once.
    ResetUser {
        /// Whom.
        user: Text<UserRef>,
    },
    /// Let a user in, or keep them out and end their sessions.
    SetActive {
        /// Whom.
        user: Text<UserRef>,
        /// Whether they may sign in.
        active: bool,
    },
    /// Remove a user with their sessions.
    RemoveUser {
        /// Whom.
        user: Text<UserRef>,
    },
    /// Take users in; their rows follow, one a line.
    ImportUsers {
        /// What becomes of rows whose address or number is taken.
        on_conflict: OnConflict,
        /// Whether bad rows are left out; else one of them keeps all out.
        skip_bad: bool,
        /// Whether nothing is written in any case: their file has bad rows that were not sent.
        only_examine: bool,
    },
    /// All users with their passwords' hashes, one a line, as an import reads them.
    ExportUsers {},
    /// All sessions, or one user's.
    ListSessions {
        /// Whose.
        user: Option<Text<UserRef>>,
    },
    /// End sessions.
    RevokeSessions {
        /// Which.
        which: Which,
    },
    /// The keys that sign access tokens.
    ListKeys {},
    /// Let a new key sign.
    RotateKeys {},
    /// A copy of the whole database.
    Backup {},
}

/// Which sessions are meant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Which {
    /// One.
    Session(Text<SessionId>),
    /// One user's.
    User(Text<UserRef>),
    /// Everybody's.
    All,
}

/// A value that is written as its text.
pub struct Text<T>(pub T);

/// What has a text, and one way back from it.
pub trait Textual: Sized {
    /// What it is, for "that is no …".
    const WHAT: &'static str;
    /// Reads its text.
    fn from_text(text: &str) -> Option<Self>;
    /// Writes its text.
    fn text(&self) -> String;
}

impl<T: Textual> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

impl<'de, T: Textual> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading<T>(PhantomData<T>);
        impl<T: Textual> Visitor<'_> for Reading<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WHAT)
            }

            // The text itself stays out of the error: it may be a password.
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
                T::from_text(text).map(Text).ok_or_else(|| E::custom(format_args!("that is no {}", T::WHAT)))
            }
        }
        deserializer.deserialize_str(Reading(PhantomData))
    }
}

impl<T: fmt::Debug> fmt::Debug for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Textual for Email {
    const WHAT: &'static str = "e-mail address";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Textual for Username {
    const WHAT: &'static str = "username (1 to 64 characters, none of them a control character)";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Textual for Role {
    const WHAT: &'static str = "role (1 to 64 letters, digits, `-`, `_`, `.` or `:`)";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Textual for SessionId {
    const WHAT: &'static str = "session id (32 characters, as `sidegate sessions list` shows it)";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Textual for UserRef {
    const WHAT: &'static str = "user: give a number or an e-mail address";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Textual for Password {
    const WHAT: &'static str = "password (1 to 1024 bytes)";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.reveal()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen: commands that take nothing let any member pass, so that a caller of another version got something else than
    /// what was asked for, and no word of it.
    #[test]
    fn a_member_that_a_command_does_not_have_is_refused_also_where_it_has_none() {
        for name in ["list_users", "export_users", "list_keys", "rotate_keys", "backup", "list_sessions"] {
            let bare = format!(r#"{{"command":"{name}"}}"#);
            let command: Command = serde_json::from_str(&bare).unwrap();
            let written = serde_json::to_string(&command).unwrap();
            assert!(written.starts_with(bare.trim_end_matches('}')), "{written}");
            let more = format!(r#"{{"command":"{name}","only":"active"}}"#);
            assert!(serde_json::from_str::<Command>(&more).is_err(), "{name}");
        }
    }
}
