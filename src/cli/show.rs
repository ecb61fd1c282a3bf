//! What a command prints: tables and sentences for people, JSON for programs.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::table;
use crate::admin::views::{ImportView, KeyView, ResetView, RevokedView, SessionView, UserView};

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// People.
    Text,
    /// Programs: one object, or an array for lists.
    Json,
}

/// What has a row in a table.
pub(super) trait Row: DeserializeOwned {
    /// The table's heads.
    const HEADS: &'static [&'static str];
    /// What is said where there is none.
    const NONE: &'static str;
    /// Its cells.
    fn cells(&self) -> Vec<String>;
}

/// A list that comes line by line. JSON is passed on as it comes; a table has to wait for its widest cell.
pub(super) struct List<W: Write> {
    form: Form,
    out: io::BufWriter<W>,
    rows: Vec<Vec<String>>,
    lines: u64,
}

impl<W: Write> List<W> {
    pub(super) fn new(form: Form, out: W) -> Self {
        Self { form, out: io::BufWriter::new(out), rows: Vec::new(), lines: 0 }
    }

    /// Takes the next line.
    pub(super) fn line<R: Row>(&mut self, line: &[u8]) -> io::Result<()> {
        match self.form {
            Form::Text => self.rows.push(serde_json::from_slice::<R>(line)?.cells()),
            Form::Json => {
                self.out.write_all(if self.lines == 0 { b"[\n" } else { b",\n" })?;
                self.out.write_all(line)?;
            }
        }
        self.lines += 1;
        Ok(())
    }

    /// Writes what is left to write.
    pub(super) fn end<R: Row>(mut self) -> io::Result<()> {
        match self.form {
            Form::Text if self.rows.is_empty() => writeln!(self.out, "{}", R::NONE)?,
            Form::Text => self.out.write_all(table::table(R::HEADS, self.rows).as_bytes())?,
            Form::Json if self.lines == 0 => self.out.write_all(b"[]\n")?,
            Form::Json => self.out.write_all(b"\n]\n")?,
        }
        self.out.flush()
    }
}

/// One user, a line for each of their fields.
pub(super) fn user(user: &UserView, form: Form, out: &mut impl Write) -> io::Result<()> {
    if form == Form::Json {
        return json(user, out);
    }
    let fields: Vec<_> =
        UserView::HEADS.iter().zip(user.cells()).map(|(head, cell)| vec![(*head).to_owned(), cell]).collect();
    out.write_all(table::table(&[], fields).as_bytes())
}

/// A link to hand over.
pub(super) fn reset(link: &ResetView, form: Form, out: &mut impl Write) -> io::Result<()> {
    if form == Form::Json {
        return json(link, out);
    }
    writeln!(out, "{}", link.url)?;
    let (email, until) = (table::harmless(&link.email), moment(&link.expires_at));
    if link.has_page {
        writeln!(out, "hand this link to {email}: it sets a new password, once, until {until}")
    } else {
        writeln!(
            out,
            "its token sets a new password for {email}, once, until {until}, by `POST /auth/password/reset`; \
             there is no page at it (`pages.enabled = false`)"
        )
    }
}

/// How many sessions were ended.
pub(super) fn revoked(revoked: RevokedView, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Json => json(&revoked, out),
        Form::Text => writeln!(out, "{} ended", count(revoked.revoked, "session")),
    }
}

/// A file that is on the disk.
pub(super) fn written(file: &Path, bytes: u64, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Json => json(&serde_json::json!({ "file": file, "bytes": bytes }), out),
        Form::Text => writeln!(out, "{} written to `{}`", bytesize::ByteSize(bytes), file.display()),
    }
}

/// Users that are on the disk.
pub(super) fn exported(file: &Path, users: u64, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Json => json(&serde_json::json!({ "file": file, "users": users }), out),
        Form::Text => writeln!(out, "{} written to `{}`", count(users, "user"), file.display()),
    }
}

/// What became of an import.
pub(super) fn imported(report: &ImportView, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Json => json(report, out),
        Form::Text => {
            let (added, bad) = (count(report.added, "user"), report.bad.len());
            let (updated, skipped, unchanged) = (report.updated, report.skipped, report.unchanged);
            write!(out, "{added} added, {updated} updated, {unchanged} unchanged, {skipped} skipped")?;
            if bad > 0 { writeln!(out, "; {} left out", count(bad as u64, "bad row")) } else { writeln!(out) }
        }
    }
}

fn json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// To the second: nobody reads milliseconds.
fn moment(rfc3339: &str) -> String {
    match rfc3339.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => rfc3339.to_owned(),
    }
}

impl Row for UserView {
    const HEADS: &'static [&'static str] =
        &["uid", "email", "username", "active", "roles", "verified", "created", "updated"];
    const NONE: &'static str = "no users";

    fn cells(&self) -> Vec<String> {
        vec![
            self.uid.to_string(),
            self.email.clone(),
            self.username.clone(),
            yes(self.is_active),
            self.roles.join(","),
            yes(self.email_verified),
            moment(&self.created_at),
            moment(&self.updated_at),
        ]
    }
}

impl Row for SessionView {
    const HEADS: &'static [&'static str] =
        &["id", "uid", "email", "created", "last used", "expires", "address", "device"];
    const NONE: &'static str = "no sessions";

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.uid.to_string(),
            self.email.clone().unwrap_or_default(),
            moment(&self.created_at),
            moment(&self.last_used_at),
            moment(&self.expires_at),
            self.address.clone().unwrap_or_default(),
            self.device.clone(),
        ]
    }
}

impl Row for KeyView {
    const HEADS: &'static [&'static str] =
        &["kid", "algorithm", "signs", "created", "retired", "verifies until"];
    const NONE: &'static str = "no keys: HS256 signs with `tokens.secret`, or the gate has not run yet";

    fn cells(&self) -> Vec<String> {
        vec![
            self.kid.clone(),
            self.algorithm.clone(),
            yes(self.signs),
            moment(&self.created_at),
            self.retired_at.as_deref().map(moment).unwrap_or_default(),
            self.verifies_until.as_deref().map(moment).unwrap_or_default(),
        ]
    }
}

fn yes(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}
