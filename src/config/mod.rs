//! The configuration: as written (a TOML file, variables, secret files), checked, as meant ([`Settings`]).
//! Every mistake is reported at once, each with its place.

mod addresses;
mod check;
mod document;
mod dotenv;
pub mod env;
pub mod example;
mod fastapi;
mod file;
mod files;
mod finding;
mod measures;
mod names;
mod nearest;
mod raw;
mod reader;
pub mod reference;
pub mod report;
mod secrets;
pub mod settings;
mod syntax;
mod table;
mod urls;
mod values;

use std::path::{Path, PathBuf};

pub use env::Env;
pub use finding::{Finding, Place, Severity};
pub use settings::Settings;
pub use table::{Effective, Source};

use file::Written;
use reader::{Layer, Reader};

/// Settings that hold, and what their operator should know of them.
#[derive(Debug)]
pub struct Loaded {
    /// The checked settings.
    pub settings: Settings,
    /// What is odd but holds; to be logged at start.
    pub warnings: Vec<Finding>,
    /// Every key with its value (secrets hidden) and where it comes from.
    pub effective: Vec<Effective>,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
}

/// Where a file is looked for when none is named, after the working folder.
const SYSTEM_WIDE: &str = "/etc/sidegate/sidegate.toml";

/// The file's name in the working folder.
const IN_FOLDER: &str = "sidegate.toml";

/// Loads the settings: from the file that is named (`--config`, else `$SIDEGATE_CONFIG`), else from `sidegate.toml` in
/// `folder`, else from `/etc/sidegate/sidegate.toml`, else from none; under variables, over the FastAPI project's.
/// `Err` holds all findings, warnings included, in the order of their places.
pub fn load(explicit: Option<&Path>, env: &dyn Env, folder: &Path) -> Result<Loaded, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut variables = env::variables(env);
    let localhost = env::localhost(env, &variables);
    dotenv::add(&mut variables, folder, &mut findings);
    let text = find_file(explicit, &variables, folder).unwrap_or_else(|finding| {
        findings.push(finding);
        None
    });
    build(text, variables, localhost, folder, findings)
}

/// Loads the settings from a text instead of a file, for tests and the demo: no other file is read, and no `.env`.
pub fn from_toml(text: &str, env: &dyn Env) -> Result<Loaded, Vec<Finding>> {
    let variables = env::variables(env);
    let localhost = env::localhost(env, &variables);
    build(Some((PathBuf::from(IN_FOLDER), text.to_owned())), variables, localhost, Path::new(""), Vec::new())
}

/// The file's name as it is shown, and its text. Only a file that nobody named may be missing.
fn find_file(
    explicit: Option<&Path>,
    variables: &env::Variables,
    folder: &Path,
) -> Result<Option<(PathBuf, String)>, Finding> {
    let named = match (explicit, variables.get(env::CONFIG)) {
        (Some(name), _) if name.as_os_str().is_empty() => {
            let finding = Finding::error(None, "`--config` names no file");
            return Err(finding.hint("write it like `--config sidegate.toml`, or leave it out"));
        }
        (Some(name), _) => Some((name.to_owned(), None)),
        (None, Some(env::Variable { value: None, place })) => {
            let finding = Finding::error(Some(place.clone()), "the file's name is not UTF-8");
            return Err(finding.hint("name the file in UTF-8, or with `--config`"));
        }
        (None, Some(env::Variable { value: Some(name), place })) if !name.is_empty() => {
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

fn build(
    file: Option<(PathBuf, String)>,
    mut variables: env::Variables,
    localhost: env::Localhost,
    folder: &Path,
    mut findings: Vec<Finding>,
) -> Result<Loaded, Vec<Finding>> {
    let unread = findings.iter().any(Finding::is_error);
    let (from_file, well_formed) = match &file {
        Some((path, text)) => document::layer(
            &path.display().to_string().into(),
            text.trim_start_matches('\u{feff}'),
            &mut findings,
        ),
        None => (Layer::new(), !unread),
    };
    let own = env::layer(&mut variables, &mut findings);
    let fastapi = fastapi::layer(&variables, &mut findings);
    for (path, entry) in
        own.iter().filter(|(path, _)| file::LATER.iter().any(|later| path.starts_with(later.path)))
    {
        findings.push(document::not_built(path, entry.place.clone()));
    }
    let mut reader = Reader { layers: [own, from_file, fastapi], folder, findings: &mut findings };
    let mut written = Written::read(&mut reader);
    // Without the file's keys, rules between keys would blame what it may well say.
    if well_formed {
        check::rules(&mut written, localhost, &mut findings);
    }
    let mut findings: Vec<_> = findings.into_iter().map(Finding::unquoted).collect();
    findings
        .sort_by(|one, other| (one.place.is_none(), &one.place).cmp(&(other.place.is_none(), &other.place)));
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    let mut effective = written.effective();
    match check::settings(written) {
        Some(settings) => {
            for key in &mut effective {
                key.here = check::here(key, &settings);
            }
            Ok(Loaded { settings, warnings: findings, effective, file: file.map(|(path, _)| path) })
        }
        // Unreachable as long as each rule that `settings` relies on is kept by `check::rules`.
        None => Err(vec![Finding::error(None, "the settings don't fit together")]),
    }
}
