//! All names that a key goes by, and the one nearest to a name that nobody knows.

use std::collections::BTreeMap;

use super::file::{LATER, SECTIONS};
use super::table::variable;

/// How alike two names must be to ask "did you mean", from 0 to 1: a slip of a few letters, or a common beginning.
const ALIKE: f64 = 0.85;

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

/// The variable most like an unknown one, if there is one alike at all.
pub(super) fn close_variable<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a String>,
) -> Option<&'a str> {
    // What all of them share says nothing.
    let bare = |name: &str| name.trim_start_matches("SIDEGATE_").to_owned();
    let nearest = nearest(&bare(unknown), known.into_iter().map(|name| (name.as_str(), bare(name))));
    nearest.filter(|(_, likeness)| *likeness >= ALIKE).map(|(name, _)| name)
}

/// What to say of an unknown key: always the nearest known one, as a question where it is near.
pub(super) fn key_hint(unknown: &str) -> Option<String> {
    let paths = paths();
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let name = last(unknown);
    // A key in the wrong section, or without one.
    let elsewhere: Vec<_> =
        paths.iter().filter(|path| last(path) == name).map(|path| format!("`{path}`")).collect();
    if let 1..=3 = elsewhere.len() {
        return Some(format!("did you mean {}?", elsewhere.join(" or ")));
    }
    // A slip in the right section, else in any.
    let section = unknown.strip_suffix(&name).unwrap_or_default();
    let in_section = paths.iter().filter(|path| path.starts_with(section));
    let (path, likeness) = nearest(&name, in_section.map(|path| (path.as_str(), last(path))))?;
    if likeness >= ALIKE {
        return Some(format!("did you mean `{path}`?"));
    }
    Some(format!("the nearest known key is `{path}`; `config.example.toml` lists them all"))
}

/// What to say of an unknown section.
pub(super) fn section_hint(unknown: &str) -> Option<String> {
    let names = || SECTIONS.iter().map(|section| section.name);
    let (name, likeness) = nearest(unknown, names().map(|name| (name, name.to_owned())))?;
    if likeness >= ALIKE {
        return Some(format!("did you mean `[{name}]`?"));
    }
    let listed: Vec<_> = names().map(|name| format!("`{name}`")).collect();
    Some(format!("the sections are {}", listed.join(", ")))
}

/// The name whose text is most like the unknown one, and how alike they are.
fn nearest<'a>(unknown: &str, known: impl Iterator<Item = (&'a str, String)>) -> Option<(&'a str, f64)> {
    let unknown = unknown.to_lowercase();
    known
        .map(|(name, text)| (name, strsim::jaro_winkler(&unknown, &text.to_lowercase())))
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
            ("server.listen_addr", "did you mean `server.listen`?"),
            (
                "tokens.ttl",
                "the nearest known key is `tokens.delivery`; `config.example.toml` lists them all",
            ),
            ("access_ttl", "did you mean `tokens.access_ttl`?"),
            ("server.access_ttl", "did you mean `tokens.access_ttl`?"),
            ("tokens.secretfile", "did you mean `tokens.secret_file`?"),
        ] {
            assert_eq!(key_hint(unknown).as_deref(), Some(hint), "{unknown:?}");
        }
    }
}
