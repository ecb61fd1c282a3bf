//! A program with the gate before it: both as processes, in a folder of their own, with the tap between them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;
use crate::tap::Tap;
use crate::visit::Program;
use crate::{Tools, ports};

/// A program that can be visited.
pub(crate) struct Site {
    /// The gate's origin as the browser knows it: `http://jupyterlab.localhost:41234`.
    pub(crate) origin: String,
    /// The same without the scheme.
    pub(crate) host: String,
    /// The gate's port.
    pub(crate) port: u16,
    /// The program's own port, for who is to see what the gate changes.
    pub(crate) behind: u16,
    /// The program's own folder: what it was given, and what it writes.
    pub(crate) folder: PathBuf,
    tap: Tap,
    // The gate ends before the program, as an operator would end them.
    _gate: Process,
    _program: Process,
    _home: tempfile::TempDir,
}

/// What a program is called, and how it is spoken to.
pub(crate) struct Plan {
    /// Good for a host name.
    pub(crate) name: &'static str,
    /// Of its URL, as the gate is told it.
    pub(crate) scheme: &'static str,
    /// What else the gate is told, as variables.
    pub(crate) settings: &'static [(&'static str, &'static str)],
}

impl Site {
    /// Starts both and waits until they listen.
    pub(crate) async fn start(program: &impl Program, tools: &Tools) -> Self {
        let plan = Plan { name: program.name(), scheme: "http", settings: program.settings() };
        Self::of(plan, |folder, port| program.command(tools, folder, port), tools).await
    }

    /// The same with a program that is no [`Program`]: `command` starts it in a folder, on a port.
    pub(crate) async fn of(
        Plan { name, scheme, settings }: Plan,
        command: impl FnOnce(&Path, u16) -> Command,
        tools: &Tools,
    ) -> Self {
        let home = tempfile::tempdir().expect("a folder for the program");
        let folder = home.path().join("work");
        std::fs::create_dir(&folder).expect("a folder for the program's files");
        let own = ports::free();
        let mut command = command(&folder, own);
        clean(&mut command, home.path()).current_dir(&folder);
        let mut running = Process::start(name, &mut command, tools.logs.join(format!("{name}.log")));
        running.listens(own).await;

        let tap = Tap::to(own).await;
        let port = ports::free();
        // A name of its own: cookies know no ports, and what the program makes of the `Host` it sees is part of the test.
        let host = format!("{name}.localhost:{port}");
        let origin = format!("http://{host}");
        let mut command = Command::new(sidegate_browser_tests::binary());
        clean(&mut command, home.path())
            .current_dir(home.path())
            .arg("serve")
            .env("SIDEGATE_UPSTREAM_URL", format!("{scheme}://127.0.0.1:{}", tap.port))
            .env("SIDEGATE_SERVER_LISTEN", format!("127.0.0.1:{port}"))
            .env("SIDEGATE_SERVER_PUBLIC_URL", &origin)
            .env("SIDEGATE_DATABASE_URL", "redb:gate.redb")
            // Another gate of this machine may have the usual port.
            .env("SIDEGATE_ADMIN_LISTEN", "")
            .envs(settings.iter().copied());
        let log = tools.logs.join(format!("{name}-gate.log"));
        let mut gate = Process::start("sidegate", &mut command, log);
        gate.listens(port).await;
        Self { origin, host, port, behind: own, folder, tap, _gate: gate, _program: running, _home: home }
    }

    /// The address of one of its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// How many bytes of requests have come through to the program.
    pub(crate) fn heard(&self) -> u64 {
        self.tap.heard()
    }
}

/// The program sees nothing of this process's environment but where programs are: its settings are those in the test.
#[expect(clippy::disallowed_methods, reason = "the tests' own environment, not the product's")]
pub(crate) fn clean<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("LANG", "C.UTF-8").env("HOME", home)
}
