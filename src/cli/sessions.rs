//! `sidegate sessions …`: shows sessions and ends them.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::General;
use super::door;
use super::show;
use super::users::text;
use crate::admin::Command;
use crate::admin::command::{Text, Which};
use crate::admin::views::{RevokedView, SessionView};
use crate::types::{SessionId, UserRef};

#[derive(Subcommand, Debug)]
pub(super) enum Sessions {
    /// Show all sessions, or one user's
    List {
        /// A user's number or e-mail address
        #[arg(long, value_name = "REF", value_parser = text::<UserRef>)]
        user: Option<UserRef>,
    },
    /// End sessions: their next request is refused, and what is open is closed
    Revoke(Revoke),
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(false).args(["session", "user", "all"]))]
pub(super) struct Revoke {
    /// A session's id, as `list` shows it
    // One id in 64 begins with a hyphen: that is no flag.
    #[arg(value_name = "ID", allow_hyphen_values = true, value_parser = text::<SessionId>)]
    session: Option<SessionId>,
    /// All sessions of the user with this number or e-mail address
    #[arg(long, value_name = "REF", value_parser = text::<UserRef>)]
    user: Option<UserRef>,
    /// Everybody's
    #[arg(long)]
    all: bool,
}

impl Revoke {
    fn which(self) -> Which {
        match (self.session, self.user) {
            (Some(session), _) => Which::Session(Text(session)),
            (None, Some(user)) => Which::User(Text(user)),
            (None, None) => Which::All,
        }
    }
}

/// Carries one of them out.
pub(super) fn run(sessions: Sessions, general: &General) -> ExitCode {
    let form = general.form();
    door::through(general.config.as_deref(), async |client, _| match sessions {
        Sessions::List { user } => {
            let mut list = show::List::new(form, io::stdout().lock());
            let command = Command::ListSessions { user: user.map(Text) };
            client.list(&command, |line| list.line::<SessionView>(line)).await?;
            Ok(list.end::<SessionView>()?)
        }
        Sessions::Revoke(revoke) => {
            let revoked: RevokedView = client.one(&Command::RevokeSessions { which: revoke.which() }).await?;
            Ok(show::revoked(revoked, form, &mut io::stdout())?)
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(subcommand)]
        sessions: Sessions,
        #[arg(long, global = true)]
        json: bool,
    }

    fn session_of(id: &str, further: &[&str]) -> Option<SessionId> {
        let words = ["sidegate", "revoke", id].into_iter().chain(further.iter().copied());
        match Program::try_parse_from(words).ok()?.sessions {
            Sessions::Revoke(revoke) => revoke.session,
            Sessions::List { .. } => None,
        }
    }

    #[test]
    fn an_id_that_begins_with_a_hyphen_is_an_id() {
        for start in ["-u", "--", "-h", "--json", "A"] {
            let id = &format!("{start:A<32}");
            let session = text::<SessionId>(id).unwrap();
            assert_eq!(session_of(id, &[]), Some(session), "{id}");
            assert_eq!(session_of(id, &["--json"]), Some(session), "{id}");
        }
        assert_eq!(session_of("--user", &["2"]), None);
        assert!(Program::try_parse_from(["sidegate", "revoke", "--user", "2"]).is_ok());
    }
}
