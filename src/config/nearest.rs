//! All names that a key goes by, and the one nearest to a name that nobody knows.

use std::collections::BTreeMap;

use super::file::{LATER, SECTIONS};
use super::table::variable;

/// How alike two names must be to ask "did you mean", from 0 to 1.
const ALIKE: f64 = 0.75;

/// Every dotted path that a file may hold, `x_file` of secrets included.
pub(super) fn paths() -> Vec<String> {
    let mut paths = Vec::new();
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        paths.push(key.path());
        if key.secret {
            paths.push(format!("{}_file", key.path()));
        }
    }
    paths
}

/// Every variable's name with the path it stands for.
pub(super) fn variables() -> BTreeMap<String, String> {
    let later = LATER.iter().filter(|later| !later.header.starts_with("[["));
    let later =
        later.flat_map(|later| later.keys.iter().map(|(name, _, _)| format!("{}.{name}", later.path)));
    paths().into_iter().chain(later).map(|path| (variable(&path), path)).collect()
}

/// The name most like an unknown one, if there is one alike at all.
pub(super) fn close<'a>(unknown: &str, known: impl IntoIterator<Item = &'a String>) -> Option<&'a str> {
    nearest(unknown, known).filter(|(_, likeness)| *likeness >= ALIKE).map(|(name, _)| name)
}

/// What to say of an unknown key: always the nearest known one, as a question where it is near.
pub(super) fn key_hint(unknown: &str) -> Option<String> {
    let paths = paths();
    // A key in the wrong section, or without one.
    let name = unknown.rsplit('.').next().unwrap_or(unknown);
    let elsewhere: Vec<_> = paths
        .iter()
        .filter(|path| path.rsplit('.').next() == Some(name))
        .map(|path| format!("`{path}`"))
        .collect();
    if let 1..=3 = elsewhere.len() {
        return Some(format!("did you mean {}?", elsewhere.join(" or ")));
    }
    let (path, likeness) = nearest(unknown, &paths)?;
    Some(match likeness >= ALIKE {
        true => format!("did you mean `{path}`?"),
        false => format!("the nearest known key is `{path}`; `config.example.toml` lists them all"),
    })
}

/// What to say of an unknown section.
pub(super) fn section_hint(unknown: &str) -> Option<String> {
    let names: Vec<_> = SECTIONS.iter().map(|section| section.name.to_owned()).collect();
    let (name, likeness) = nearest(unknown, &names)?;
    Some(match likeness >= ALIKE {
        true => format!("did you mean `[{name}]`?"),
        false => format!(
            "the sections are {}",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    })
}

fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a String>) -> Option<(&'a str, f64)> {
    let lower = unknown.to_lowercase();
    known
        .into_iter()
        .map(|name| (name.as_str(), strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase())))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        for (unknown, hint) in [
            ("upstream.urll", "did you mean `upstream.url`?"),
            ("upstream.URL", "did you mean `upstream.url`?"),
            ("listen_addr", "the nearest known key is `admin.listen`; `config.example.toml` lists them all"),
            ("access_ttl", "did you mean `tokens.access_ttl`?"),
            ("server.access_ttl", "did you mean `tokens.access_ttl`?"),
            ("tokens.secretfile", "did you mean `tokens.secret_file`?"),
        ] {
            assert_eq!(key_hint(unknown).as_deref(), Some(hint), "{unknown:?}");
        }
    }
}
