//! `sidegate keys …`: shows the keys that sign access tokens.

use std::io;
use std::process::ExitCode;

use clap::Subcommand;

use super::General;
use super::door;
use super::show;
use crate::admin::Command;
use crate::admin::views::KeyView;

#[derive(Subcommand, Debug)]
pub(super) enum Keys {
    /// Show the signing keys that the database holds
    List,
}

/// Carries one of them out.
pub(super) fn run(keys: &Keys, general: &General) -> ExitCode {
    let form = general.form();
    door::through(general.config.as_deref(), async |client, _| match keys {
        Keys::List => {
            let mut list = show::List::new(form, io::stdout().lock());
            client.list(&Command::ListKeys, |line| list.line::<KeyView>(line)).await?;
            Ok(list.end::<KeyView>()?)
        }
    })
}
