//! `sidegate check`: what is wrong with the configuration, or the settings that hold.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::{self, Env, report};

/// Reads the configuration and writes what is wrong with it, or the effective settings with secrets hidden.
/// Exit 0: the gate would start with it; 2: it would not; 1: the answer could not be written.
pub fn run(config: Option<&Path>, env: &dyn Env, folder: &Path, out: &mut dyn Write) -> ExitCode {
    let (text, code) = answer(config, env, folder);
    say(&text, ExitCode::from(code), out)
}

/// Writes a text; exit 1 where that can't be done.
pub(super) fn say(text: &str, code: ExitCode, out: &mut dyn Write) -> ExitCode {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        // Whoever read the beginning has what they wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(_) => ExitCode::from(1),
    }
}

fn answer(config: Option<&Path>, env: &dyn Env, folder: &Path) -> (String, u8) {
    match config::load(config, env, folder) {
        Ok(loaded) => (report::loaded(&loaded), 0),
        Err(findings) => (report::findings(&findings), 2),
    }
}
