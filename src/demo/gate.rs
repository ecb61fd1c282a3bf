//! The demo's gate: the settings it runs with, and the folder that its users live in.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{DemoError, Options, serve};
use crate::app::{self, Running};
use crate::config::env::Fixed;
use crate::config::{self, Settings};
use crate::log::AccessLog;
use crate::types::Clock;

/// A running gate and its data.
pub(super) struct DemoGate {
    running: Running,
    origin: String,
    folder: Folder,
}

/// Starts the gate before `upstream`; `page` is the origin that may call it with credentials.
pub(super) fn start(
    options: &Options,
    upstream: &str,
    page: &str,
    clock: Clock,
) -> Result<DemoGate, DemoError> {
    let port = free_port(options.gate_port)?;
    let folder = Folder::open(options.data.as_deref())?;
    let origin = format!("http://{}", serve::loopback(port));
    let settings = settings(port, &origin, upstream, page, folder.path())?;
    let running = app::start(settings, clock, AccessLog::Traced)?;
    Ok(DemoGate { running, origin, folder })
}

impl DemoGate {
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// What becomes of the users, as the end of a sentence.
    pub(super) fn keeping(&self) -> String {
        match &self.folder {
            Folder::Passing(folder) => {
                format!(
                    "users are kept in {} and go with it (keep them: --data DIR)",
                    folder.path().display()
                )
            }
            Folder::Kept(folder) => format!("users stay in {}", folder.display()),
        }
    }

    /// Finishes what runs, then removes a temporary folder.
    pub(super) fn stop(self) {
        self.running.stop();
        drop(self.folder);
    }
}

/// The gate's own listeners share their port among workers, and can't tell a stranger's from their own: look first.
fn free_port(wanted: u16) -> Result<u16, DemoError> {
    TcpListener::bind(serve::loopback(wanted))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|cause| DemoError::listening(wanted, "--port", cause))
}

/// No file, no environment: only what stands here.
fn settings(port: u16, origin: &str, upstream: &str, page: &str, data: &Path) -> Result<Settings, DemoError> {
    let database = data.join("sidegate.redb");
    let database = database.to_str().ok_or_else(|| DemoError::DataName(data.to_owned()))?;
    // JSON strings of these are TOML strings too.
    let database = serde_json::Value::from(format!("redb:{database}"));
    let text = format!(
        r#"
        server.listen = "127.0.0.1:{port}"
        server.public_url = "{origin}"
        server.shutdown_grace = "1s"
        upstream.url = "{upstream}"
        database.url = {database}
        cors.origins = ["{page}"]
        cors.proxied = true
        admin.listen = ""
        "#
    );
    match config::from_toml(&text, &Fixed::new([])) {
        Ok(loaded) => Ok(loaded.settings),
        Err(findings) => Err(DemoError::Settings(findings.iter().map(ToString::to_string).collect())),
    }
}

enum Folder {
    Passing(TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn open(wanted: Option<&Path>) -> Result<Self, DemoError> {
        let Some(path) = wanted else {
            let made = tempfile::Builder::new().prefix("sidegate-demo-").tempdir();
            return made
                .map(Self::Passing)
                .map_err(|cause| DemoError::Data { path: std::env::temp_dir(), cause });
        };
        std::fs::create_dir_all(path)
            .and_then(|()| path.canonicalize())
            .map(Self::Kept)
            .map_err(|cause| DemoError::Data { path: path.to_owned(), cause })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}
