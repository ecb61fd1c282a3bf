//! `sidegate healthcheck`: exit 0 when the running gate is ready.

use std::path::Path;
use std::process::ExitCode;

use super::USAGE;
use crate::admin::health;
use crate::config::{self, env::System};

pub(super) fn run(config: Option<&Path>) -> ExitCode {
    let settings = match config::load_to_administer(config, &System, Path::new(".")) {
        Ok(loaded) => loaded.settings,
        Err(findings) => {
            super::complain(&findings);
            return ExitCode::from(USAGE);
        }
    };
    let Some(listen) = settings.admin.listen.filter(|listen| listen.port() != 0) else {
        return super::fail(
            "there is no address to ask at: `admin.listen` is empty or has port 0\n\
             hint: set `admin.listen` to an address such as 127.0.0.1:9900, for the gate and here",
        );
    };
    match health::ask(listen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => super::fail(&why.to_string()),
    }
}
