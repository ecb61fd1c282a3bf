//! The built binary as an operator runs it: `sidegate serve` with a cleared environment, in a folder of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use super::{PATIENCE, Raw};

/// A running gate of its own process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    lines: std::sync::Mutex<mpsc::Receiver<String>>,
}

/// The binary, with nothing of this process's environment (but for where counters of coverage go, when it is measured).
pub(crate) fn sidegate(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
    command
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(counters) = counters() {
        command.env("LLVM_PROFILE_FILE", counters);
    }
    command
}

/// `scripts/coverage` counts what the binary does as a process, too.
#[expect(clippy::disallowed_methods, reason = "the tests' own environment, not the product's")]
fn counters() -> Option<std::ffi::OsString> {
    std::env::var_os("LLVM_PROFILE_FILE")
}

impl Process {
    /// Serves in `folder`, before an upstream at `upstream`, with further settings; waits until it listens.
    pub(crate) fn serve(folder: &Path, upstream: &str, extra: &str) -> Self {
        Self::serve_by(sidegate(folder), folder, upstream, extra)
    }

    /// The same where the file `hosts` in `folder` stands for `/etc/hosts`. `None`: this machine lets nobody mount anything,
    /// not even for themselves.
    pub(crate) fn serve_with_hosts(folder: &Path, upstream: &str, extra: &str) -> Option<Self> {
        let unshare = |script: &str| {
            let mut command = Command::new("unshare");
            let path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
            command.args(["--map-root-user", "--mount", "sh", "-c", script, "hosts"]);
            command.env_clear().env("PATH", path).current_dir(folder).stdin(Stdio::null());
            command
        };
        let mount = "mount --bind hosts /etc/hosts";
        if !unshare(mount).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            // Past what catches a test's output: nobody shall take it for tried.
            let why = "NOT TRIED: a name that moves needs `unshare --map-root-user --mount`\n";
            std::io::stderr().write_all(why.as_bytes()).unwrap();
            return None;
        }
        let inner = sidegate(folder);
        let mut command = unshare(&format!("{mount} && exec \"$@\""));
        command.arg(inner.get_program()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Some(Self::serve_by(command, folder, upstream, extra))
    }

    fn serve_by(mut command: Command, folder: &Path, upstream: &str, extra: &str) -> Self {
        let unless_said = |line: &'static str| {
            if extra.contains(line.split(' ').next().unwrap_or(line)) { "" } else { line }
        };
        let admin = unless_said("admin.listen = \"\"\n");
        let workers = unless_said("server.workers = 2\n");
        let text = format!(
            "server.listen = \"127.0.0.1:0\"\n{workers}upstream.url = \"{upstream}\"\n{admin}\
             database.url = \"redb:t.redb\"\npasswords.memory = \"64KiB\"\npasswords.iterations = 1\n{extra}"
        );
        std::fs::write(folder.join("sidegate.toml"), text).unwrap();
        let mut child = command.arg("serve").spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let lines = std::sync::Mutex::new(lines);
        let mut process = Self { child, address: SocketAddr::from(([0, 0, 0, 0], 0)), lines };
        let line = process.line("listening on http");
        let address = line.rsplit("://").next().unwrap().split('"').next().unwrap();
        process.address = address.trim().parse().unwrap();
        process
    }

    /// The next log line that holds `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        let lines = self.lines.lock().unwrap();
        let start = Instant::now();
        let mut seen = Vec::new();
        while start.elapsed() < PATIENCE {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(_) => break,
            }
        }
        panic!("no line with {text:?} in {seen:#?}");
    }

    pub(crate) fn connect(&self) -> Raw {
        Raw::connect(self.address)
    }

    /// Kills it without a word (SIGKILL).
    pub(crate) fn kill(&self) {
        self.signal(rustix::process::Signal::KILL);
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Lets it do nothing any more, while it is there.
    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Tells it that its terminal is gone.
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it did not end");
            std::thread::yield_now();
        }
    }

    /// Every log line that nobody has asked for yet, once the process has ended.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        self.wait();
        self.lines.lock().unwrap().iter().collect()
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let output =
            Command::new("ps").args(["-o", "rss=", "-p", &self.child.id().to_string()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    /// How many ends of pipes it has open.
    #[cfg(target_os = "linux")]
    pub(crate) fn ends_of_pipes(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|path| path.to_string_lossy().starts_with("pipe:"))
            .count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
