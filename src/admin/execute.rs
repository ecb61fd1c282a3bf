//! Carries a command out: the one place that knows what each of them does.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;

use super::command::Text;
use super::failure::Failure;
use super::lines::Lines;
use super::{Command, Services, backup, keys, listing, sessions, users};
use crate::store::{ImportPolicy, StoreError, UserChange};
use crate::types::{Role, UserRef};

/// What is answered: bytes, as they become ready.
pub(super) struct Reply {
    /// The media type.
    pub(super) kind: &'static str,
    /// How many bytes there will be, where that is known.
    pub(super) length: Option<u64>,
    /// They.
    pub(super) body: BoxBody<Bytes, StoreError>,
}

impl Reply {
    /// One object.
    pub(super) fn object(value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("a view has names for keys and nothing that can fail");
        let body = Full::new(Bytes::from(json)).map_err(|never: Infallible| match never {}).boxed();
        Self { kind: "application/json", length: None, body }
    }
}

/// Does what was asked for; `rows` is what follows the command.
pub(super) async fn execute(services: &Services, command: Command, rows: Lines) -> Result<Reply, Failure> {
    match command {
        Command::AddUser { email, username, roles, password } => {
            let password = password.map(|Text(password)| password);
            users::add(services, email.0, username.0, unwrap(roles), password).await
        }
        Command::InviteUser { email, username, roles } => {
            users::invite(services, email.0, username.0, unwrap(roles)).await
        }
        Command::ListUsers {} => Ok(listing::users(services)),
        Command::ShowUser { user: Text(who) } => users::show(services, who).await,
        Command::ChangeUser { user: Text(who), email, username, roles } => {
            let change = UserChange {
                email: email.map(|Text(email)| email),
                username: username.map(|Text(username)| username),
                roles: roles.map(unwrap),
            };
            users::change(services, who, change).await
        }
        Command::ResetUser { user: Text(who) } => users::reset(services, who).await,
        Command::SetActive { user: Text(who), active } => users::set_active(services, who, active).await,
        Command::RemoveUser { user: Text(who) } => users::remove(services, who).await,
        Command::ImportUsers { on_conflict, skip_bad, only_examine } => {
            let policy = ImportPolicy { on_conflict, skip_bad, only_examine };
            users::import(services, rows, policy).await
        }
        Command::ExportUsers {} => Ok(listing::export(services)),
        Command::ListSessions { user } => {
            sessions::list(services, user.map(|Text(who): Text<UserRef>| who)).await
        }
        Command::RevokeSessions { which } => sessions::revoke(services, which).await,
        Command::ListKeys {} => keys::list(services).await,
        Command::RotateKeys {} => keys::rotate(services).await,
        Command::Backup {} => backup::copy(services).await,
    }
}

fn unwrap(roles: Vec<Text<Role>>) -> Vec<Role> {
    roles.into_iter().map(|Text(role)| role).collect()
}
