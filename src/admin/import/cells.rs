//! What any of the formats can hold in one place of a row, and how nine such cells become a record.

use super::fault::{Fault, shown};
use super::{Field, Record, time};
use crate::types::{Secret, Timestamp, UserId};

/// One value of a file. Has no `Debug`: it may be a hash.
#[derive(Default)]
pub(super) enum Cell {
    /// Absent, null, or an empty field of CSV.
    #[default]
    Null,
    Bool(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    List(Vec<Self>),
    /// Something that no field is, by what it is called.
    Other(&'static str),
}

/// How strictly a format's cells are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// JSON has types of its own: a number in quotes is none.
    Json,
    /// CSV has texts alone.
    Csv,
    /// SQLite stores what it was given, and has neither booleans nor times.
    Sqlite,
}

/// A row's cells, by field.
#[derive(Default)]
pub(super) struct Cells([Cell; Field::COUNT]);

impl Cell {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Real(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }
}

impl Cells {
    pub(super) fn set(&mut self, field: Field, cell: Cell) {
        self.0[field as usize] = cell;
    }

    fn take(&mut self, field: Field) -> Cell {
        std::mem::take(&mut self.0[field as usize])
    }

    /// The record that they make.
    pub(super) fn into_record(mut self, manner: Manner) -> Result<Record, Fault> {
        Ok(Record {
            uid: uid(self.take(Field::Uid), manner)?,
            email: self.needed(Field::Email)?,
            username: self.needed(Field::Username)?,
            // A row from before there was such a column: NULL is active (contract section 2).
            is_active: self.flag(Field::IsActive, manner)?.unwrap_or(true),
            roles: roles(self.take(Field::Roles), manner)?,
            email_verified: self.flag(Field::EmailVerified, manner)?.unwrap_or(false),
            created_at: self.time(Field::CreatedAt, manner)?,
            updated_at: self.time(Field::UpdatedAt, manner)?,
            password_hash: self.text(Field::PasswordHash)?.filter(|hash| !hash.is_empty()).map(Secret::new),
        })
    }

    fn text(&mut self, field: Field) -> Result<Option<String>, Fault> {
        match self.take(field) {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            other => Err(Fault::of(field, format_args!("must be a string, not {}", other.kind()))),
        }
    }

    fn needed(&mut self, field: Field) -> Result<String, Fault> {
        self.text(field)?.ok_or_else(|| Fault::of(field, "is missing"))
    }

    fn flag(&mut self, field: Field, manner: Manner) -> Result<Option<bool>, Fault> {
        let cell = self.take(field);
        let wrong = |what: &str| Err(Fault::of(field, format_args!("must be true or false, not {what}")));
        match cell {
            Cell::Null => Ok(None),
            Cell::Bool(flag) => Ok(Some(flag)),
            Cell::Integer(number @ (0 | 1)) if manner == Manner::Sqlite => Ok(Some(number == 1)),
            Cell::Integer(number) if manner == Manner::Sqlite => wrong(&number.to_string()),
            Cell::Text(text) if manner != Manner::Json => match text.trim().to_ascii_lowercase().as_str() {
                "" => Ok(None),
                "true" | "t" | "yes" | "1" => Ok(Some(true)),
                "false" | "f" | "no" | "0" => Ok(Some(false)),
                _ => wrong(&shown(&text)),
            },
            other => wrong(other.kind()),
        }
    }

    fn time(&mut self, field: Field, manner: Manner) -> Result<Option<Timestamp>, Fault> {
        let (time, given) = match self.take(field) {
            Cell::Null => return Ok(None),
            Cell::Text(text) if text.trim().is_empty() && manner != Manner::Json => return Ok(None),
            Cell::Text(text) => (time::read(&text), shown(&text)),
            Cell::Integer(seconds) if manner == Manner::Sqlite => {
                (time::from_seconds(seconds), seconds.to_string())
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the fraction is what is dropped; the rest saturates"
            )]
            Cell::Real(seconds) if manner == Manner::Sqlite => {
                (time::from_seconds(seconds.floor() as i128), seconds.to_string())
            }
            other => (None, other.kind().to_owned()),
        };
        let known = match manner {
            Manner::Sqlite => "a time since 1970 such as `2024-01-02 03:04:05`, or Unix seconds",
            _ => "a time since 1970 such as `2024-01-02T03:04:05Z`",
        };
        time.map(Some).ok_or_else(|| Fault::of(field, format_args!("must be {known}, not {given}")))
    }
}

fn uid(cell: Cell, manner: Manner) -> Result<Option<UserId>, Fault> {
    let (number, given) = match cell {
        Cell::Null => return Ok(None),
        Cell::Integer(number) => (Some(number), number.to_string()),
        Cell::Text(text) if manner != Manner::Json => {
            if text.trim().is_empty() {
                return Ok(None);
            }
            let digits = text.trim().bytes().all(|b| b.is_ascii_digit());
            (text.trim().parse().ok().filter(|_| digits), shown(&text))
        }
        Cell::Real(number) => (None, number.to_string()),
        other => (None, other.kind().to_owned()),
    };
    let uid = number.and_then(|number| u64::try_from(number).ok()).and_then(UserId::new);
    let Some(uid) = uid else {
        let must = "must be a whole number of 1 or more";
        return Err(Fault::of(
            Field::Uid,
            format_args!("{must}, not {given}; without one the next free number is given"),
        ));
    };
    // Numbers are 63 bits in SQL, and the next user needs one more.
    if uid.number() >= i64::MAX.unsigned_abs() {
        return Err(Fault::of(Field::Uid, format_args!("{uid} leaves no number for the next user")));
    }
    Ok(Some(uid))
}

/// A list of names; in a text they are separated by `;` or `,`, or it is a JSON list.
fn roles(cell: Cell, manner: Manner) -> Result<Vec<String>, Fault> {
    let wrong = |what: &str| Fault::of(Field::Roles, format_args!("must be a list of strings, not {what}"));
    match cell {
        Cell::Null => Ok(Vec::new()),
        Cell::List(list) => list
            .into_iter()
            .map(|role| match role {
                Cell::Text(role) => Ok(role),
                other => Err(wrong(&format!("a list with {}", other.kind()))),
            })
            .collect(),
        Cell::Text(text) if manner != Manner::Json && text.trim_start().starts_with('[') => {
            serde_json::from_str(&text).map_err(|_| wrong(&shown(&text)))
        }
        Cell::Text(text) if manner != Manner::Json => {
            let names = text.split([';', ',']).map(str::trim).filter(|name| !name.is_empty());
            Ok(names.map(str::to_owned).collect())
        }
        other => Err(wrong(other.kind())),
    }
}
