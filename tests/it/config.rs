//! The configuration: its messages ([`mistakes`]), where values come from ([`sources`]), and what is made from the table of keys.

mod in_force;
mod mistakes;
mod sources;

use std::path::Path;

use sidegate::config::env::Fixed;
use sidegate::config::settings::MailSecurity;
use sidegate::config::{self, Finding, Loaded, Settings, example, reference, report};

const UPSTREAM: &str = "[upstream]\nurl = \"http://127.0.0.1:9000\"\n";
const LONG: &str = "0123456789abcdef0123456789abcdef";

fn none() -> Fixed {
    Fixed::default()
}

/// What a file's text gives, after the one key that it must have.
fn with_upstream(text: &str) -> Result<Loaded, Vec<Finding>> {
    config::from_toml(&format!("{UPSTREAM}{text}"), &none())
}

fn findings(result: Result<Loaded, Vec<Finding>>) -> String {
    let findings = result.map_or_else(|findings| findings, |loaded| loaded.warnings);
    let lines: Vec<_> = findings.iter().map(|finding| finding.to_string() + "\n").collect();
    lines.concat()
}

fn settings(text: &str) -> Settings {
    with_upstream(text).unwrap_or_else(|findings| panic!("{}", report::findings(&findings))).settings
}

#[test]
fn an_upstream_is_all_that_is_needed() {
    let loaded = config::from_toml(UPSTREAM, &none()).expect("it loads");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let by_variable = Fixed::new([("SIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000")]);
    let folder = tempfile::tempdir().unwrap();
    assert!(config::load(None, &by_variable, folder.path()).expect("it loads").warnings.is_empty());
}

#[test]
fn lifetimes_that_nobody_gave_follow_the_shorter_one() {
    let tokens = settings("[tokens]\nsession_ttl = \"5m\"\n").tokens;
    assert_eq!(
        [tokens.access_ttl, tokens.refresh_ttl, tokens.session_ttl].map(|ttl| ttl.as_secs()),
        [300; 3]
    );
    let tokens = settings("[tokens]\nrefresh_ttl = \"2m\"\n").tokens;
    assert_eq!([tokens.access_ttl, tokens.refresh_ttl].map(|ttl| ttl.as_secs()), [120; 2]);
    let tokens = settings("[tokens]\nrefresh_ttl = \"120d\"\n").tokens;
    assert_eq!([tokens.refresh_ttl, tokens.session_ttl].map(|ttl| ttl.as_secs() / 86_400), [120; 2]);
}

#[test]
fn auto_is_strict_with_https() {
    assert!(!settings("").passwords.block_common);
    let https = settings("[server]\npublic_url = \"https://example.com\"\n[cookies]\nhost_prefix = true\n");
    assert!(https.passwords.block_common);
    assert_eq!(https.cookies.access, "__Host-access_token");
}

#[test]
fn the_admin_socket_is_beside_the_database() {
    let settings = settings("[database]\nurl = \"redb:/data/gate.redb\"\n");
    assert_eq!(settings.admin.socket, Path::new("/data/gate.redb.sock"));
    let long = "d".repeat(110);
    let text = findings(with_upstream(&format!("[database]\nurl = \"redb:{long}\"\n")));
    assert!(text.starts_with("error: sidegate.toml:4:7: `admin.socket` is too long"), "{text}");
}

#[test]
fn no_secret_is_ever_shown() {
    let env = Fixed::new([
        ("SIDEGATE_TOKENS_SECRET", "hunter2hunter2hunter2hunter2hunter2"),
        ("SIDEGATE_EMAIL_SMTP", "smtp://localhost"),
        ("SIDEGATE_EMAIL_FROM", "auth@example.com"),
        ("SIDEGATE_EMAIL_PASSWORD", "hunter2"),
    ]);
    let loaded = config::from_toml(UPSTREAM, &env).expect("it loads");
    let shown =
        format!("{loaded:?}{}{}", report::effective(&loaded.effective), report::findings(&loaded.warnings));
    assert!(!shown.contains("hunter2"), "{shown}");
    for (name, value) in [
        ("SIDEGATE_DATABASE_URL", "postgres://u:hunter2@h/db"),
        ("SIDEGATE_DATABASE_URL", "hunter2"),
        ("SIDEGATE_EMAIL_SMTP", "hunter2"),
        ("SIDEGATE_EMAIL_SMTP", "smtp://me:hunter2@localhost"),
        ("SIDEGATE_TOKENS_SECRET", "hunter2"),
    ] {
        let result = config::from_toml(UPSTREAM, &Fixed::new([(name, value)]));
        let text = format!("{:?}", result.expect_err("refused"));
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the variable asks the tests to renew their files")]
fn is_update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// `UPDATE=1 cargo test --test it config` renews the files.
#[test]
fn the_example_file_and_the_reference_are_made_from_the_table() {
    for (name, text) in
        [("config.example.toml", example::text()), ("docs/configuration.md", reference::text())]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if is_update() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, text, "{name}: renew it with `UPDATE=1 cargo test --test it config`");
    }
}

#[test]
fn mail_of_the_fastapi_project_goes_by_its_address_as_the_user() {
    let env = Fixed::new([
        ("MAIN_EMAIL", "me@example.com"),
        ("MAIN_EMAIL_PASSWORD", "hunter2"),
        ("SIDEGATE_EMAIL_SMTP", "smtp://mail.example.com"),
    ]);
    let mail = config::from_toml(UPSTREAM, &env).expect("it loads").settings.email.expect("mail is sent");
    assert_eq!((mail.username.as_str(), mail.from.as_str()), ("me@example.com", "me@example.com"));
    assert_eq!((mail.port, mail.security), (587, MailSecurity::StartTls));
}

#[test]
fn a_relay_that_asks_for_no_password_gets_none() {
    let mail = settings("[email]\nsmtp = \"smtp://localhost\"\nfrom = \"a@example.com\"\n").email.unwrap();
    assert_eq!((mail.username.as_str(), mail.port, mail.security), ("", 25, MailSecurity::Offered));
}

/// Seen: `smtp = ""`, as `sidegate check` writes it where there is none, was half a section and refused.
#[test]
fn a_section_of_empty_values_is_none() {
    let text = "[email]\nsmtp = \"\"\nfrom = \"\"\nusername = \"\"\npassword = \"\"\n";
    assert!(settings(text).email.is_none());
}

#[test]
fn the_example_file_loads_and_so_does_each_of_its_keys() {
    let text = example::text();
    let loaded = config::from_toml(&text, &none())
        .unwrap_or_else(|findings| panic!("{}", report::findings(&findings)));
    assert!(loaded.warnings.is_empty());
    // With every key of this version switched on, too.
    let later = [
        "cert =",
        "key =",
        "path =",
        "host =",
        "methods =",
        "allow =",
        "upstream =",
        "strip_prefix =",
        "url = \"http://127.0.0.1:9001",
        "[upstreams.api]",
        "roles = []",
        "secret =",
        "ca_file = \"mail-ca.pem\"",
        "[[rules]]",
    ];
    let on: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if later.iter().any(|later| key.starts_with(later)) => String::new(),
            Some(key) if key.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => {
                format!("{key}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let loaded =
        config::from_toml(&on, &none()).unwrap_or_else(|findings| panic!("{}", report::findings(&findings)));
    let left: Vec<_> = loaded
        .effective
        .iter()
        .filter(|key| key.source == config::Source::Default)
        .map(|key| key.name)
        .collect();
    assert_eq!(left, ["cert", "key", "secret", "ca_file"], "every other key is in the file");
    let useless = loaded.warnings.iter().filter(|warning| warning.text.ends_with("is not `https:`")).count();
    // Besides, nobody comes by https, and nobody is trusted.
    assert_eq!((useless, loaded.warnings.len()), (5, 7), "{:?}", loaded.warnings);
}
