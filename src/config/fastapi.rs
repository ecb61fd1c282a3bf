//! The variables of the FastAPI project that Sidegate's users may come from.

use super::env::{Variable, Variables};
use super::finding::{Finding, Place};
use super::raw::Raw;
use super::reader::{Entry, Layer};
use super::table::variable;

/// Its variables and the keys that they mean (contract section 3).
pub(super) const NAMES: [(&str, &str); 6] = [
    ("DATABASE_URL", "database.url"),
    ("JWT_KEY", "tokens.secret"),
    ("MAIN_EMAIL", "email.from"),
    ("MAIN_EMAIL_PASSWORD", "email.password"),
    ("BACK_URL", "server.public_url"),
    ("FRONTEND_ORIGIN", "cors.origins"),
];

/// What these variables give. They lose to Sidegate's own names, file and variables alike.
pub(super) fn layer(variables: &Variables, findings: &mut Vec<Finding>) -> Layer {
    let mut layer = Layer::new();
    let given =
        |name: &str| variables.get(name).is_some_and(|variable| variable.value.as_deref() != Some(""));
    // Many programs read DATABASE_URL: alone it is more likely the backend's.
    let ours = given("JWT_KEY") || given("FRONTEND_ORIGIN");
    for (name, path) in NAMES {
        let Some(Variable { value, place }) = variables.get(name) else { continue };
        if name == "DATABASE_URL" && !ours {
            continue;
        }
        let place = place.clone();
        match value.as_deref() {
            Some("") => {}
            None => {
                findings.push(
                    Finding::warning(Some(place), "it is not UTF-8 and is ignored")
                        .hint(format!("write it in UTF-8, or set `{path}`")),
                );
            }
            Some(text) if is_placeholder(text) => findings.push(
                Finding::warning(Some(place), "this is still a placeholder and is ignored")
                    .hint(format!("give it a value, or set `{path}`")),
            ),
            Some(text) if is_sqlite(text) => findings.push(
                Finding::warning(
                    Some(place),
                    "this names a SQLite database, which is not opened; `database.url` says where users are kept",
                )
                .hint(format!("import its users with `{}`", import_command(text))),
            ),
            Some(text) => {
                layer.insert(path.to_owned(), Entry { raw: Raw::Variable(text.to_owned()), place });
            }
        }
    }
    layer
}

/// What to do about a bad value: the variable may be the backend's too, and then another one is the way out.
pub(super) fn or_own_name(hint: String, place: &Place, path: &str) -> String {
    match place.variable() {
        Some(name) if NAMES.iter().any(|(fastapi, _)| *fastapi == name) => {
            format!("{hint}; or set `{}`, which wins over `{name}`", variable(path))
        }
        _ => hint,
    }
}

/// What a template holds until somebody fills it in: `YOUR_EMAIL`, `your-secret-key`, `<password>`.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["your_", "your-", "your "].iter().any(|start| lower.starts_with(start))
        || text.contains("YOUR_")
        || text.starts_with('<') && text.ends_with('>')
}

fn is_sqlite(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    scheme.split('+').next() == Some("sqlite")
}

/// How a SQLite database's users are taken over.
pub(super) fn import_command(url: &str) -> String {
    format!("sidegate users import {} --format sqlite", sqlite_file(url))
}

/// `SQLAlchemy`'s three slashes and then the path: `sqlite:///./app.db`. Quoted where a shell would read more than a
/// name in it.
fn sqlite_file(url: &str) -> String {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let path = rest
        .strip_prefix("///")
        .or_else(|| rest.strip_prefix("//"))
        .unwrap_or(rest)
        .split('?')
        .next()
        .unwrap_or_default();
    match path {
        "" | ":memory:" => "FILE".to_owned(),
        // An encrypted database's passphrase may stand before it.
        path if path.contains('@') => "FILE".to_owned(),
        path if path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+,:%".contains(&b)) => {
            path.to_owned()
        }
        path => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_texts_are_placeholders() {
        for text in
            ["YOUR_EMAIL", "YOUR_EMAIL_PASSWORD", "your-secret-key", "postgresql://YOUR_USER@h/db", "<key>"]
        {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["me@example.com", "yours@example.com", "dev_secret_key_change_me_123456!"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_sqlite_urls_file_is_named() {
        for (url, file) in [
            ("sqlite:///./app.db", "./app.db"),
            ("sqlite:////data/app.db", "/data/app.db"),
            ("sqlite+aiosqlite:///app.db?timeout=5", "app.db"),
            ("sqlite://", "FILE"),
            ("sqlite+pysqlcipher://:hunter2@/app.db", "FILE"),
            ("sqlite:///my app.db", "'my app.db'"),
            ("sqlite:///it's.db", "'it'\\''s.db'"),
        ] {
            assert!(is_sqlite(url));
            assert_eq!(sqlite_file(url), file, "{url}");
        }
        assert!(!is_sqlite("postgresql://h/db"));
    }
}
