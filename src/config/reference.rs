//! `docs/configuration.md`, made from the table of keys.

use std::fmt::Write as _;

use super::check::bounds;
use super::fastapi;
use super::file::{LATER, SECTIONS};
use super::measures;
use super::table::{Later, Section, variable};

// Writing to a String can't fail, so its results are dropped.

/// The whole file.
pub fn text() -> String {
    let mut text = head();
    contents(&mut text);
    for section in SECTIONS {
        write_section(&mut text, section);
        for later in LATER.iter().filter(|later| later.after == section.name) {
            write_later(&mut text, later);
        }
    }
    text
}

fn head() -> String {
    let units: Vec<_> = measures::UNITS.iter().map(|(name, _)| format!("`{name}`")).collect();
    let sizes: Vec<_> = measures::SIZES.iter().map(|name| format!("`{name}`")).collect();
    let mut text = format!(
        "\
<!-- Made from src/config/file.rs: `UPDATE=1 cargo test --test it config` renews it. -->
# Configuration

Every key that Sidegate knows. `upstream.url` is all that must be given: `SIDEGATE_UPSTREAM_URL=http://127.0.0.1:9000`.
[config.example.toml](../config.example.toml) has the same keys as a file to begin with. `sidegate check` says what is in
force and where each value comes from, or everything that is wrong, with file, line, key and remedy.

## Where values come from

The first that gives a key holds:

1. its variable, `SIDEGATE_` + section + `_` + key, in capitals: `SIDEGATE_UPSTREAM_URL`
2. the same variable in a file `.env` in the working folder
3. the file that `--config` names, else the one that `$SIDEGATE_CONFIG` names, else `./sidegate.toml`, else
   `/etc/sidegate/sidegate.toml`. One file is read; a file that was named must be there
4. [the FastAPI project's variables](#from-the-fastapi-project), in the environment or in `.env`
5. the default

An unknown key or section in the file is an error, and so is what this version does not build yet. An unknown `SIDEGATE_*`
variable is a warning, because Kubernetes sets some for a service named `sidegate`. A variable that is set and empty is an
empty value, not an absent one: `SIDEGATE_ADMIN_LISTEN=` turns that listener off.

## How values are written

| | in the file | in a variable |
|---|---|---|
| a text | `\"in quotes\"` | as it is, without quotes |
| a number, `true`, `false` | without quotes | the same |
| a list | `[\"one\", \"two\"]`, or `\"one\"` alone | `one,two` |
| a duration | `\"15m\"`, `\"1h30m\"`; units {} | the same |
| a size | `\"1MiB\"`; units {} | the same |
| a rate | `\"10/15m\"`: how many in how long | the same |

**Secrets** can be read from files. For a secret `x`, `x_file` (or its variable, `SIDEGATE_…_X_FILE`) names the file; one
newline at its end is cut. Give one of the two, not both. Secrets are never printed.

**\"auto\"** means: strict when `server.public_url` is https, lenient when it is plain http.

**In a container** `localhost` is the container itself, so that an upstream there is warned of; the containers of a Kubernetes
pod share theirs. Write the backend's service or container name, or `host.docker.internal` for the machine itself (with
`--add-host host.docker.internal:host-gateway`).

## From the FastAPI project

These variables are understood, from the environment or from `.env`, and lose to Sidegate's own names.

| variable | key |
|---|---|
",
        units.join(" "),
        sizes.join(" "),
    );
    for (name, path) in fastapi::NAMES {
        let _ = writeln!(text, "| `{name}` | [`{path}`](#{}) |", anchor(path));
    }
    text + "
`DATABASE_URL` counts only where `JWT_KEY` or `FRONTEND_ORIGIN` is given too: alone it is likely the backend's. One that names
a SQLite file is not opened: a warning tells the command that imports its users. Placeholders such as `YOUR_EMAIL` are ignored
with a warning. A `JWT_KEY` that is published is refused when `server.public_url` is https.

"
}

fn contents(text: &mut String) {
    let _ = writeln!(text, "## Sections\n");
    for section in SECTIONS {
        let keys: Vec<_> =
            section.keys.iter().map(|key| format!("[`{}`](#{})", key.name, anchor(&key.path()))).collect();
        let _ = writeln!(text, "- **[{}]** {}", section.name, keys.join(" "));
    }
    let _ = writeln!(text);
}

fn write_section(text: &mut String, section: &Section) {
    let _ = writeln!(text, "## [{}]\n\n{}", section.name, prose(section.doc));
    for key in section.keys {
        let path = key.path();
        let _ = writeln!(text, "### {path}\n\n{}", prose(key.doc));
        let list = if key.list { ", or a list of them" } else { "" };
        let bounds = bounds::of(&path).map_or_else(String::new, |bounds| format!(", {bounds}"));
        let _ = writeln!(text, "- form: {}{bounds}{list}", key.looks);
        match (key.default, key.example) {
            (_, Some(example)) if key.is_required() => {
                let _ = writeln!(text, "- must be given; for example `{example}`");
            }
            ("\"\"", Some(example)) => {
                let _ = writeln!(text, "- default: empty; for example `{example}`");
            }
            ("\"\"", None) => {
                let _ = writeln!(text, "- default: empty");
            }
            (default, _) => {
                let _ = writeln!(text, "- default: `{default}`");
            }
        }
        let _ = writeln!(text, "- variable: `{}`", variable(&path));
        if key.secret {
            let file = format!("{path}_file");
            let _ = writeln!(text, "- from a file: `{file}` or `{}`", variable(&file));
        }
        let _ = writeln!(text);
    }
}

fn write_later(text: &mut String, later: &Later) {
    let _ = writeln!(text, "## {}\n\n{}", later.header, prose(later.doc));
    for (name, example, doc) in later.keys {
        let _ = writeln!(text, "- `{name} = {example}`: {}", escape(doc));
    }
    let _ = writeln!(text);
}

/// Documentation as a paragraph.
fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| escape(line.trim()) + "\n").collect()
}

/// Markdown's signs as themselves, outside of backticks.
fn escape(line: &str) -> String {
    let escaped = line.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => part.replace('*', "\\*").replace('_', "\\_").replace('<', "&lt;"),
        _ => part.to_owned(),
    });
    escaped.collect::<Vec<_>>().join("`")
}

/// Where a heading is found in the page, as forges make it.
fn anchor(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect()
}
