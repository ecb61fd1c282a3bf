//! `sidegate healthcheck`: exit 0 when the running gate is ready.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::USAGE;
use crate::admin::client::Client;
use crate::admin::{Command, health};
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

/// How long a gate may take that is asked at its socket.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where nobody listens for health: the admin socket answers from when the gate is ready until it begins to stop.
fn by_socket(socket: &Path) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(&format!("the system refuses a runtime: {error}")),
    };
    let asked = LocalSet::new().block_on(&runtime, async { timeout(PATIENCE, ask(socket)).await });
    let why = match asked {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(why)) => why,
        Err(_) => "timed out".to_owned(),
    };
    super::fail(&format!(
        "no gate answers at the admin socket `{}`: {why}\nhint: is it running, with this `admin.socket`?",
        socket.display()
    ))
}

/// Asks for something small: whoever accepts a connection and then says nothing is not ready.
async fn ask(socket: &Path) -> Result<(), String> {
    let stream = UnixStream::connect(socket).await.map_err(|error| error.to_string())?;
    let mut client = Client::over(stream).await.map_err(|error| error.to_string())?;
    client.list(&Command::ListKeys {}, |_| Ok(())).await.map_err(|error| error.to_string())
}
