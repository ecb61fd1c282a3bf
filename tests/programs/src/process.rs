//! Programs as processes: what they say goes into a file, and dropping one ends it and what it started.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

use crate::Tools;

/// How long a program may take to start and to end. JupyterLab needs seconds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; its output goes into `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: PathBuf) -> Self {
        let output = File::create(&log).unwrap_or_else(|error| panic!("making {}: {error}", log.display()));
        let errors = output.try_clone().expect("a descriptor can be doubled");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name, child, log }
    }

    /// Waits until it takes connections.
    pub(crate) async fn listens(&mut self, port: u16) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = self.child.try_wait().expect("a child can be asked");
            if ended.is_some() || begun.elapsed() > PATIENCE {
                panic!("{} does not listen ({ended:?}); it said: {}", self.name, self.said());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The end of what it said.
    pub(crate) fn said(&self) -> String {
        let said = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said[said.len().saturating_sub(2000)..]).into_owned()
    }
}

impl Drop for Process {
    /// Asks first: JupyterLab ends its kernels, the gate writes what it has queued up.
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(15) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The version that a program tells: the first word that begins with a digit in what `--version` says.
pub(crate) fn version(program: &std::path::Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let version = said.split_whitespace().find(|word| word.starts_with(|sign: char| sign.is_ascii_digit()));
    version.unwrap_or("?").to_owned()
}

/// The version of what PyPI calls by this name. Not asked of itself: to load it may take seconds.
pub(crate) fn version_of_package(name: &str, tools: &Tools) -> String {
    let asked = format!("import importlib.metadata as about; print(about.version('{name}'))");
    let output = Command::new(tools.venv.join("bin/python")).args(["-c", &asked]).output();
    let output = output.unwrap_or_else(|error| panic!("Python does not start: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
