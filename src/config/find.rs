//! Which configuration file is read.

use std::path::{Path, PathBuf};

use super::env::{CONFIG, Variable, Variables};
use super::files;
use super::finding::{Finding, Place};

/// The file's name in the working folder.
pub(super) const IN_FOLDER: &str = "sidegate.toml";

/// Where a file is looked for when none is named, after the working folder.
const SYSTEM_WIDE: &str = "/etc/sidegate/sidegate.toml";

/// The file's name as it is shown, and its text. Only a file that nobody named may be missing.
pub(super) fn file(
    explicit: Option<&Path>,
    variables: &Variables,
    folder: &Path,
) -> Result<Option<(PathBuf, String)>, Finding> {
    let named = match (explicit, variables.get(CONFIG)) {
        (Some(name), _) if name.as_os_str().is_empty() => {
            let finding = Finding::error(None, "`--config` names no file");
            return Err(finding.hint("write it like `--config sidegate.toml`, or leave it out"));
        }
        (Some(name), _) => Some((name.to_owned(), None)),
        (None, Some(Variable { value: None, place })) => {
            let finding = Finding::error(Some(place.clone()), "the file's name is not UTF-8");
            return Err(finding.hint("name the file in UTF-8, or with `--config`"));
        }
        (None, Some(Variable { value: Some(name), place })) if !name.is_empty() => {
            Some((PathBuf::from(name), Some(place.clone())))
        }
        (None, _) => None,
    };
    if let Some((name, place)) = named {
        return match std::fs::read_to_string(folder.join(&name)) {
            Ok(text) => Ok(Some((name, text))),
            Err(error) => Err(unreadable(&name, place, &error)),
        };
    }
    for name in [IN_FOLDER, SYSTEM_WIDE].map(PathBuf::from) {
        match std::fs::read_to_string(folder.join(&name)) {
            Ok(text) => return Ok(Some((name, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&name, None, &error)),
        }
    }
    Ok(None)
}

fn unreadable(name: &Path, place: Option<Place>, error: &std::io::Error) -> Finding {
    let text = format!("`{}` can't be read: {}", name.display(), files::reason(error));
    Finding { hint: files::remedy(error), ..Finding::error(place, text) }
}
