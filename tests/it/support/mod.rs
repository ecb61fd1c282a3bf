//! A running gate, a recording upstream, a raw connection: what most tests are made of.

pub(crate) mod front;
pub(crate) mod http2;
mod letter;
pub(crate) mod papers;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod schema;
pub(crate) mod smtp;
pub(crate) mod upstream;

use std::net::SocketAddr;
use std::time::Duration;

use sidegate::app::{self, Running};
use sidegate::config;
use sidegate::config::settings::Listen;
use sidegate::log::AccessLog;
use sidegate::types::{Clock, Timestamp};

pub(crate) use raw::{Answer, Raw};
pub(crate) use upstream::Upstream;

/// Nothing that a test waits for takes longer; where it does, the test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A password that signs up.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A gate on a free port, in a folder of its own, with a clock that stands still.
pub(crate) struct Gate {
    running: Option<Running>,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    pub(crate) upstream: Upstream,
    pub(crate) folder: tempfile::TempDir,
    extra: String,
    /// How it is met, where that is by TLS, and by which name.
    pub(crate) tls: Option<(std::sync::Arc<rustls::ClientConfig>, String)>,
    /// What its settings name by their files, to be there for as long as it is.
    pub(crate) papers: Option<papers::Papers>,
}

/// The two cookies of a signed-in browser.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Cookies {
    /// As the `Cookie` header's value.
    pub(crate) fn header(&self) -> String {
        format!("access_token={}; refresh_token={}", self.access, self.refresh)
    }
}

impl Gate {
    /// With the default settings, but for cheap hashes.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// With further settings, one `section.key = value` a line.
    pub(crate) fn with(extra: &str) -> Self {
        Self::before(Upstream::start(), extra)
    }

    /// Before an upstream of the test's own.
    pub(crate) fn before(upstream: Upstream, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        let mut gate = Self {
            running: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock,
            upstream,
            folder,
            extra: extra.to_owned(),
            tls: None,
            papers: None,
        };
        gate.run();
        gate
    }

    fn run(&mut self) {
        let settings = settings(&self.extra, &self.folder, &self.upstream.url());
        let running = app::start(settings, self.clock.clone(), AccessLog::Traced).unwrap();
        self.address = match running.addresses() {
            [Listen::Tcp(address), ..] => *address,
            other => panic!("not a TCP address: {other:?}"),
        };
        self.running = Some(running);
    }

    /// Stops it and starts it again on the same database; the port is another.
    pub(crate) fn restart(&mut self) {
        self.running.take().unwrap().stop();
        self.run();
    }

    /// The same with other further settings.
    pub(crate) fn restart_with(&mut self, extra: &str) {
        extra.clone_into(&mut self.extra);
        self.restart();
    }

    /// Its services, for what has no endpoint yet.
    pub(crate) fn services(&self) -> &app::Services {
        self.running.as_ref().unwrap().services()
    }

    /// Asks its admin listener, which has to be on (`admin.listen = "127.0.0.1:0"`).
    pub(crate) fn admin(&self, line: &str) -> Answer {
        ask(self.running.as_ref().unwrap().admin_address().unwrap(), line)
    }

    /// Runs something asynchronous on this test's thread.
    pub(crate) fn wait<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Raw {
        let raw = Raw::connect(self.address);
        match &self.tls {
            Some((config, name)) => raw.by_tls(config.clone(), name),
            None => raw,
        }
    }

    /// Sends a whole request over a new connection and reads the answer.
    pub(crate) fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.connect();
        connection.write(request);
        connection.answer()
    }

    /// GETs a path with further header lines (`"Name: value\r\n…"`).
    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.address))
    }

    /// POSTs JSON with further header lines.
    pub(crate) fn post(&self, path: &str, json: &str, headers: &str) -> Answer {
        self.post_as("application/json", path, json, headers)
    }

    /// POSTs a body of some type with further header lines.
    pub(crate) fn post_as(&self, kind: &str, path: &str, body: &str, headers: &str) -> Answer {
        self.call_as("POST", kind, path, body, headers)
    }

    /// Calls a path by some method with JSON and further header lines.
    pub(crate) fn call(&self, method: &str, path: &str, json: &str, headers: &str) -> Answer {
        self.call_as(method, "application/json", path, json, headers)
    }

    fn call_as(&self, method: &str, kind: &str, path: &str, body: &str, headers: &str) -> Answer {
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        ))
    }

    /// Signs somebody up.
    pub(crate) fn sign_up(&self, email: &str) -> Answer {
        let body = format!(r#"{{"email":"{email}","username":"jack","password":"{PASSWORD}"}}"#);
        self.post("/auth/signup", &body, "")
    }

    /// Signs somebody in who is signed up.
    pub(crate) fn sign_in(&self, email: &str) -> Cookies {
        let answer =
            self.post("/auth/signin", &format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#), "");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.cookies()
    }

    /// Signs somebody up and in; gives their `Cookie` header's line.
    pub(crate) fn signed_in(&self) -> String {
        format!("Cookie: {}\r\n", self.member("jack@example.com").header())
    }

    /// Opens a tunnel by an upgrade to `shout`, with this `Cookie` header's line.
    pub(crate) fn tunnel(&self, cookie: &str) -> Raw {
        let mut tunnel = self.connect();
        tunnel.write(format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n{cookie}Connection: Upgrade\r\nUpgrade: shout\r\n\r\n",
            self.address
        ));
        assert_eq!(tunnel.answer().status, 101);
        tunnel
    }

    /// Signs somebody up and in.
    pub(crate) fn member(&self, email: &str) -> Cookies {
        assert_eq!(self.sign_up(email).status, 200);
        self.sign_in(email)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// One request over a connection of its own; `line`: its method and path.
pub(crate) fn ask(address: SocketAddr, line: &str) -> Answer {
    let mut connection = Raw::connect(address);
    connection.write(format!("{line} HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    connection.answer_to(line.split(' ').next().unwrap())
}

/// Settings as the file would give them: no second way of making them for tests.
pub(crate) fn settings(extra: &str, folder: &tempfile::TempDir, upstream: &str) -> config::Settings {
    let database = folder.path().join("t.redb");
    let text = format!(
        "server.listen = \"127.0.0.1:0\"\nserver.workers = 2\nserver.shutdown_grace = \"2s\"\nupstream.url = \"{upstream}\"\n\
         database.url = \"redb:{}\"\nadmin.listen = \"\"\n\
         passwords.memory = \"64KiB\"\npasswords.iterations = 1\npasswords.workers = 2\n",
        database.display()
    );
    let key = |line: &str| line.split('=').next().unwrap().trim().to_owned();
    let given: Vec<_> = extra.lines().map(key).collect();
    let kept = text.lines().filter(|line| !given.contains(&key(line)));
    let text = kept.chain(extra.lines()).fold(String::new(), |text, line| text + line + "\n");
    match config::from_toml(&text, &config::env::Fixed::default()) {
        Ok(loaded) => loaded.settings,
        Err(findings) => panic!("{findings:?}"),
    }
}
