//! The environment as a parameter, a working folder's `.env`, and the variables that are keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::finding::{Finding, Place};
use super::nearest;
use super::raw::Raw;
use super::reader::{Entry, Layer};

/// Where environment variables come from.
pub trait Env {
    /// All of them.
    fn variables(&self) -> Vec<(OsString, OsString)>;
}

/// The process's own environment.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Env for System {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the process's environment")]
    fn variables(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os().collect()
    }
}

/// Variables given one by one, for tests and the demo.
#[derive(Clone, Default)]
pub struct Fixed(Vec<(OsString, OsString)>);

impl Fixed {
    /// These variables and no others.
    pub fn new<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(variables.map(|(name, value)| (name.into(), value.into())).to_vec())
    }
}

impl Env for Fixed {
    fn variables(&self) -> Vec<(OsString, OsString)> {
        self.0.clone()
    }
}

/// The variable that names the configuration file; it is no key.
pub(super) const CONFIG: &str = "SIDEGATE_CONFIG";

/// One variable. It may be a secret: no `Debug`.
pub(super) struct Variable {
    /// Its value; `None`: not UTF-8.
    pub(super) value: Option<String>,
    /// Where it was given.
    pub(super) place: Place,
}

/// All variables that matter by their names: the environment's, and under them `.env`'s.
pub(super) type Variables = BTreeMap<String, Variable>;

/// The environment's variables.
pub(super) fn variables(env: &dyn Env) -> Variables {
    let named = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        let variable = Variable { value: value.into_string().ok(), place: Place::Variable(name.clone()) };
        Some((name, variable))
    };
    env.variables().into_iter().filter_map(named).collect()
}

/// Adds what the working folder's `.env` gives and the environment doesn't. Quotes and `$NAME` are read as dotenv does:
/// single quotes keep a `$` as it is. The process's environment is not changed.
pub(super) fn add_dotenv(variables: &mut Variables, folder: &Path, findings: &mut Vec<Finding>) {
    let path = folder.join(".env");
    // Python's virtual environments are folders of this name.
    if !path.is_file() {
        return;
    }
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            return findings
                .push(Finding::warning(None, format!("`.env` can't be read: {}", reason(&error))));
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok((name, value)) => {
                let place = Place::DotEnv(name.clone());
                variables.entry(name).or_insert(Variable { value: Some(value), place });
            }
            // The error holds the line, which may be a secret: only its number is told.
            Err(dotenvy::Error::LineParse(line, _)) => {
                let first = line.lines().next().unwrap_or_default();
                let place = text.find(first).map(|offset| Place::at(&".env".into(), text, offset));
                findings.push(Finding::warning(place, "this line can't be read and is ignored"));
            }
            Err(_) => findings.push(Finding::warning(None, "a line of `.env` can't be read and is ignored")),
        }
    }
}

/// The keys that variables give, and what is wrong with `SIDEGATE_…` variables that are none.
pub(super) fn layer(variables: &mut Variables, findings: &mut Vec<Finding>) -> Layer {
    let mut layer = Layer::new();
    let names = nearest::variables();
    let given: Vec<_> =
        variables.keys().filter(|name| name.starts_with("SIDEGATE_") && *name != CONFIG).cloned().collect();
    for name in given {
        let Some(Variable { value, place }) = variables.remove(&name) else { continue };
        match (names.get(&name), value) {
            (None, _) => {
                let finding =
                    Finding::warning(Some(place), format!("`{name}` is not a key's variable and is ignored"));
                findings.push(match nearest::close_variable(&name, names.keys()) {
                    Some(close) => finding.hint(format!("did you mean `{close}`?")),
                    None => finding,
                });
            }
            (Some(_), None) => findings.push(Finding::error(Some(place), format!("`{name}` is not UTF-8"))),
            (Some(path), Some(value)) => {
                layer.insert(path.clone(), Entry { raw: Raw::Variable(value), place });
            }
        }
    }
    layer
}

/// An I/O error in a few words, without the system's number.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::InvalidData
            if error.get_ref().is_none_or(|inner| inner.to_string().contains("UTF-8")) =>
        {
            "it is not UTF-8".to_owned()
        }
        _ => error.to_string(),
    }
}
