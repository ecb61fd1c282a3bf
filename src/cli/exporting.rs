//! `sidegate users export`: all users with their hashes, one JSON object a line.

use std::io::{self, Write};
use std::path::PathBuf;

use super::door::Trouble;
use super::progress::Progress;
use super::show::{self, Form};
use super::target::{Own, Target};
use crate::admin::Command;
use crate::admin::client::Client;

/// Where to.
#[derive(clap::Args, Debug)]
pub(super) struct Export {
    /// The file to write, readable for its owner alone; without it they go to standard output
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// Writes them.
pub(super) async fn run(client: &mut Client, export: Export, own: &Own, form: Form) -> Result<(), Trouble> {
    let Some(file) = export.file else {
        let mut out = io::BufWriter::new(io::stdout().lock());
        client.list(&Command::ExportUsers {}, |line| write_line(&mut out, line)).await?;
        return Ok(out.flush()?);
    };
    let mut target = io::BufWriter::new(Target::open(&file, export.force, own)?);
    let mut progress = Progress::start("exporting users", None);
    let mut users = 0;
    client
        .list(&Command::ExportUsers {}, |line| {
            users += 1;
            progress.reached(users);
            write_line(&mut target, line)
        })
        .await?;
    target.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    drop(progress);
    Ok(show::exported(&file, users, form, &mut io::stdout())?)
}

fn write_line(out: &mut impl Write, line: &[u8]) -> io::Result<()> {
    out.write_all(line)?;
    out.write_all(b"\n")
}
