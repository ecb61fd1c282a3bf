//! The way to what is administered: the running gate's socket, or the database itself when no gate runs. What is done
//! there is the same code either way; here it only speaks over a pipe.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::task::LocalSet;

use super::USAGE;
use super::target::Own;
use crate::admin::client::{Client, ClientError};
use crate::admin::serve_connection;
use crate::app::{self, StartError};
use crate::config::settings::DatabaseUrl;
use crate::config::{self, Settings, env::System};
use crate::store::OpenError;
use crate::types::Clock;

/// How long a database may be held by a process that has no socket yet: a gate that starts, or another command.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often is looked again meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes that wait in the pipe.
const PIPE: usize = 256 * 1024;

/// How long mails that a command caused are sent for before it ends.
const LAST_MAILS: Duration = Duration::from_secs(20);

/// Why a command failed. The texts are for whoever gave it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It was not carried out, or nobody knows.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file or the terminal could not be used.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It was told already.
    #[error("")]
    Told,
}

/// Runs a command of administration to its end: 0 fine, 1 failed, 2 wrong usage or configuration.
pub(super) fn through(
    config: Option<&Path>,
    work: impl AsyncFnOnce(&mut Client, &Own) -> Result<(), Trouble>,
) -> ExitCode {
    let settings = match config::load_to_administer(config, &System, Path::new(".")) {
        Ok(loaded) => loaded.settings,
        Err(findings) => {
            super::complain(&findings);
            return ExitCode::from(USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(&format!("the system refuses a runtime: {error}")),
    };
    let DatabaseUrl::Redb(database) = &settings.database.url;
    let own = Own(vec![database.clone(), settings.admin.socket.clone()]);
    let done = LocalSet::new().block_on(&runtime, async {
        let (mut client, services) = open(settings).await?;
        let done = work(&mut client, &own).await.map_err(Failed::Command);
        drop(client);
        let Some(services) = services else { return done };
        if let Some(mail) = &services.mail {
            mail.close(LAST_MAILS).await;
        }
        match services.store.close().await {
            Ok(()) => done,
            Err(error) => done.and(Err(Failed::Door(format!("the database did not close cleanly: {error}")))),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Command(trouble)) if has_left(&trouble) => ExitCode::SUCCESS,
        Err(Failed::Command(Trouble::Told)) => ExitCode::FAILURE,
        Err(Failed::Command(trouble)) => super::fail(&trouble.to_string()),
        Err(Failed::Door(text)) => super::fail(&text),
    }
}

enum Failed {
    Door(String),
    Command(Trouble),
}

/// Whoever read the beginning of a list has what they wanted.
fn has_left(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Io(error) | Trouble::Client(ClientError::Sink(error)) => {
            error.kind() == ErrorKind::BrokenPipe
        }
        Trouble::Client(_) | Trouble::Told => false,
    }
}

/// A line to whoever has the database; the services to close afterwards where that is this process.
async fn open(settings: Settings) -> Result<(Client, Option<crate::admin::Services>), Failed> {
    let socket = settings.admin.socket.clone();
    let started = Instant::now();
    loop {
        match UnixStream::connect(&socket).await {
            Ok(stream) => {
                let client = Client::over(stream).await.map_err(|error| Failed::Door(error.to_string()))?;
                return Ok((client, None));
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
            Err(error) => return Err(Failed::Door(unreachable(&socket, &error))),
        }
        match app::offline(&settings, Clock::system()).await {
            Ok(services) => {
                let (ours, theirs) = tokio::io::duplex(PIPE);
                tokio::task::spawn_local(serve_connection(services.clone(), theirs));
                let client = Client::over(ours).await.map_err(|error| Failed::Door(error.to_string()))?;
                return Ok((client, Some(services)));
            }
            Err(StartError::Open(OpenError::Locked(_))) if started.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(StartError::Open(OpenError::Locked(database))) => {
                return Err(Failed::Door(format!(
                    "the database `{}` is in use by another process, and no gate answers on the admin socket `{}`\n\
                     hint: give this command the configuration that the gate runs with (`--config`, its variables)",
                    database.display(),
                    socket.display()
                )));
            }
            Err(error) => return Err(Failed::Door(error.to_string())),
        }
    }
}

fn unreachable(socket: &Path, error: &io::Error) -> String {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => "run this as the user that the gate runs as, or as root",
        _ => "see that `admin.socket` names the running gate's socket",
    };
    format!("the admin socket `{}` can't be reached: {error}\nhint: {hint}", socket.display())
}
