//! `sidegate check --explain`: which rule decides over a request, and what the upstream would be told.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::{USAGE, check, complain, door};
use crate::admin::command::{Command, Text};
use crate::admin::views::UserView;
use crate::config::{self, env::System};
use crate::gate::explain::{Asked, Asker, explain};
use crate::types::{Email, Role, UserId, UserRef, Username};

/// Explains what the gate does with `request`, asked for by `user` where one is named.
pub(super) fn run(config: Option<&Path>, request: &str, user: Option<UserRef>) -> ExitCode {
    let Ok(parsed) = Asked::parse(request) else {
        let written = request.escape_debug();
        super::fail(&format!(
            "`{written}` is not a request\nhint: write a method and a path, like `--explain \"GET /path\"`, or a URL, where rules name hosts"
        ));
        return ExitCode::from(USAGE);
    };
    let settings = match config::load(config, &System, Path::new(".")) {
        Ok(loaded) => loaded.settings,
        Err(findings) => {
            complain(&findings);
            return ExitCode::from(USAGE);
        }
    };
    let mut asker = None;
    if let Some(user) = user {
        let looked_up = door::through(config, async |client, _| {
            let view = client.one::<UserView>(&Command::ShowUser { user: Text(user) }).await?;
            asker = asker_of(&view);
            Ok(())
        });
        if asker.is_none() {
            return looked_up;
        }
    }
    check::say(&explain(&settings, &parsed, asker.as_ref()), ExitCode::SUCCESS, &mut io::stdout())
}

fn asker_of(view: &UserView) -> Option<Asker> {
    Some(Asker {
        user: UserId::new(view.uid)?,
        roles: view.roles.iter().filter_map(|role| Role::parse(role)).collect(),
        email: Email::parse(&view.email)?,
        username: Username::parse(&view.username)?,
        active: view.is_active,
        proven: view.email_verified,
    })
}
