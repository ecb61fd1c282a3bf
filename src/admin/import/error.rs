//! Why a whole file can't be imported: what it is instead, and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::Format;
use super::fault::shown;
use super::fields::{Field, hint, listed};

/// What is wrong with a file.
#[derive(Debug)]
pub enum ImportError {
    /// It can't be read.
    Read {
        /// The file.
        name: String,
        /// What the system said.
        cause: io::Error,
    },
    /// It is more than is held in memory.
    TooLarge(String),
    /// Neither its name nor its beginning tells its format: say it.
    UnknownFormat(String),
    /// It is said to be a SQLite database and isn't.
    NotSqlite(String),
    /// It is a SQLite database and said to be something else.
    IsSqlite {
        /// The file.
        name: String,
        /// What it is said to be.
        said: Format,
    },
    /// It was written to meanwhile: try again.
    Changed(String),
    /// Its last changes are in a file beside it: end the program that uses it.
    Unfinished {
        /// The database.
        name: String,
        /// The file that holds the changes.
        beside: PathBuf,
    },
    /// SQLite can't read it.
    Damaged {
        /// The database.
        name: String,
        /// What SQLite said.
        cause: rusqlite::Error,
    },
    /// No table of it has addresses and passwords.
    NoTable {
        /// The database.
        name: String,
        /// The tables that it has.
        tables: Vec<String>,
    },
    /// Several tables have: leave one.
    ManyTables {
        /// The database.
        name: String,
        /// Those tables.
        tables: Vec<String>,
    },
    /// Several columns of the table could be one field: leave one.
    ManyColumns {
        /// The database.
        name: String,
        /// The table.
        table: String,
        /// The field.
        field: Field,
        /// Those columns.
        columns: Vec<String>,
    },
    /// It holds a JSON array, not JSON Lines.
    JsonArray(String),
    /// It has no line that names its columns.
    NoHeader {
        /// The file.
        name: String,
        /// What else could be meant.
        hint: &'static str,
    },
    /// A column has a name that nobody knows.
    UnknownColumn {
        /// The file.
        name: String,
        /// The column.
        column: String,
    },
    /// Two columns are one field.
    DoubledColumn {
        /// The file.
        name: String,
        /// The field.
        field: Field,
    },
    /// A column that no user can do without is missing.
    MissingColumn {
        /// The file, and the table in it.
        name: String,
        /// The field.
        field: Field,
    },
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { name, cause } => write!(f, "can't read `{name}`: {cause}"),
            Self::TooLarge(name) => {
                write!(f, "`{name}` is larger than 1 GiB\nhint: split it, and import the parts one by one")
            }
            Self::UnknownFormat(name) => write!(
                f,
                "neither the name of `{name}` nor its beginning tells its format\nhint: say it with {}",
                listed(Format::NAMES.map(|format| format!("--format {format}")))
            ),
            Self::NotSqlite(name) => {
                write!(
                    f,
                    "`{name}` is not a SQLite database\nhint: say what it is with `--format jsonl` or `--format csv`"
                )
            }
            Self::IsSqlite { name, said } => write!(
                f,
                "`{name}` is a SQLite database, not {}\nhint: leave `--format` out, or say `--format sqlite`",
                said.name()
            ),
            Self::Changed(name) => write!(
                f,
                "`{name}` was written to while it was read\nhint: stop the program that uses it, then try again"
            ),
            Self::Unfinished { name, beside } => write!(
                f,
                "the last changes to `{name}` are still in `{}`, and would be missing\nhint: stop the program that \
                 uses it; if the file stays, import a copy made by `sqlite3 {name} \"VACUUM INTO 'copy.db'\"`",
                beside.display()
            ),
            Self::Damaged { name, cause } => write!(f, "SQLite can't read `{name}`: {cause}"),
            Self::NoTable { name, tables } => self::fmt_no_table(f, name, tables),
            Self::ManyTables { name, tables } => write!(
                f,
                "several tables of `{name}` could hold the users: {}\nhint: export the right one, as in \
                 `sqlite3 -header -csv {name} 'SELECT * FROM {}' > users.csv`, and import that",
                listed(tables),
                tables.first().map_or("users", String::as_str)
            ),
            Self::ManyColumns { name, table, field, columns } => write!(
                f,
                "several columns of the table `{table}` in `{name}` could be `{field}`: {}\nhint: export the right \
                 ones as CSV, as in `sqlite3 -header -csv {name} 'SELECT {} AS {field}, … FROM {table}' > users.csv`, \
                 and import that",
                listed(columns),
                columns.first().map_or("x", String::as_str)
            ),
            Self::JsonArray(name) => write!(
                f,
                "`{name}` holds a JSON array; one object a line is read\nhint: turn it into lines with \
                 `jq -c '.[]' {name} > users.jsonl`"
            ),
            Self::NoHeader { name, hint } => {
                write!(f, "the first line of `{name}` does not name its columns\nhint: {hint}")
            }
            Self::UnknownColumn { name, column } => {
                write!(f, "`{name}` has an unknown column {}\nhint: {}", shown(column), hint(column))
            }
            Self::DoubledColumn { name, field } => write!(
                f,
                "two columns of `{name}` are `{field}`, which goes by {}\nhint: leave one of them",
                listed(field.names())
            ),
            Self::MissingColumn { name, field } => {
                write!(f, "{name} has no column `{field}`\nhint: it may be called {}", listed(field.names()))
            }
        }
    }
}

fn fmt_no_table(f: &mut fmt::Formatter<'_>, name: &str, tables: &[String]) -> fmt::Result {
    write!(f, "no table of `{name}` holds users: each needs a column of ")?;
    write!(f, "{} and one of ", listed(Field::Email.names()))?;
    write!(f, "{}\nhint: ", listed(Field::PasswordHash.names()))?;
    match tables {
        [] => f.write_str("it has no tables at all; is it the right file?"),
        tables => write!(f, "its tables are {}; is it the right file?", listed(tables)),
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { cause, .. } => Some(cause),
            Self::Damaged { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
