//! The file itself: what format it is in, and its bytes, read so that nothing is created or changed beside it.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{ImportError, Place, without_mark};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// RFC 4180, with a header.
    Csv,
    /// A SQLite database that holds one table of users.
    Sqlite,
}

/// A file's bytes, and how to read them. Has no `Debug`: hashes are in it.
pub struct Source {
    /// What messages call it.
    pub(super) name: String,
    /// What it is written in.
    pub(super) format: Format,
    pub(super) bytes: Vec<u8>,
}

/// What every SQLite database begins with (its file format, section 1.3.1).
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";
/// What a rollback journal begins with while its transaction may have to be undone (section 3).
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// The whole file is held in memory, once or twice over. 100,000 users are some 30 MiB.
const LARGEST: u64 = 1024 * 1024 * 1024;

impl Format {
    /// The names that `--format` takes.
    pub const NAMES: [&'static str; 3] = ["jsonl", "csv", "sqlite"];

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "jsonl" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "sqlite" => Some(Self::Sqlite),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Sqlite => "sqlite",
        }
    }

    /// The place that a row's number means in a file of this format.
    pub const fn place(self, number: u64) -> Place {
        match self {
            Self::Jsonl | Self::Csv => Place::Line(number),
            Self::Sqlite => Place::Row(number),
        }
    }

    fn by_extension(name: &str) -> Option<Self> {
        match Path::new(name).extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "db" | "sqlite" | "sqlite3" => Some(Self::Sqlite),
            _ => None,
        }
    }
}

impl Source {
    /// Reads a file. A SQLite database that a program is writing to, or left with its last changes in a file beside
    /// it, is refused: they would be missing.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, ImportError> {
        let name = path.display().to_string();
        let unreadable = |cause| ImportError::Read { name: name.clone(), cause };
        let mut file = File::open(path).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        if before.is_file() && before.len() > LARGEST {
            return Err(ImportError::TooLarge(name));
        }
        let mut bytes = Vec::new();
        (&mut file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let source = Self::new(&name, format, bytes)?;
        // A pipe has no name but the one that was given, and nothing beside it.
        if source.format == Format::Sqlite && before.is_file() {
            // SQLite keeps its other files beside the file that a link leads to.
            let real = fs::canonicalize(path).map_err(unreadable)?;
            let after = fs::metadata(&real).map_err(unreadable)?;
            source.refuse_unfinished(&real, &before, &after)?;
        }
        Ok(source)
    }

    /// Takes bytes that were read elsewhere. Where no format is said, it is told by the file's name or its beginning.
    pub fn new(name: &str, format: Option<Format>, bytes: Vec<u8>) -> Result<Self, ImportError> {
        let name = name.to_owned();
        if bytes.len() as u64 > LARGEST {
            return Err(ImportError::TooLarge(name));
        }
        let is_sqlite = bytes.starts_with(SQLITE_MAGIC);
        let by_name = Format::by_extension(&name);
        // What an export begins with.
        let is_object = without_mark(&bytes).trim_ascii_start().starts_with(b"{");
        let by_beginning = is_object.then_some(Format::Jsonl);
        match format.or(is_sqlite.then_some(Format::Sqlite)).or(by_name).or(by_beginning) {
            None => Err(ImportError::UnknownFormat(name)),
            Some(Format::Sqlite) if !is_sqlite => Err(ImportError::NotSqlite(name)),
            Some(format) if is_sqlite && format != Format::Sqlite => {
                Err(ImportError::IsSqlite { name, said: format })
            }
            Some(format) => Ok(Self { name, format, bytes }),
        }
    }

    /// What messages call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is written in.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The bytes, to be sent to where they are read.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn refuse_unfinished(&self, path: &Path, before: &Metadata, after: &Metadata) -> Result<(), ImportError> {
        let unreadable = |cause| ImportError::Read { name: self.name.clone(), cause };
        let is_new = |meta: &Metadata| (meta.len(), meta.modified().ok());
        if is_new(before) != is_new(after) {
            return Err(ImportError::Changed(self.name.clone()));
        }
        let beside = beside(path, "-wal");
        let waiting = start_of(&beside, 1).map_err(unreadable)?;
        if !waiting.is_empty() {
            return Err(ImportError::Unfinished { name: self.name.clone(), beside });
        }
        let beside = self::beside(path, "-journal");
        let journal = start_of(&beside, 8).map_err(unreadable)?;
        if journal == JOURNAL_MAGIC {
            return Err(ImportError::Unfinished { name: self.name.clone(), beside });
        }
        Ok(())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// A file's first bytes; none where there is no such file.
fn start_of(path: &Path, count: u64) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(count).read_to_end(&mut start).map(|_| start),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(start),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str, format: Option<Format>, bytes: &[u8]) -> Result<Format, String> {
        Source::new(name, format, bytes.to_vec())
            .map(|source| source.format)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_format_is_told_by_word_then_by_the_beginning_then_by_the_name() {
        for (name, expected) in [
            ("a.jsonl", Format::Jsonl),
            ("a.NDJSON", Format::Jsonl),
            ("a.json", Format::Jsonl),
            ("b/a.csv", Format::Csv),
        ] {
            assert_eq!(format(name, None, b""), Ok(expected), "{name}");
        }
        for name in ["app.db", "app.sqlite", "app.sqlite3", "app", "app.csv"] {
            assert_eq!(format(name, None, SQLITE_MAGIC), Ok(Format::Sqlite), "{name}");
        }
        assert_eq!(format("users.txt", Some(Format::Csv), b""), Ok(Format::Csv));
        for (name, said, bytes, text) in [
            ("users.txt", None, &b""[..], "say it with `--format jsonl`"),
            ("app.db", None, b"", "is not a SQLite database"),
            ("app.db", Some(Format::Csv), SQLITE_MAGIC, "is a SQLite database, not csv"),
        ] {
            let error = format(name, said, bytes).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_database_with_changes_beside_it_is_refused_through_a_link_too() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("app.db"), folder.path().join("link"));
        fs::write(&file, SQLITE_MAGIC).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for (beside, bytes, is_refused) in [
            ("app.db-wal", &b""[..], false),
            ("app.db-wal", b"7", true),
            ("app.db-journal", b"", false),
            ("app.db-journal", &[0; 512], false),
            ("app.db-journal", &JOURNAL_MAGIC, true),
        ] {
            let beside = folder.path().join(beside);
            fs::write(&beside, bytes).unwrap();
            let opened = Source::open(&link, None).map(|_| ());
            assert_eq!(
                matches!(opened, Err(ImportError::Unfinished { .. })),
                is_refused,
                "{beside:?} {bytes:?}"
            );
            fs::remove_file(&beside).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("gone.csv")] {
            let error = Source::open(&path, None).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with("can't read `") && error.contains(path.to_str().unwrap()), "{error}");
        }
    }
}
