//! A chromedriver on a port that it chooses itself, and the way its Chromium is started.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value, json};

const INSTALL: &str = "hint: install Debian's packages `chromium` and `chromium-driver`";

/// It chooses a port that is free in IPv6 and ends when somebody has the same one in IPv4 ("bind() failed"): on a machine with
/// many connections one in five starts did.
const TRIES: usize = 8;

/// A running chromedriver; dropping it ends it.
pub(crate) struct Driver {
    child: Child,
    address: String,
    /// The browser's profile: fresh, and gone afterwards.
    profile: tempfile::TempDir,
}

impl Driver {
    pub(crate) fn start() -> Self {
        (0..TRIES)
            .find_map(|_| Self::try_start())
            .unwrap_or_else(|| panic!("chromedriver ended {TRIES} times without naming its port\n{INSTALL}"))
    }

    fn try_start() -> Option<Self> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver does not start: {error}\n{INSTALL}"));
        let lines = BufReader::new(child.stdout.take().expect("chromedriver's output is piped")).lines();
        let Some(port) = lines.map_while(Result::ok).find_map(|line| port(&line)) else {
            _ = child.wait();
            return None;
        };
        let profile = tempfile::tempdir().expect("a folder for the browser's profile");
        Some(Self { child, address: format!("http://127.0.0.1:{port}"), profile })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What a session asks of the browser. The flags let it run as root, in a container, without a screen or a network.
    pub(crate) fn capabilities(&self) -> Map<String, Value> {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1100,900",
            &profile,
        ];
        Map::from_iter([("goog:chromeOptions".to_owned(), json!({ "args": flags }))])
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// "ChromeDriver was started successfully on port 41234."
fn port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}
