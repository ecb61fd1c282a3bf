//! A program with the gate before it, and perhaps a front proxy before that: all as processes, in folders of their own,
//! with the tap between gate and program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::front::Front;
use crate::process::Process;
use crate::tap::Tap;
use crate::{Tools, ports};

/// What a program is called, how it is started, and how it is spoken to.
pub(crate) struct Plan {
    /// Good for a host name.
    pub(crate) name: &'static str,
    pub(crate) version: String,
    /// Of its URL, as the gate is told it.
    pub(crate) scheme: &'static str,
    /// What else the gate is told, as variables; `{folder}` is the program's own.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Puts into its folder what it is to show: before it starts, and anew before each person who comes by another way.
    pub(crate) lays_out: Box<dyn Fn(&Path)>,
    /// What starts it in a folder, on a port.
    pub(crate) command: Box<Starting>,
}

/// From a folder and a port to what starts a program there.
type Starting = dyn Fn(&Path, u16) -> Command;

/// A program that runs. Gates before it come and go.
pub(crate) struct Backend {
    name: &'static str,
    scheme: &'static str,
    settings: &'static [(&'static str, &'static str)],
    port: u16,
    folder: PathBuf,
    tap: Tap,
    _program: Process,
    _home: tempfile::TempDir,
}

impl Backend {
    /// Starts a program and waits until it listens.
    pub(crate) async fn start(plan: &Plan, tools: &Tools) -> Self {
        let home = tempfile::tempdir().expect("a folder for the program");
        let folder = home.path().join("work");
        std::fs::create_dir(&folder).expect("a folder for the program's files");
        (plan.lays_out)(&folder);
        let port = ports::free();
        let mut command = (plan.command)(&folder, port);
        clean(&mut command, home.path()).current_dir(&folder);
        let log = tools.logs.join(format!("{}.log", plan.name));
        let mut program = Process::start(plan.name, &mut command, log);
        program.listens(port).await;
        let tap = Tap::to(port).await;
        let Plan { name, scheme, settings, .. } = *plan;
        Self { name, scheme, settings, port, folder, tap, _program: program, _home: home }
    }

    /// The program's own folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A program that can be visited.
pub(crate) struct Site {
    /// Its origin as the browser knows it: `http://jupyterlab.localhost:41234`.
    pub(crate) origin: String,
    /// The same without the scheme.
    pub(crate) host: String,
    /// Where clients connect: the front proxy's port, else the gate's.
    pub(crate) port: u16,
    /// Where clients of HTTP/2 do, who say so by their first byte.
    pub(crate) http2_port: u16,
    /// The program's own port, for who is to see what the gate changes.
    pub(crate) behind: u16,
    /// The program's own folder: what it was given, and what it writes.
    pub(crate) folder: PathBuf,
    /// What stands before the gate.
    pub(crate) front: Option<Front>,
    /// How much the program had heard before this gate was there.
    heard_before: u64,
    // From the front to the back, as an operator would end them.
    _front: Option<Process>,
    _gate: Process,
    _home: tempfile::TempDir,
    backend: Arc<Backend>,
}

impl Site {
    /// Starts a gate before a program, and what stands before the gate, and waits until all listen.
    pub(crate) async fn before(backend: Arc<Backend>, front: Option<Front>, tools: &Tools) -> Self {
        let home = tempfile::tempdir().expect("a folder for the gate");
        let (gate_port, name) = (ports::free(), backend.name);
        let (port, http2_port) = match front {
            Some(Front::Nginx) => (ports::free(), ports::free()),
            Some(_) => {
                let port = ports::free();
                (port, port)
            }
            None => (gate_port, gate_port),
        };
        // A name of its own: cookies know no ports, and what the program makes of the `Host` it sees is part of the test.
        let host = format!("{name}.localhost:{port}");
        let origin = format!("http://{host}");
        let folder = backend.folder.to_string_lossy();
        let told = |(name, value): &(&'static str, &str)| (*name, value.replace("{folder}", &folder));
        let mut command = Command::new(sidegate_browser_tests::binary());
        clean(&mut command, home.path())
            .current_dir(home.path())
            .arg("serve")
            .env("SIDEGATE_UPSTREAM_URL", format!("{}://127.0.0.1:{}", backend.scheme, backend.tap.port))
            .env("SIDEGATE_SERVER_LISTEN", format!("127.0.0.1:{gate_port}"))
            .env("SIDEGATE_SERVER_PUBLIC_URL", &origin)
            .env("SIDEGATE_DATABASE_URL", "redb:gate.redb")
            // Another gate of this machine may have the usual port.
            .env("SIDEGATE_ADMIN_LISTEN", "")
            .envs(backend.settings.iter().map(told));
        if front.is_some() {
            command.env("SIDEGATE_SERVER_TRUSTED_PROXIES", "127.0.0.1/32");
        }
        let by = front.map_or_else(String::new, |front| format!("-{front}"));
        let log = tools.logs.join(format!("{name}{by}-gate.log"));
        let mut gate = Process::start("sidegate", &mut command, log);
        gate.listens(gate_port).await;
        let mut running = None;
        if let Some(front) = front {
            let mut command = front.command(tools, home.path(), [port, http2_port, gate_port]);
            clean(&mut command, home.path()).current_dir(home.path());
            let log = tools.logs.join(format!("{name}{by}.log"));
            let mut proxy = Process::start(front.name(), &mut command, log);
            proxy.listens(port).await;
            running = Some(proxy);
        }
        Self {
            origin,
            host,
            port,
            http2_port,
            behind: backend.port,
            folder: backend.folder.clone(),
            front,
            heard_before: backend.tap.heard(),
            _front: running,
            _gate: gate,
            _home: home,
            backend,
        }
    }

    /// The address of one of its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// How many bytes of requests have come through to the program.
    pub(crate) fn heard(&self) -> u64 {
        self.backend.tap.heard() - self.heard_before
    }
}

/// The program sees nothing of this process's environment but where programs are: its settings are those in the test.
#[expect(clippy::disallowed_methods, reason = "the tests' own environment, not the product's")]
pub(crate) fn clean<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("LANG", "C.UTF-8").env("HOME", home)
}
