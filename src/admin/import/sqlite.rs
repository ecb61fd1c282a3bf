//! The FastAPI project's SQLite file (table `auth`), and others like it: the one table with addresses and passwords.

use std::collections::BTreeMap;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::cells::{Cell, Cells, Manner};
use super::fault::Fault;
use super::fields::Field;
use super::{Contents, ImportError, Line, Place, Record};

/// Where the header says how the database is written and read: 1 by rollback journal, 2 by WAL (the file format,
/// section 1.3.3).
const VERSIONS: std::ops::Range<usize> = 18..20;

/// A table's columns by field, and those that are none.
struct Columns {
    fields: Vec<(Field, String)>,
    unread: Vec<String>,
}

/// Reads the rows of the table that holds the users.
pub(super) fn read(name: &str, bytes: Vec<u8>) -> Result<Contents, ImportError> {
    let damaged = |cause| ImportError::Damaged { name: name.to_owned(), cause };
    let connection = open(bytes).map_err(damaged)?;
    let tables = tables(&connection).map_err(damaged)?;
    let (table, names) = users_table(name, &tables)?;
    let columns = columns(name, table, names)?;
    let lines = rows(&connection, table, &columns.fields).map_err(damaged)?;
    Ok(Contents { lines, unread: columns.unread })
}

/// Opens the bytes in memory, so that SQLite neither locks, creates nor changes a file.
fn open(mut bytes: Vec<u8>) -> rusqlite::Result<Connection> {
    // A database in memory has no WAL. The file has none either that would be needed: `source` looked.
    if let Some(versions) = bytes.get_mut(VERSIONS) {
        versions.fill(1);
    }
    let mut connection = Connection::open_in_memory()?;
    connection.deserialize_read_exact("main", bytes.as_slice(), bytes.len(), true)?;
    // The file is a stranger's: nothing that its schema names may run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    Ok(connection)
}

/// The real tables, each with its columns.
fn tables(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
    let mut query = connection.prepare(
        "SELECT t.name, c.name FROM pragma_table_list AS t, pragma_table_info(t.name) AS c \
         WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid",
    )?;
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        tables.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(tables)
}

/// The one table that has addresses and passwords, whatever it is called.
fn users_table<'a>(
    name: &str,
    tables: &'a BTreeMap<String, Vec<String>>,
) -> Result<(&'a str, &'a [String]), ImportError> {
    let has = |columns: &[String], field| columns.iter().any(|column| Field::named(column) == Some(field));
    let mut fitting = tables
        .iter()
        .filter(|(_, columns)| has(columns, Field::Email) && has(columns, Field::PasswordHash))
        .map(|(table, columns)| (table.as_str(), columns.as_slice()));
    match (fitting.next(), fitting.next()) {
        (Some(table), None) => Ok(table),
        (None, _) => {
            Err(ImportError::NoTable { name: name.to_owned(), tables: tables.keys().cloned().collect() })
        }
        (Some(one), Some(other)) => {
            let all = [one, other].into_iter().chain(fitting);
            let tables = all.map(|(table, _)| table.to_owned()).collect();
            Err(ImportError::ManyTables { name: name.to_owned(), tables })
        }
    }
}

/// A field's own name goes before what other programs call it; two of those are ambiguous.
fn columns(name: &str, table: &str, names: &[String]) -> Result<Columns, ImportError> {
    let mut fields = Vec::new();
    for field in Field::all() {
        let own = names.iter().find(|column| column.eq_ignore_ascii_case(field.name()));
        let others: Vec<&String> =
            names.iter().filter(|column| Field::named(column) == Some(field)).collect();
        match (own, others.as_slice()) {
            (Some(column), _) => fields.push((field, column.clone())),
            (None, [column]) => fields.push((field, (*column).clone())),
            (None, []) if Field::NEEDED.contains(&field) => {
                return Err(ImportError::MissingColumn {
                    name: format!("the table `{table}` of `{name}`"),
                    field,
                });
            }
            (None, []) => {}
            (None, others) => {
                return Err(ImportError::ManyColumns {
                    name: name.to_owned(),
                    table: table.to_owned(),
                    field,
                    columns: others.iter().map(|column| (*column).clone()).collect(),
                });
            }
        }
    }
    let is_read = |column: &String| fields.iter().any(|(_, known)| known == column);
    let unread = names.iter().filter(|column| !is_read(column)).cloned().collect();
    Ok(Columns { fields, unread })
}

fn rows(connection: &Connection, table: &str, columns: &[(Field, String)]) -> rusqlite::Result<Vec<Line>> {
    let list = columns.iter().map(|(_, column)| quoted(column)).collect::<Vec<_>>().join(", ");
    let from = quoted(table);
    // A table without rowid has none to be named by: its rows are counted, as are those below zero.
    let with_row = format!("SELECT rowid, {list} FROM {from} ORDER BY rowid");
    let mut query = connection
        .prepare(&with_row)
        .or_else(|_| connection.prepare(&format!("SELECT NULL, {list} FROM {from}")))?;
    let (mut lines, mut count) = (Vec::new(), 0);
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        count += 1;
        let own =
            if let ValueRef::Integer(number) = row.get_ref(0)? { u64::try_from(number).ok() } else { None };
        let number = own.unwrap_or(count);
        lines.push(Line { at: Place::Row(number), row: record(row, columns)? });
    }
    Ok(lines)
}

fn record(row: &Row<'_>, columns: &[(Field, String)]) -> rusqlite::Result<Result<Record, Fault>> {
    let mut cells = Cells::default();
    for (place, (field, _)) in columns.iter().enumerate() {
        let cell = match row.get_ref(place + 1)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number.into()),
            ValueRef::Real(number) => Cell::Real(number),
            // Python's bcrypt gives bytes, and those are stored as a blob.
            ValueRef::Text(text) | ValueRef::Blob(text) => match std::str::from_utf8(text) {
                Ok(text) => Cell::Text(text.to_owned()),
                Err(_) => Cell::Other("bytes that are not UTF-8"),
            },
        };
        cells.set(*field, cell);
    }
    Ok(cells.into_record(Manner::Sqlite))
}

/// A name as SQL quotes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
