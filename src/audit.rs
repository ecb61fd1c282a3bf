//! What happened to accounts and sessions, one line an event: who, when, from where. Never a token, a password
//! or the address that a stranger typed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::types::{SessionId, Timestamp, UserId};

/// Where events are written: a file if one is configured, and always the log, under the target `audit`. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Audit(Option<Arc<Mutex<File>>>);

/// Something that an operator may have to answer for later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody made themselves an account.
    SignedUp {
        /// Who.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A session began.
    SignedIn {
        /// Whose.
        uid: UserId,
        /// Which.
        session: SessionId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A sign-in was refused.
    SignInFailed {
        /// The account that was named, if there is one.
        uid: Option<UserId>,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A session was ended by its user.
    SignedOut {
        /// Which.
        session: SessionId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A refresh token was used again after its successor had been: somebody has a copy. The session has been ended.
    RefreshReplayed {
        /// Whose.
        uid: UserId,
        /// Which.
        session: SessionId,
        /// From where the copy was used that gave it away: the thief's, or the owner's after the thief's.
        address: Option<IpAddr>,
    },
    /// A link was made by which a user can set a new password.
    ResetLinkMade {
        /// Whose.
        uid: UserId,
    },
    /// A link by which a user can set a new password was mailed to them, since somebody asked for it.
    ResetMailed {
        /// Whose.
        uid: UserId,
        /// From where it was asked for.
        address: Option<IpAddr>,
    },
    /// A link by which a new user can set their first password was mailed to them.
    InvitationMailed {
        /// Whose.
        uid: UserId,
    },
    /// A link that proves an address was mailed to it.
    ProofMailed {
        /// Whose.
        uid: UserId,
        /// From where it was asked for.
        address: Option<IpAddr>,
    },
    /// Such a link was used: its user's address is proven.
    AddressProven {
        /// Who.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A link was used that sets a password: its user has a new one, and none of their former sessions lives.
    PasswordReset {
        /// Whose.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A user chose another password, knowing the old one; all of their other sessions ended.
    PasswordChanged {
        /// Who.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// Somebody in a user's session gave a wrong password where theirs was asked for.
    PasswordRefused {
        /// Whose.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A user changed their e-mail address.
    AddressChanged {
        /// Who.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A user changed their name.
    ProfileChanged {
        /// Who.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A user ended one of their sessions from their list.
    OwnSessionEnded {
        /// Who.
        uid: UserId,
        /// Which.
        session: SessionId,
        /// From where.
        address: Option<IpAddr>,
    },
    /// A user ended all of their sessions.
    SignedOutEverywhere {
        /// Who.
        uid: UserId,
        /// From where.
        address: Option<IpAddr>,
        /// How many.
        count: usize,
    },
    /// A user was kept out.
    Disabled {
        /// Who.
        uid: UserId,
    },
    /// A user was let in again.
    Enabled {
        /// Who.
        uid: UserId,
    },
    /// The operator made a user.
    UserAdded {
        /// Who.
        uid: UserId,
    },
    /// The operator changed a user's address, name or roles.
    UserChanged {
        /// Who.
        uid: UserId,
    },
    /// The operator removed a user.
    UserRemoved {
        /// Who.
        uid: UserId,
    },
    /// The operator took in users from a file.
    UsersImported {
        /// How many were new.
        added: u64,
        /// How many changed.
        updated: u64,
        /// How many stayed as they were.
        skipped: u64,
        /// How many rows were bad and left out.
        bad: u64,
    },
    /// The operator ended a session.
    SessionRevoked {
        /// Which.
        session: SessionId,
    },
    /// The operator ended all sessions.
    SessionsRevoked {
        /// Whose; nobody's in particular: everybody's.
        uid: Option<UserId>,
        /// How many.
        count: usize,
    },
    /// Another key signs access tokens from now on.
    KeysRotated {
        /// Its name.
        kid: String,
        /// Why.
        by: RotatedBy,
    },
}

/// Why keys were rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotatedBy {
    /// `tokens.rotate_keys` says so.
    Schedule,
    /// The operator wished it.
    Operator,
}

impl RotatedBy {
    const fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Operator => "operator",
        }
    }
}

/// An event as it is written.
#[derive(Serialize, Default)]
struct Line {
    time: String,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    counts: Option<Counts>,
}

/// How many an event is about.
#[derive(Serialize)]
#[serde(untagged)]
enum Counts {
    Imported { added: u64, updated: u64, skipped: u64, bad: u64 },
    Ended { sessions: usize },
}

impl Counts {
    fn told(&self) -> String {
        match self {
            Self::Imported { added, updated, skipped, bad } => {
                format!("{added} added, {updated} updated, {skipped} skipped, {bad} bad")
            }
            Self::Ended { sessions } => format!("{sessions} sessions"),
        }
    }
}

impl Audit {
    /// Appends to `file`, which is made for its owner's eyes alone if there is none; without one, the log
    /// is all there is.
    pub fn open(file: Option<&Path>) -> io::Result<Self> {
        let file = file.map(append_private).transpose()?;
        Ok(Self(file.map(|file| Arc::new(Mutex::new(file)))))
    }

    /// Writes one event down.
    pub fn note(&self, event: Event, now: Timestamp) {
        let line = Line::new(event, now);
        tracing::info!(
            target: "audit",
            event = line.event,
            uid = line.uid,
            session = line.session,
            address = line.address.map(tracing::field::display),
            kid = line.kid,
            by = line.by,
            counts = line.counts.as_ref().map(Counts::told),
        );
        if let Some(file) = &self.0
            && let Err(error) = append(file, &line)
        {
            // Refusing sign-ins because a log's disk is full would turn a nuisance into an outage.
            tracing::error!(%error, event = line.event, "an audit event could not be written to its file");
        }
    }
}

impl Line {
    fn new(event: Event, now: Timestamp) -> Self {
        let time = now.rfc3339();
        match event {
            Event::SignedUp { uid, address } => {
                Self { time, event: "signed_up", uid: Some(uid.number()), address, ..Self::default() }
            }
            Event::SignedIn { uid, session, address } => Self {
                time,
                event: "signed_in",
                uid: Some(uid.number()),
                session: Some(session.to_string()),
                address,
                ..Self::default()
            },
            Event::SignInFailed { uid, address } => Self {
                time,
                event: "sign_in_failed",
                uid: uid.map(UserId::number),
                address,
                ..Self::default()
            },
            Event::SignedOut { session, address } => Self {
                time,
                event: "signed_out",
                session: Some(session.to_string()),
                address,
                ..Self::default()
            },
            Event::RefreshReplayed { uid, session, address } => Self {
                time,
                event: "refresh_replayed",
                uid: Some(uid.number()),
                session: Some(session.to_string()),
                address,
                ..Self::default()
            },
            Event::ResetLinkMade { uid } => Self::of_user(time, "reset_link_made", uid),
            Event::ResetMailed { uid, address } => {
                Self { address, ..Self::of_user(time, "reset_mailed", uid) }
            }
            Event::InvitationMailed { uid } => Self::of_user(time, "invitation_mailed", uid),
            Event::ProofMailed { uid, address } => {
                Self { address, ..Self::of_user(time, "verification_mailed", uid) }
            }
            Event::AddressProven { uid, address } => {
                Self { address, ..Self::of_user(time, "email_verified", uid) }
            }
            Event::PasswordReset { uid, address } => {
                Self { address, ..Self::of_user(time, "password_reset", uid) }
            }
            Event::PasswordChanged { uid, address } => {
                Self { address, ..Self::of_user(time, "password_changed", uid) }
            }
            Event::PasswordRefused { uid, address } => {
                Self { address, ..Self::of_user(time, "password_refused", uid) }
            }
            Event::AddressChanged { uid, address } => {
                Self { address, ..Self::of_user(time, "address_changed", uid) }
            }
            Event::ProfileChanged { uid, address } => {
                Self { address, ..Self::of_user(time, "profile_changed", uid) }
            }
            Event::OwnSessionEnded { uid, session, address } => Self {
                session: Some(session.to_string()),
                address,
                ..Self::of_user(time, "session_ended", uid)
            },
            Event::SignedOutEverywhere { uid, address, count } => Self {
                address,
                counts: Some(Counts::Ended { sessions: count }),
                ..Self::of_user(time, "signed_out_everywhere", uid)
            },
            Event::Disabled { uid } => Self::of_user(time, "disabled", uid),
            Event::Enabled { uid } => Self::of_user(time, "enabled", uid),
            Event::UserAdded { uid } => Self::of_user(time, "user_added", uid),
            Event::UserChanged { uid } => Self::of_user(time, "user_changed", uid),
            Event::UserRemoved { uid } => Self::of_user(time, "user_removed", uid),
            Event::UsersImported { added, updated, skipped, bad } => Self {
                time,
                event: "users_imported",
                counts: Some(Counts::Imported { added, updated, skipped, bad }),
                ..Self::default()
            },
            Event::SessionRevoked { session } => {
                Self { time, event: "session_revoked", session: Some(session.to_string()), ..Self::default() }
            }
            Event::SessionsRevoked { uid, count } => Self {
                time,
                event: "sessions_revoked",
                uid: uid.map(UserId::number),
                counts: Some(Counts::Ended { sessions: count }),
                ..Self::default()
            },
            Event::KeysRotated { kid, by } => {
                Self { time, event: "keys_rotated", kid: Some(kid), by: Some(by.name()), ..Self::default() }
            }
        }
    }

    fn of_user(time: String, event: &'static str, uid: UserId) -> Self {
        Self { time, event, uid: Some(uid.number()), ..Self::default() }
    }
}

fn append_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn append(file: &Mutex<File>, line: &Line) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    // One write a line: appended lines of several processes don't mix (O_APPEND).
    file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_event_is_one_json_line_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let (uid, session) = (UserId::new(7).unwrap(), SessionId::from_bytes([0; 24]));
        let now = Timestamp::from_millis(1_700_000_000_123);
        Audit::open(Some(&path)).unwrap().note(Event::RefreshReplayed { uid, session, address: None }, now);
        let address = Some("2001:db8::1".parse().unwrap());
        Audit::open(Some(&path)).unwrap().note(Event::SignInFailed { uid: None, address }, now);
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            written,
            concat!(
                r#"{"time":"2023-11-14T22:13:20.123Z","event":"refresh_replayed","uid":7,"session":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
                "\n",
                r#"{"time":"2023-11-14T22:13:20.123Z","event":"sign_in_failed","address":"2001:db8::1"}"#,
                "\n",
            )
        );
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_file_an_event_goes_to_the_log_alone() {
        let audit = Audit::open(None).unwrap();
        audit.note(Event::Disabled { uid: UserId::new(1).unwrap() }, Timestamp::from_secs(u64::MAX));
    }
}
