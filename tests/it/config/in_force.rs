//! What `sidegate check` shows of a configuration that holds, whole, and that `sidegate serve` finds the same mistakes.

use std::fs;
use std::path::Path;

use sidegate::cli::check;
use sidegate::config::env::Fixed;

use super::{LONG, is_update};
use crate::support::process::sidegate;

/// A value from each source: the file, a variable, a secret's file, `.env`, the FastAPI project's names, another key,
/// the default.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "sidegate.toml",
        "[upstream]\nurl = \"http://127.0.0.1:9000\"\n[tokens]\nsecret_file = \"secret\"\nsession_ttl = \"7d\"\n\
         [cookies]\nhost_prefix = true\n[email]\nsmtp = \"smtp://localhost\"\nfrom = \"a@example.com\"\n",
    );
    write("secret", LONG);
    write(".env", "SIDEGATE_LOG_FORMAT=json\nBACK_URL=https://example.com\n");
    folder
}

/// `UPDATE=1 cargo test --test it config` renews the file.
#[test]
fn check_shows_every_setting_with_where_it_comes_from_and_no_secret() {
    let env = Fixed::new([
        ("SIDEGATE_SERVER_LISTEN", "127.0.0.1:8000, unix:/run/sidegate.sock"),
        ("SIDEGATE_ADMIN_LISTEN", ""),
        ("SIDEGATE_DATABASE_URL", "redb:/data/sidegate.redb"),
        ("SIDEGATE_EMAIL_PASSWORD", "hunter2"),
    ]);
    let mut out = Vec::new();
    let code = check::run(None, &env, folder().path(), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS), "{text}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/in_force.txt");
    if is_update() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text);
    assert!(!text.contains("hunter2") && !text.contains(LONG), "{text}");
}

#[test]
fn serve_and_check_find_the_same_and_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sidegate.toml"), "[server]\nlissten = \"x\"\nworkers = \"2\"\n").unwrap();
    let run = |command: &str| {
        let output = sidegate(folder.path()).arg(command).env("SIDEGATE_ZZZ", "1").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let checked = run("check");
    assert!(
        checked.starts_with("error: sidegate.toml:2:1: unknown key `server.lissten`\nhint: "),
        "{checked}"
    );
    assert!(checked.ends_with("\n3 errors, 1 warning\n"), "{checked}");
    assert_eq!(run("serve"), checked);
}
