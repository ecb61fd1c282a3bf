//! `sidegate openapi`: the OpenAPI document of `/auth/*`, as a gate with these settings would serve it.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::{USAGE, check, complain};
use crate::auth::openapi;
use crate::config::{self, env::System};

/// Prints it, for people and for tools. Where no configuration is found, as the defaults have it: not even the backend's
/// address is needed, for it is not in it.
pub(super) fn run(config: Option<&Path>) -> ExitCode {
    match config::load_to_administer(config, &System, Path::new(".")) {
        Ok(loaded) => {
            let document = format!("{:#}\n", openapi::document(&loaded.settings));
            check::say(&document, ExitCode::SUCCESS, &mut io::stdout())
        }
        Err(findings) => {
            complain(&findings);
            ExitCode::from(USAGE)
        }
    }
}
