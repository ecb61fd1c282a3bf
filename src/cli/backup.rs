//! `sidegate backup FILE`: a copy of the whole database, of one moment, while the gate runs or not.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use super::General;
use super::door;
use super::progress::Progress;
use super::show;
use super::target::Target;
use crate::admin::Command;

/// Where to.
#[derive(clap::Args, Debug)]
#[group(id = "target")]
pub(super) struct Backup {
    /// The file to write; it is readable for its owner alone
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// Writes it.
pub(super) fn run(backup: &Backup, general: &General) -> ExitCode {
    let form = general.form();
    door::through(general.config.as_deref(), async |client, own| {
        let mut target = Target::open(&backup.file, backup.force, own)?;
        let mut progress = None;
        let mut written = 0;
        client
            .bytes(&Command::Backup {}, |bytes, total| {
                let progress =
                    progress.get_or_insert_with(|| Progress::start("writing the backup", Some(total)));
                written += bytes.len() as u64;
                progress.reached(written);
                io::Write::write_all(&mut target, bytes)
            })
            .await?;
        target.finish()?;
        drop(progress);
        Ok(show::written(&backup.file, written, form, &mut io::stdout())?)
    })
}
