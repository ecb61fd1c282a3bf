//! `sidegate users …`: arguments → commands, answers → tables or JSON.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::door::{self, Trouble};
use super::show::{self, Form};
use super::{General, exporting, importing, prompt};
use crate::admin::Command;
use crate::admin::client::Client;
use crate::admin::command::{Text, Textual};
use crate::admin::views::{ResetView, UserView};
use crate::types::{Email, Role, UserRef, Username};

#[derive(Subcommand, Debug)]
pub(super) enum Users {
    /// Make a user; asks for their password unless it comes on standard input
    Add(Add),
    /// Show all users
    List,
    /// Show one user
    Show(Who),
    /// Change a user's address, name or roles
    Set(Set),
    /// Make a link by which a user sets a new password, once, within 30 minutes
    Reset(Who),
    /// Keep a user out; their sessions end at once
    Disable(Who),
    /// Let a user in again
    Enable(Who),
    /// Remove a user; their sessions end at once and their number is never used again
    Remove(Who),
    /// Take users in from a file
    Import(importing::Import),
    /// Write all users with their passwords' hashes, one JSON object a line, as `import` reads them
    Export(exporting::Export),
}

#[derive(Args, Debug)]
pub(super) struct Who {
    /// Their number or e-mail address
    #[arg(value_name = "REF", value_parser = text::<UserRef>)]
    user: UserRef,
}

#[derive(Args, Debug)]
pub(super) struct Add {
    /// Their e-mail address
    #[arg(value_name = "EMAIL", value_parser = text::<Email>)]
    email: Email,
    /// The name that they are shown by
    #[arg(long, value_name = "NAME", value_parser = text::<Username>)]
    username: Username,
    /// A role of theirs; may be given several times
    #[arg(long = "role", value_name = "ROLE", value_parser = text::<Role>)]
    roles: Vec<Role>,
    /// Read the password from standard input, one line
    #[arg(long, conflicts_with = "invite")]
    password_stdin: bool,
    /// Mail them a link by which they choose a password
    #[arg(long)]
    invite: bool,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(["email", "username", "roles"]))]
pub(super) struct Set {
    /// Their number or e-mail address
    #[arg(value_name = "REF", value_parser = text::<UserRef>)]
    user: UserRef,
    /// Their new address; it is unproven until they prove it
    #[arg(long, value_name = "EMAIL", value_parser = text::<Email>)]
    email: Option<Email>,
    /// Their new name
    #[arg(long, value_name = "NAME", value_parser = text::<Username>)]
    username: Option<Username>,
    /// Their roles from now on, comma separated; "" takes all away
    #[arg(long, value_name = "a,b", value_parser = roles)]
    roles: Option<Roles>,
}

/// All roles of a user, as one argument.
#[derive(Clone, Debug)]
struct Roles(Vec<Role>);

/// Carries one of them out.
pub(super) fn run(users: Users, general: &General) -> ExitCode {
    let form = general.form();
    door::through(general.config.as_deref(), async |client, own| match users {
        Users::Add(new) => add(client, new, form).await,
        Users::List => list(client, form).await,
        Users::Show(Who { user }) => one(client, &Command::ShowUser { user: Text(user) }, form).await,
        Users::Set(Set { user, email, username, roles }) => {
            let command = Command::ChangeUser {
                user: Text(user),
                email: email.map(Text),
                username: username.map(Text),
                roles: roles.map(|Roles(roles)| roles.into_iter().map(Text).collect()),
            };
            one(client, &command, form).await
        }
        Users::Reset(Who { user }) => reset(client, user, form).await,
        Users::Disable(Who { user }) => {
            one(client, &Command::SetActive { user: Text(user), active: false }, form).await
        }
        Users::Enable(Who { user }) => {
            one(client, &Command::SetActive { user: Text(user), active: true }, form).await
        }
        Users::Remove(Who { user }) => one(client, &Command::RemoveUser { user: Text(user) }, form).await,
        Users::Import(import) => importing::run(client, import, form).await,
        Users::Export(export) => exporting::run(client, export, own, form).await,
    })
}

async fn add(client: &mut Client, new: Add, form: Form) -> Result<(), Trouble> {
    if new.invite {
        let command = Command::InviteUser {
            email: Text(new.email),
            username: Text(new.username),
            roles: new.roles.into_iter().map(Text).collect(),
        };
        return one(client, &command, form).await;
    }
    let password = if new.password_stdin {
        prompt::read_line(io::stdin().lock())
    } else {
        prompt::ask("their password")
    };
    let password = password.map_err(|error| Trouble::Io(io::Error::other(error.to_string())))?;
    let command = Command::AddUser {
        email: Text(new.email),
        username: Text(new.username),
        roles: new.roles.into_iter().map(Text).collect(),
        password: Some(Text(password)),
    };
    one(client, &command, form).await
}

async fn one(client: &mut Client, command: &Command, form: Form) -> Result<(), Trouble> {
    let user: UserView = client.one(command).await?;
    Ok(show::user(&user, form, &mut io::stdout())?)
}

async fn list(client: &mut Client, form: Form) -> Result<(), Trouble> {
    let mut list = show::List::new(form, io::stdout().lock());
    client.list(&Command::ListUsers {}, |line| list.line::<UserView>(line)).await?;
    Ok(list.end::<UserView>()?)
}

async fn reset(client: &mut Client, user: UserRef, form: Form) -> Result<(), Trouble> {
    let link: ResetView = client.one(&Command::ResetUser { user: Text(user) }).await?;
    Ok(show::reset(&link, form, &mut io::stdout())?)
}

/// For clap: a text, typed.
pub(super) fn text<T: Textual>(text: &str) -> Result<T, String> {
    T::from_text(text).ok_or_else(|| format!("that is no {}", T::WHAT))
}

fn roles(list: &str) -> Result<Roles, String> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(text::<Role>).collect::<Result<_, _>>().map(Roles)
}
