//! `sidegate healthcheck`: exit 0 when the running gate is ready.

use std::os::unix::net::UnixStream;
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
    match settings.admin.listen.filter(|listen| listen.port() != 0) {
        Some(listen) => match health::ask(listen) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => super::fail(&why.to_string()),
        },
        None => by_socket(&settings.admin.socket),
    }
}

/// Where nobody listens for health: the admin socket is there from when the gate is ready until it stops.
fn by_socket(socket: &Path) -> ExitCode {
    match UnixStream::connect(socket) {
        Ok(_) => ExitCode::SUCCESS,
        Err(cause) => super::fail(&format!(
            "no gate answers at the admin socket `{}`: {cause}\nhint: is it running, with this `admin.socket`?",
            socket.display()
        )),
    }
}
