//! A person at a command line: the programs that they run, and their session, kept in a file of cookies as curl and git
//! both read and write it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::site::{Site, clean};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// Whence their curl comes: an address of this machine that no front proxy has.
const ADDRESS: &str = "127.0.0.7";

/// Somebody with a home folder of their own.
pub(crate) struct Person {
    home: tempfile::TempDir,
    origin: String,
}

/// How a program of theirs ended.
pub(crate) struct Ended {
    pub(crate) well: bool,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Person {
    /// Nobody that the gate of this site knows.
    pub(crate) fn before(site: &Site) -> Self {
        let home = tempfile::tempdir().expect("a folder for a person");
        Self { home, origin: site.origin.clone() }
    }

    /// Where they work.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Their cookies, in Netscape's format.
    pub(crate) fn jar(&self) -> PathBuf {
        self.home().join("cookies")
    }

    /// What the file holds for a cookie, if anything.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let jar = std::fs::read_to_string(self.jar()).unwrap_or_default();
        jar.lines().find_map(|line| {
            let mut fields = line.split('\t').skip(5);
            (fields.next() == Some(name)).then(|| fields.next().unwrap_or_default().to_owned())
        })
    }

    /// Takes a cookie out of the file, as its end would.
    pub(crate) fn forgets(&self, name: &str) {
        let jar = std::fs::read_to_string(self.jar()).expect("there is a file of cookies");
        let rest = jar.lines().filter(|line| line.split('\t').nth(5) != Some(name));
        let rest: String = rest.flat_map(|line| [line, "\n"]).collect();
        std::fs::write(self.jar(), rest).expect("the cookies can be written");
    }

    /// Runs a program to its end, in their home.
    pub(crate) async fn runs(&self, program: &str, arguments: &[&str]) -> Result<Ended, String> {
        self.runs_in("", program, arguments).await
    }

    /// The same in a folder of theirs.
    pub(crate) async fn runs_in(
        &self,
        folder: &str,
        program: &str,
        arguments: &[&str],
    ) -> Result<Ended, String> {
        let mut command = Command::new("timeout");
        // Nothing is asked: what would ask has no terminal, and says so.
        clean(&mut command, self.home()).env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
        command.current_dir(self.home().join(folder)).arg("60").arg(program).args(arguments);
        // Elsewhere: this thread carries the wire.
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it does not panic");
        let output = output.map_err(|error| format!("{program} does not start: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (output, errors, well) = (text(&output.stdout), text(&output.stderr), output.status.success());
        Ok(Ended { well, output, errors })
    }

    /// A new account, and its session in the file of cookies.
    pub(crate) async fn signs_up_and_in(&self) -> Result<(), String> {
        let account = format!(r#"{{"email":"{EMAIL}","username":"ada","password":"{PASSWORD}"}}"#);
        self.posts("/auth/signup", &account).await?;
        self.posts("/auth/signin", &format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#)).await?;
        let (jar, url) = (self.jar().display().to_string(), format!("{}/auth/sessions", self.origin));
        let sessions = self.runs("curl", &["-sS", "-b", &jar, &url]).await?.output;
        let sessions: serde_json::Value =
            serde_json::from_str(&sessions).map_err(|error| format!("the sessions {sessions}: {error}"))?;
        if sessions[0]["address"] != ADDRESS {
            return Err(format!("the gate does not know whence they come: {sessions}"));
        }
        Ok(())
    }

    /// The end of the session. The cookies stay in a copy of the file: what they open now is part of the test.
    pub(crate) async fn signs_out(&self) -> Result<(), String> {
        let kept = std::fs::read(self.jar()).map_err(|error| format!("no cookies: {error}"))?;
        self.posts("/auth/signout", "{}").await?;
        std::fs::write(self.jar(), kept).map_err(|error| format!("writing cookies: {error}"))
    }

    async fn posts(&self, path: &str, body: &str) -> Result<(), String> {
        let (jar, url) = (self.jar().display().to_string(), format!("{}{path}", self.origin));
        let json = "Content-Type: application/json";
        let mut arguments = vec!["-sS", "--fail-with-body", "--interface", ADDRESS, "-b", &jar, "-c", &jar];
        arguments.extend(["-H", json, "--data-raw", body, &url]);
        let Ended { well, output, errors } = self.runs("curl", &arguments).await?;
        if well { Ok(()) } else { Err(format!("POST {path}: {output}{errors}")) }
    }
}
