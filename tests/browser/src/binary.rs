//! The binary that the tests drive.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The binary under test: the one that `SIDEGATE_BIN` names, else one built now.
pub fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    crate::asked("SIDEGATE_BIN").map_or_else(|| BUILT.get_or_init(build).clone(), PathBuf::from)
}

/// Cargo does not build another package's binary for a test, but it says where it puts it.
fn build() -> PathBuf {
    let cargo = Command::new(env!("CARGO"))
        .args([
            "build",
            "--package",
            "sidegate",
            "--bin",
            "sidegate",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(cargo.status.success(), "`sidegate` does not build");
    let messages = cargo.stdout.split(|byte| *byte == b'\n');
    messages
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the binary that it built")
}
