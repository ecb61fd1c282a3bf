//! A file that is written whole or not at all, for its owner's eyes alone: its name is given when it is on the disk.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Where a command writes what is secret.
pub(super) enum Target {
    /// A regular file: another name until it is finished.
    File {
        /// It.
        temporary: NamedTempFile,
        /// Its name.
        path: PathBuf,
        /// Whether it may take the place of one that is there.
        replace: bool,
    },
    /// What is no regular file is written to as it is: a pipe, `/dev/stdout`.
    Other(File),
}

/// The gate's own files: nothing is ever written over them, whatever may be replaced.
pub(super) struct Own(pub(super) Vec<PathBuf>);

impl Own {
    /// Whether a path leads to one of them, by whatever name, or has its name, whether it is there or not.
    fn has(&self, path: &Path) -> bool {
        let same = |own: &Path| match (own.metadata(), path.metadata()) {
            (Ok(own), Ok(found)) => (own.dev(), own.ino()) == (found.dev(), found.ino()),
            _ => false,
        };
        self.0.iter().any(|own| same(own) || place(own).is_some_and(|own| Some(own) == place(path)))
    }
}

/// A folder and a name in it.
fn place(path: &Path) -> Option<(u64, u64, &OsStr)> {
    let folder = folder(path).metadata().ok()?;
    Some((folder.dev(), folder.ino(), path.file_name()?))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Target {
    /// Refuses a file that exists, unless it may be replaced, and what is the gate's own in any case.
    pub(super) fn open(path: &Path, replace: bool, own: &Own) -> io::Result<Self> {
        if own.has(path) {
            let text = format!(
                "`{}` is the gate's own, it would be destroyed\nhint: choose another name",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("can't write `{}`: {error}", path.display()))
        };
        match path.metadata() {
            Ok(found) if found.is_dir() => {
                let text = format!("`{}` is a folder\nhint: name a file in it", path.display());
                return Err(io::Error::new(io::ErrorKind::IsADirectory, text));
            }
            Ok(found) if !found.is_file() => {
                return OpenOptions::new().write(true).open(path).map(Self::Other).map_err(named);
            }
            Ok(_) if !replace => return Err(exists(path)),
            Ok(_) | Err(_) => {}
        }
        let folder = folder(path);
        if !folder.is_dir() {
            let text = format!(
                "can't write `{}`: there is no folder `{}`\nhint: make it, or choose another name",
                path.display(),
                folder.display()
            );
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        // Made with mode 0600.
        let temporary = NamedTempFile::new_in(folder).map_err(named)?;
        Ok(Self::File { temporary, path: path.to_owned(), replace })
    }

    /// Puts it on the disk and gives it its name.
    pub(super) fn finish(self) -> io::Result<()> {
        let (temporary, path, replace) = match self {
            Self::Other(mut file) => return file.flush(),
            Self::File { temporary, path, replace } => (temporary, path, replace),
        };
        temporary.as_file().sync_all()?;
        let kept = if replace { temporary.persist(&path) } else { temporary.persist_noclobber(&path) };
        match kept {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&path)),
            Err(error) => return Err(error.error),
        }
        File::open(folder(&path))?.sync_all()
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { temporary, .. } => temporary.write(bytes),
            Self::Other(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { temporary, .. } => temporary.flush(),
            Self::Other(file) => file.flush(),
        }
    }
}

fn exists(path: &Path) -> io::Error {
    let text = format!(
        "`{}` exists already\nhint: choose another name, or replace it with `--force`",
        path.display()
    );
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn none() -> Own {
        Own(Vec::new())
    }

    /// Seen: a backup over the live database left the gate writing to a file without a name.
    #[test]
    fn what_is_the_gates_own_is_never_replaced_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let (database, link) = (folder.path().join("x.redb"), folder.path().join("link"));
        std::fs::write(&database, "all of it").unwrap();
        std::os::unix::fs::symlink(&database, &link).unwrap();
        for path in [database.clone(), folder.path().join("./x.redb"), link] {
            let error = Target::open(&path, true, &Own(vec![database.clone()])).err().unwrap();
            assert!(error.to_string().contains("the gate's own"), "{error}");
        }
        // Seen: a backup under the socket's name kept the gate from starting.
        let socket = folder.path().join("x.sock");
        assert!(Target::open(&socket, false, &Own(vec![socket.clone()])).is_err());
        assert!(Target::open(&folder.path().join("y.sock"), false, &Own(vec![socket])).is_ok());
        assert_eq!(std::fs::read_to_string(&database).unwrap(), "all of it");
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut target = Target::open(&path, false, &none()).unwrap();
        target.write_all(b"all of it").unwrap();
        assert!(!path.exists());
        target.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_there_is_replaced_only_where_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "before").unwrap();
        assert!(Target::open(&path, false, &none()).err().unwrap().to_string().contains("--force"));
        drop(Target::open(&path, true, &none()).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before", "given up halfway");
        Target::open(&path, true, &none()).unwrap().finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_file_that_came_up_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let target = Target::open(&path, false, &none()).unwrap();
        std::fs::write(&path, "theirs").unwrap();
        assert!(target.finish().is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
    }
}
