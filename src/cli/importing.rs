//! `sidegate users import`: reads a file here, whose it is, and sends its rows to where users are kept.

use std::io::{self, Write as _};
use std::path::PathBuf;

use bytes::{BufMut as _, BytesMut};
use clap::ValueEnum;

use super::door::Trouble;
use super::progress::Progress;
use super::show::{self, Form};
use super::table::harmless;
use crate::admin::Command;
use crate::admin::client::{Client, Rows};
use crate::admin::import::{self, Examined, Format, Place, Record, Source};
use crate::admin::views::{BadRowView, ImportView, RowView};
use crate::store::OnConflict;

/// Rows that are sent at once.
const BATCH: usize = 500;

/// What to take in, and how.
#[derive(clap::Args, Debug)]
pub(super) struct Import {
    /// The file: JSON Lines, CSV, or the FastAPI project's SQLite database
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it is written in [default: by its name or its first bytes]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// What becomes of a row whose number or address a user has already
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Conflict::Fail)]
    on_conflict: Conflict,
    /// Leave bad rows out; else one of them keeps all out
    #[arg(long)]
    skip_bad: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Conflict {
    /// The row is bad
    Fail,
    /// The user stays as they are
    Skip,
    /// The user becomes as the row says
    Update,
}

/// Takes them in. Bad rows are told one a line, as compilers do.
pub(super) async fn run(client: &mut Client, import: Import, form: Form) -> Result<(), Trouble> {
    let source = Source::open(&import.file, import.format)?;
    let is_table = source.format() == Format::Sqlite;
    let contents = import::read(source)?;
    warn_of(&contents.unread);
    let Examined { good, bad } = import::examine(contents.lines, &import::recognise);
    let command = Command::ImportUsers {
        on_conflict: import.on_conflict.into(),
        skip_bad: import.skip_bad,
        // What is bad here keeps all out, but what else is wrong is told at once.
        only_examine: !bad.is_empty() && !import.skip_bad,
    };
    let mut report: ImportView = client.one_with_rows(&command, async |rows| send(rows, &good).await).await?;
    report
        .bad
        .extend(bad.iter().map(|(at, fault)| BadRowView { line: at.number(), error: fault.to_string() }));
    report.bad.sort_by_key(|row| row.line);
    let kept_out = !report.bad.is_empty() && !import.skip_bad;
    if form == Form::Json || !kept_out {
        show::imported(&report, form, &mut io::stdout())?;
    }
    if !kept_out {
        warn_of_missing_passwords(good.iter().filter(|(_, row)| row.password.is_none()).count());
    }
    complain(&import, &report.bad, is_table);
    if kept_out {
        let rows = report.bad.len();
        super::fail(&format!(
            "nothing was written: {rows} bad {}\nhint: mend them, or leave them out with `--skip-bad`",
            if rows == 1 { "row" } else { "rows" }
        ));
        return Err(Trouble::Told);
    }
    Ok(())
}

/// Sends all rows, as long as somebody takes them.
async fn send(rows: &mut Rows, good: &[(Place, import::Checked)]) {
    let mut progress = Progress::start("importing users", Some(good.len() as u64));
    let mut sent = 0;
    for batch in good.chunks(BATCH) {
        let mut lines = BytesMut::new().writer();
        for (at, row) in batch {
            let row = RowView { line: at.number(), user: Record::from(row) };
            serde_json::to_writer(&mut lines, &row).expect("a record has nothing that can fail");
            lines.get_mut().put_u8(b'\n');
        }
        if !rows.send(lines.into_inner().freeze()).await {
            return;
        }
        sent += batch.len() as u64;
        progress.reached(sent);
    }
}

#[expect(clippy::print_stderr, reason = "the command line speaks to people")]
fn warn_of(unread: &[String]) {
    if !unread.is_empty() {
        let unread: Vec<String> = unread.iter().map(|column| harmless(column)).collect();
        eprintln!("warning: nothing is taken from these columns: {}", unread.join(", "));
    }
}

/// They may be many, and would find out one by one.
#[expect(clippy::print_stderr, reason = "the command line speaks to people")]
fn warn_of_missing_passwords(count: usize) {
    if count > 0 {
        eprintln!(
            "warning: {count} of the rows have no password hash; who has none signs in after `sidegate users reset`"
        );
    }
}

/// One bad row a line, with its place in front.
fn complain(import: &Import, bad: &[BadRowView], is_table: bool) {
    let mut err = io::BufWriter::new(io::stderr().lock());
    for row in bad {
        let (file, place) = (import.file.display(), if is_table { "row " } else { "" });
        // Nobody is there to be told that standard error is closed.
        let _ = writeln!(err, "{file}:{place}{}: {}", row.line, row.error);
    }
    let _ = err.flush();
}

fn format(name: &str) -> Result<Format, String> {
    Format::parse(name).ok_or_else(|| format!("write one of {}", Format::NAMES.join(", ")))
}

impl From<import::ImportError> for Trouble {
    fn from(error: import::ImportError) -> Self {
        Self::Io(io::Error::other(error.to_string()))
    }
}

impl From<Conflict> for OnConflict {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Fail => Self::Fail,
            Conflict::Skip => Self::Skip,
            Conflict::Update => Self::Update,
        }
    }
}
