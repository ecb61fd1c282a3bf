//! The layers that a value can come from, and which of them wins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::fastapi;
use super::files::{reason, remedy};
use super::finding::{Finding, Place};
use super::raw::{Fault, Raw, Value};
use super::secrets;
use super::table::{Given, Key, Source};

/// A value as one layer gives it. It may be a secret: no `Debug`.
pub(super) struct Entry {
    pub(super) raw: Raw,
    pub(super) place: Place,
}

/// What one source gives, by dotted path.
pub(super) type Layer = BTreeMap<String, Entry>;

/// Takes keys out of the layers.
pub(super) struct Reader<'a> {
    /// The strongest first: Sidegate's variables, the file, the FastAPI project's variables.
    pub(super) layers: [Layer; 3],
    /// Where relative paths of secret files begin.
    pub(super) folder: &'a Path,
    /// What was found wrong.
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    /// A key's value: the strongest layer's, else the default. A bad value is a finding and leaves the default.
    pub(super) fn read<T: Value>(&mut self, key: &'static Key) -> Given<T> {
        let default = |source, bad| Given { key, value: default_value(key), source, bad };
        let Some(entry) = self.strongest(key) else { return default(Source::Default, false) };
        let Entry { raw, place } = match entry {
            Ok(entry) => entry,
            Err(place) => return default(Source::Written(place), true),
        };
        match T::read(&raw) {
            Ok(value) => Given { key, value, source: Source::Written(place), bad: false },
            Err(faults) => {
                let faults = slip(key, &raw).map_or(faults, |slip| vec![slip]);
                self.findings.extend(faults.into_iter().map(|fault| {
                    let at = fault.place.or_else(|| Some(place.clone()));
                    let text = format!("bad value for `{}`: {}", key.path(), fault.text);
                    let hint = fault.hint.map(|hint| fastapi::or_own_name(hint, &place, &key.path()));
                    Finding { hint, ..Finding::error(at, text) }
                }));
                default(Source::Written(place), true)
            }
        }
    }

    /// The strongest entry; `Err`: there is one, but its secret could not be had.
    fn strongest(&mut self, key: &Key) -> Option<Result<Entry, Place>> {
        let path = key.path();
        for index in 0..self.layers.len() {
            let direct = self.layers[index].remove(&path);
            if !key.secret {
                match direct {
                    Some(entry) => return Some(Ok(entry)),
                    None => continue,
                }
            }
            let file = self.layers[index].remove(&format!("{path}_file")).filter(|file| !file.raw.is_empty());
            match (direct, file) {
                (Some(direct), Some(file)) if !direct.raw.is_empty() => {
                    let text = format!("`{path}` and `{path}_file` are both given");
                    self.findings.push(Finding::error(Some(file.place), text).hint("keep one of them"));
                    return Some(Err(direct.place));
                }
                (_, Some(file)) => return Some(self.secret(&path, file)),
                (Some(direct), None) => return Some(Ok(direct)),
                (None, None) => {}
            }
        }
        None
    }

    /// Reads the file that `x_file` names.
    fn secret(&mut self, path: &str, Entry { raw, place }: Entry) -> Result<Entry, Place> {
        let finding = match PathBuf::read(&raw) {
            Ok(file) => match secrets::read_file(&self.folder.join(&file)) {
                Ok(text) => return Ok(Entry { raw: Raw::Text(text), place }),
                Err(error) => {
                    let text = format!("`{path}_file` names `{}`: {}", file.display(), reason(&error));
                    Finding { hint: remedy(&error), ..Finding::error(Some(place.clone()), text) }
                }
            },
            Err(_) => {
                Finding::error(Some(place.clone()), format!("bad value for `{path}_file`: expected a path"))
                    .hint(format!("write it like `\"/run/secrets/{}\"`", path.replace('.', "_")))
            }
        };
        self.findings.push(finding);
        Err(place)
    }
}

/// Slips that say more than the key's own type can say of them.
fn slip(key: &Key, raw: &Raw) -> Option<Fault> {
    let example = key.example.unwrap_or(key.default);
    match raw {
        Raw::Variable(text) if text.is_empty() => {
            let example = example.trim_matches(['[', ']', '"']);
            Some(Fault::new("it is empty").hint(format!("give it a value like `{example}`, or unset it")))
        }
        Raw::Text(text) if text.is_empty() => {
            Some(Fault::new("it is empty").hint(format!("write a value like `{example}`, or remove the key")))
        }
        // A shell takes the quotes away, `docker run --env-file` does not.
        Raw::Variable(text) if text.len() > 1 && text.starts_with(['"', '\'']) => {
            Some(Fault::new("its quotes are part of it").hint("give the variable's value without quotes"))
        }
        Raw::Variable(text) | Raw::Text(text) if text.trim() != text => {
            Some(Fault::new("there is space around it").hint("write it without"))
        }
        Raw::Variable(text) if key.list && text.starts_with('[') => Some(
            Fault::new("its brackets are part of it")
                .hint("separate a list's elements by commas, without brackets"),
        ),
        _ => None,
    }
}

/// The table's default; a test reads every one of them.
fn default_value<T: Value>(key: &Key) -> T {
    let toml = DeValue::parse(key.default).expect("a test parses each default of the table");
    let nowhere = |_| Place::Variable(String::new());
    let value = T::read(&Raw::from_toml(toml.get_ref(), &nowhere));
    value.expect("a test reads each default of the table")
}
