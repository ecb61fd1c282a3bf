//! `sidegate keys …`: shows the keys that sign access tokens, and lets a new one sign.

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
    /// Let a new key sign from now on; tokens of the former one stay good until they expire
    Rotate,
}

/// Carries one of them out.
pub(super) fn run(keys: &Keys, general: &General) -> ExitCode {
    let form = general.form();
    let command = match keys {
        Keys::List => Command::ListKeys {},
        Keys::Rotate => Command::RotateKeys {},
    };
    door::through(general.config.as_deref(), async |client, _| {
        let mut list = show::List::new(form, io::stdout().lock());
        client.list(&command, |line| list.line::<KeyView>(line)).await?;
        Ok(list.end::<KeyView>()?)
    })
}
