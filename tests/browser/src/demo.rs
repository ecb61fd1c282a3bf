//! `sidegate demo` as a newcomer starts it: the built binary, no environment, an empty folder, free ports.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

/// A running demo; dropping it ends it.
pub struct Demo {
    child: Child,
    /// The test page's address.
    pub test_page: String,
    /// The gate's origin: `http://127.0.0.1:8000`.
    pub gate: String,
    _folder: tempfile::TempDir,
}

impl Demo {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the demo");
        let mut child = Command::new(crate::binary())
            .args(["demo", "--port", "0", "--page-port", "0", "--data", "users"])
            .env_clear()
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built binary starts");
        // All three lines: a demo that can't finish saying them ends.
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let lines: Vec<String> = output.lines().take(3).map_while(Result::ok).collect();
        let [page, gate, _] = &lines[..] else {
            let mut said = String::new();
            _ = child.stderr.take().expect("its errors are piped").read_to_string(&mut said);
            panic!("the demo said {lines:?}, and then: {said}");
        };
        let (test_page, gate) = (address(page), address(gate).trim_end_matches('/').to_owned());
        Self { child, test_page, gate, _folder: folder }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The address in a line such as `Open  http://127.0.0.1:8000/  to …`.
fn address(line: &str) -> String {
    let found = line.split_whitespace().find(|word| word.starts_with("http://"));
    found.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned()
}
