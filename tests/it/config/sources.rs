//! Where a value can come from, and which source wins: files, variables, `.env`, secret files, the FastAPI project's names.

use std::path::Path;

use sidegate::config;
use sidegate::config::env::Fixed;

use super::{LONG, UPSTREAM, findings, none, settings};

#[test]
fn variables_win_over_the_file() {
    let env = Fixed::new([
        ("SIDEGATE_SERVER_LISTEN", "127.0.0.1:1, unix:/run/s.sock"),
        ("SIDEGATE_SIGNUP_OPEN", "false"),
        ("SIDEGATE_PASSWORDS_BLOCK_COMMON", "true"),
        ("SIDEGATE_SERVER_WORKERS", "3"),
    ]);
    let text = format!("{UPSTREAM}[server]\nlisten = [\"127.0.0.1:2\"]\nkeep_alive = \"1m\"\n");
    let settings = config::from_toml(&text, &env).expect("it loads").settings;
    assert_eq!(settings.server.listen.len(), 2);
    assert_eq!(settings.server.workers, 3);
    assert_eq!(settings.server.keep_alive.as_secs(), 60);
    assert!(!settings.signup.open && settings.passwords.block_common);
}

#[test]
fn a_secret_can_be_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), format!("{LONG}\n")).unwrap();
    let path = folder.path().join("secret");
    let text = format!("[tokens]\nsecret = \"\"\nsecret_file = \"{}\"\n", path.display());
    let secret = settings(&text).tokens.secret.expect("a secret");
    assert_eq!(secret.reveal(), LONG);

    let env = Fixed::new([
        ("SIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000"),
        ("SIDEGATE_TOKENS_SECRET_FILE", "secret"),
        ("JWT_KEY", "too short, but it loses"),
    ]);
    let loaded = config::load(None, &env, folder.path()).expect("it loads");
    assert_eq!(loaded.settings.tokens.secret.expect("a secret").reveal(), LONG);
}

#[test]
fn the_fastapi_projects_env_file_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let dotenv = "DATABASE_URL=sqlite:///./app.db\nJWT_KEY=dev_secret_key_change_me_123456!\n\n\
                  MAIN_EMAIL=YOUR_EMAIL\nMAIN_EMAIL_PASSWORD=YOUR_EMAIL_PASSWORD\n\n\
                  BACK_URL=http://127.0.0.1:8000\nFRONTEND_ORIGIN=http://127.0.0.1:5501\n\
                  SIDEGATE_UPSTREAM_URL=http://127.0.0.1:9000\nthis is no line\n";
    std::fs::write(folder.path().join(".env"), dotenv).unwrap();
    let loaded = config::load(None, &none(), folder.path()).expect("it loads");
    assert_eq!(loaded.settings.cors.origins, ["http://127.0.0.1:5501"]);
    assert!(loaded.settings.tokens.secret.is_some() && loaded.settings.email.is_none());
    // The environment wins over `.env`, and https makes the published key an error.
    let env = Fixed::new([("BACK_URL", "https://example.com"), ("FRONTEND_ORIGIN", "")]);
    let text = findings(config::load(None, &env, folder.path()));
    assert!(text.contains("error: .env:2: JWT_KEY: `tokens.secret` is published"), "{text}");
}

#[test]
fn the_fastapi_projects_variables_lose_to_sidegates_names() {
    let env = Fixed::new([
        ("JWT_KEY", LONG),
        ("BACK_URL", "http://127.0.0.1:1"),
        ("FRONTEND_ORIGIN", "http://a,http://b"),
    ]);
    let text = format!("{UPSTREAM}[server]\npublic_url = \"http://127.0.0.1:2\"\n");
    let settings = config::from_toml(&text, &env).expect("it loads").settings;
    assert_eq!(settings.server.public_url.origin(), "http://127.0.0.1:2");
    assert_eq!(settings.cors.origins, ["http://a", "http://b"]);
    assert_eq!(settings.tokens.algorithm, config::settings::Algorithm::Hs256);
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let named = config::load(Some(Path::new("no.toml")), &none(), folder.path());
    assert!(findings(named).starts_with("error: `no.toml` can't be read: no such file\n"));
    std::fs::write(folder.path().join("sidegate.toml"), UPSTREAM).unwrap();
    std::fs::write(folder.path().join("other.toml"), format!("{UPSTREAM}[pages]\ntitle = \"Other\"\n"))
        .unwrap();
    let load = |explicit: Option<&str>, env: &Fixed| {
        config::load(explicit.map(Path::new), env, folder.path()).expect("it loads").settings.pages.title
    };
    assert_eq!(load(None, &none()), "Sign in");
    assert_eq!(load(None, &Fixed::new([("SIDEGATE_CONFIG", "other.toml")])), "Other");
    assert_eq!(load(Some("sidegate.toml"), &Fixed::new([("SIDEGATE_CONFIG", "other.toml")])), "Sign in");
}

#[test]
fn the_fastapi_projects_key_loses_to_an_algorithm_that_needs_none() {
    let env = Fixed::new([("JWT_KEY", "0123456789abcdef0123456789abcdef")]);
    let text = format!("{UPSTREAM}[tokens]\nalgorithm = \"ES256\"\n");
    let loaded = config::from_toml(&text, &env).expect("it loads");
    assert_eq!(loaded.settings.tokens.algorithm.name(), "ES256");
    assert!(loaded.settings.tokens.secret.is_none());
}
