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
mod find;
mod finding;
mod measures;
mod names;
mod nearest;
mod raw;
mod reader;
pub mod reference;
pub mod report;
mod rules;
mod secrets;
pub mod settings;
mod smtp;
mod syntax;
mod table;
mod upstreams;
mod urls;
mod values;

use std::path::{Path, PathBuf};

pub use env::Env;
pub use finding::{Finding, Place, Severity};
pub use settings::Settings;
pub use table::{Effective, Source};

use document::Document;
use file::Written;
use reader::Reader;

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

/// Loads the settings: from the file that is named (`--config`, else `$SIDEGATE_CONFIG`), else from `sidegate.toml` in
/// `folder`, else from `/etc/sidegate/sidegate.toml`, else from none; under variables, over the FastAPI project's.
/// `Err` holds all findings, warnings included, in the order of their places.
pub fn load(explicit: Option<&Path>, env: &dyn Env, folder: &Path) -> Result<Loaded, Vec<Finding>> {
    load_for(Purpose::Forwarding, explicit, env, folder)
}

/// What settings are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Running the gate.
    Forwarding,
    /// Administering its data.
    Administration,
}

fn load_for(
    purpose: Purpose,
    explicit: Option<&Path>,
    env: &dyn Env,
    folder: &Path,
) -> Result<Loaded, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut variables = env::variables(env);
    let localhost = env::localhost(env, &variables);
    dotenv::add(&mut variables, folder, &mut findings);
    let text = find::file(explicit, &variables, folder).unwrap_or_else(|finding| {
        findings.push(finding);
        None
    });
    build(purpose, text, variables, localhost, folder, findings)
}

/// As [`load`], for commands that never forward: the backend's address need not be known to them. Where the gate runs as
/// a service its variables often are the service's alone.
pub fn load_to_administer(
    explicit: Option<&Path>,
    env: &dyn Env,
    folder: &Path,
) -> Result<Loaded, Vec<Finding>> {
    load_for(Purpose::Administration, explicit, env, folder)
}

/// Loads the settings from a text instead of a file, for tests and the demo: no other file is read, and no `.env`.
pub fn from_toml(text: &str, env: &dyn Env) -> Result<Loaded, Vec<Finding>> {
    let file = (PathBuf::from(find::IN_FOLDER), text.to_owned());
    let variables = env::variables(env);
    let localhost = env::localhost(env, &variables);
    build(Purpose::Forwarding, Some(file), variables, localhost, Path::new(""), Vec::new())
}

/// A backend that is never asked for anything.
const NO_UPSTREAM: &str = "http://upstream.invalid";

fn build(
    purpose: Purpose,
    file: Option<(PathBuf, String)>,
    mut variables: env::Variables,
    localhost: env::Localhost,
    folder: &Path,
    mut findings: Vec<Finding>,
) -> Result<Loaded, Vec<Finding>> {
    let unread = findings.iter().any(Finding::is_error);
    let document = file.as_ref().map(|(path, text)| {
        let text = text.trim_start_matches('\u{feff}');
        document::read(&path.display().to_string().into(), text, &mut findings)
    });
    let Document { layer: from_file, rules, upstreams, well_formed } =
        document.unwrap_or_else(|| Document::empty(!unread));
    let own = env::layer(&mut variables, &mut findings);
    let mut last = fastapi::layer(&variables, &mut findings);
    if purpose == Purpose::Administration {
        let place = Place::Variable("SIDEGATE_UPSTREAM_URL".to_owned());
        let raw = raw::Raw::Text(NO_UPSTREAM.to_owned());
        last.entry("upstream.url".to_owned()).or_insert(reader::Entry { raw, place });
    }
    let mut reader = Reader { layers: [own, from_file, last], folder, findings: &mut findings };
    let mut written = Written::read(&mut reader);
    // Without the file's keys, rules between keys would blame what it may well say.
    if well_formed {
        check::rules(&mut written, localhost, &mut findings);
    }
    // Whoever administers may not be allowed to read the gate's keys.
    let reads_keys = purpose == Purpose::Forwarding && well_formed;
    let secured = if reads_keys {
        check::tls::read(&written, folder, &mut findings)
    } else {
        check::tls::Secured::unread(&written, folder)
    };
    let keys = reads_keys.then_some(folder);
    let upstreams = upstreams::checked(upstreams, &mut written, localhost, keys, &mut findings);
    if !findings.iter().any(Finding::is_error) {
        upstreams::unused(&upstreams, &rules, &mut findings);
    }
    let mut findings: Vec<_> = findings.into_iter().map(Finding::unquoted).collect();
    findings
        .sort_by(|one, other| (one.place.is_none(), &one.place).cmp(&(other.place.is_none(), &other.place)));
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    let mut effective = written.effective();
    match check::settings(written, rules, upstreams, secured) {
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
