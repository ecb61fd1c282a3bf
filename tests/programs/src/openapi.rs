//! The OpenAPI document, read by the OpenAPI Initiative's schema as others have programmed it (openapi-spec-validator from PyPI):
//! `sidegate openapi` under different settings. No program stands behind the gate, and no gate runs.

use std::path::Path;
use std::process::Command;

use crate::site::clean;
use crate::{Row, Tools, process};

pub(crate) const NAME: &str = "openapi";

/// What changes the document most, as variables; each document's file is called by it.
const SETTINGS: [(&str, &[(&str, &str)]); 4] = [
    ("defaults", &[]),
    ("body-delivery", &[("SIDEGATE_TOKENS_DELIVERY", "body")]),
    ("no-pages", &[("SIDEGATE_PAGES_ENABLED", "false")]),
    (
        "original-headers",
        &[("SIDEGATE_VERIFY_SOURCE", "original"), ("SIDEGATE_IDENTITY_EMAIL", "X-User-Email")],
    ),
];

/// Has each document judged, and one that is none.
pub(crate) fn judged(tools: &Tools) -> Row {
    let begun = std::time::Instant::now();
    let version = process::version_of_package("openapi-spec-validator", tools);
    let outcome = judge_all(tools);
    Row { name: NAME, front: None, version, seconds: begun.elapsed().as_secs_f64(), outcome }
}

fn judge_all(tools: &Tools) -> Result<Vec<String>, String> {
    let home = tempfile::tempdir().map_err(|error| format!("a folder: {error}"))?;
    let folder = home.path();
    let mut first = None;
    for (name, settings) in SETTINGS {
        let mut command = Command::new(sidegate_browser_tests::binary());
        clean(&mut command, folder).current_dir(folder).arg("openapi").envs(settings.iter().copied());
        let document = said(&mut command).map_err(|why| format!("{name}: {why}"))?;
        write(folder, name, &document)?;
        first.get_or_insert(document);
    }
    let names = SETTINGS.map(|(name, _)| name);
    accepts(tools, folder, &names)?;
    // Whoever accepts this one, too, has judged nothing.
    let broken = first.unwrap_or_default().replacen("\"responses\"", "\"answers\"", 1);
    write(folder, "broken", &broken)?;
    match accepts(tools, folder, &["broken"]) {
        Err(why) if why.contains("answers") => {}
        other => return Err(format!("a broken document: {other:?}")),
    }
    Ok(vec![format!("{}: valid OpenAPI 3.1; a broken one is refused", names.join(", "))])
}

fn write(folder: &Path, name: &str, document: &str) -> Result<(), String> {
    std::fs::write(folder.join(name), document).map_err(|error| format!("a file: {error}"))
}

/// To load the validator takes seconds: all in one go.
fn accepts(tools: &Tools, folder: &Path, names: &[&str]) -> Result<(), String> {
    let mut command = Command::new(tools.venv.join("bin/openapi-spec-validator"));
    clean(&mut command, folder).current_dir(folder).args(["--schema", "3.1", "--validation-errors", "all"]);
    said(command.args(names)).map(drop)
}

/// What a command says that ends well; else all that it said.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    if output.status.success() { Ok(out) } else { Err(format!("{}{}", out.trim(), err.trim())) }
}
