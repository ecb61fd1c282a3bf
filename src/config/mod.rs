//! The configuration: as written (a TOML file, variables, secret files), checked, as meant ([`Settings`]).
//! Every mistake is reported at once, each with its place.

mod addresses;
mod check;
mod document;
pub mod env;
pub mod example;
mod fastapi;
mod file;
mod finding;
mod measures;
mod names;
mod nearest;
mod raw;
mod reader;
pub mod report;
pub mod rules;
mod secrets;
pub mod settings;
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
    env::add_dotenv(&mut variables, folder, &mut findings);
    let from_variable = variables.get(env::CONFIG).and_then(|variable| variable.value.clone());
    let named = explicit
        .map(Path::to_owned)
        .or_else(|| from_variable.filter(|name| !name.is_empty()).map(PathBuf::from));
    let text = match read_file(named.as_deref(), folder) {
        Ok(text) => text,
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    build(text, variables, folder, findings)
}

/// Loads the settings from a text instead of a file, for tests and the demo: no other file is read, and no `.env`.
pub fn from_toml(text: &str, env: &dyn Env) -> Result<Loaded, Vec<Finding>> {
    build(Some((PathBuf::from(IN_FOLDER), text.to_owned())), env::variables(env), Path::new(""), Vec::new())
}

/// The file's name as it is shown, and its text.
fn read_file(named: Option<&Path>, folder: &Path) -> Result<Option<(PathBuf, String)>, Finding> {
    let candidates = match named {
        Some(name) => vec![(name.to_owned(), folder.join(name))],
        None => {
            vec![(PathBuf::from(IN_FOLDER), folder.join(IN_FOLDER)), (SYSTEM_WIDE.into(), SYSTEM_WIDE.into())]
        }
    };
    for (shown, path) in candidates {
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((shown, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => {
                let text = format!("`{}` can't be read: {}", shown.display(), env::reason(&error));
                return Err(Finding::error(None, text));
            }
        }
    }
    Ok(None)
}

fn build(
    file: Option<(PathBuf, String)>,
    mut variables: env::Variables,
    folder: &Path,
    mut findings: Vec<Finding>,
) -> Result<Loaded, Vec<Finding>> {
    let unread = findings.iter().any(Finding::is_error);
    let (from_file, rules, well_formed) = match &file {
        Some((path, text)) => document::layer(
            &path.display().to_string().into(),
            text.trim_start_matches('\u{feff}'),
            &mut findings,
        ),
        None => (Layer::new(), Vec::new(), !unread),
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
        check::rules(&mut written, &mut findings);
    }
    findings
        .sort_by(|one, other| (one.place.is_none(), &one.place).cmp(&(other.place.is_none(), &other.place)));
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    let effective = written.effective();
    match check::settings(written, rules) {
        Some(settings) => {
            Ok(Loaded { settings, warnings: findings, effective, file: file.map(|(path, _)| path) })
        }
        // Unreachable as long as each rule that `settings` relies on is kept by `check::rules`.
        None => Err(vec![Finding::error(None, "the settings don't fit together")]),
    }
}
