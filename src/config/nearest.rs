//! All names that a key goes by, and the one nearest to a name that nobody knows.

use std::collections::BTreeMap;

use super::file::{LATER, SECTIONS};
use super::table::{Later, variable};

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
    // What is repeated has no variables.
    let once = |later: &&Later| !later.header.starts_with("[[") && later.path != "upstreams";
    let later = LATER.iter().filter(once);
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
    let later = LATER.iter().map(|later| later.path.to_owned());
    let paths: Vec<_> = paths.into_iter().chain(later).collect();
    let in_section = paths.iter().filter(|path| path.starts_with(section));
    let (path, likeness) = nearest(&name, in_section.map(|path| (path.as_str(), last(path))))?;
    if likeness >= ALIKE {
        return Some(format!("did you mean `{path}`?"));
    }
    Some(format!("the nearest known key is `{path}`; `docs/configuration.md` lists them all"))
}

/// What to say of an unknown section with these keys: the section whose name is near, else the one that has its keys,
/// else all there are.
pub(super) fn section_hint<'a>(unknown: &str, keys: impl Iterator<Item = &'a str>) -> String {
    let last = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
    let own = SECTIONS.iter().map(|section| (format!("[{}]", section.name), last(section.name)));
    let later = LATER.iter().map(|later| (later.header.to_owned(), last(later.path)));
    let headers: Vec<_> = own.chain(later).collect();
    let names = headers.iter().map(|(header, name)| (header.as_str(), (*name).to_owned()));
    if let Some((header, likeness)) = nearest(unknown, names)
        && likeness >= ALIKE
    {
        return format!("did you mean `{header}`?");
    }
    let paths = paths();
    for key in keys {
        let mut holders = paths.iter().filter(|path| path.rsplit('.').next() == Some(key));
        if let (Some(path), None) = (holders.next(), holders.next()) {
            return format!(
                "`{key}` is a key of `[{}]`",
                path.rsplit_once('.').map_or(path.as_str(), |(section, _)| section)
            );
        }
    }
    let listed: Vec<_> = headers.iter().map(|(header, _)| format!("`{header}`")).collect();
    format!("the sections are {}", listed.join(", "))
}

/// The name whose text is most like the unknown one (the first of equals), and how alike they are.
fn nearest<'a>(unknown: &str, known: impl Iterator<Item = (&'a str, String)>) -> Option<(&'a str, f64)> {
    let unknown = unknown.to_lowercase().replace('-', "_");
    known
        .map(|(name, text)| (name, likeness(&unknown, &text.to_lowercase())))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// How alike two names are, from 0 to 1: by their letters, or because the words of one are all in the other
/// (`ttl`, `access_ttl`).
fn likeness(one: &str, other: &str) -> f64 {
    let letters = strsim::jaro_winkler(one, other);
    let within =
        |few: &str, many: &str| few.split('_').all(|word| many.split('_').any(|other| other == word));
    if !within(one, other) && !within(other, one) {
        return letters;
    }
    // The more of the longer name is known, the better.
    let (short, long) = (one.len().min(other.len()), one.len().max(other.len()).max(1));
    #[expect(clippy::cast_precision_loss, reason = "names are short")]
    let share = short as f64 / long as f64;
    letters.max(ALIKE + (1.0 - ALIKE) * share * share)
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
            ("tokens.ttl", "did you mean `tokens.access_ttl`?"),
            ("server.keep-alive", "did you mean `server.keep_alive`?"),
            ("log.zzz", "the nearest known key is `log.format`; `docs/configuration.md` lists them all"),
            ("access_ttl", "did you mean `tokens.access_ttl`?"),
            ("server.access_ttl", "did you mean `tokens.access_ttl`?"),
            ("tokens.secretfile", "did you mean `tokens.secret_file`?"),
        ] {
            assert_eq!(key_hint(unknown).as_deref(), Some(hint), "{unknown:?}");
        }
    }

    #[test]
    fn an_unknown_section_is_answered_with_the_nearest_or_the_one_that_has_its_key() {
        for (unknown, key, hint) in [
            ("Server", "x", "did you mean `[server]`?"),
            ("mail", "x", "did you mean `[email]`?"),
            ("tls", "cert", "did you mean `[server.tls]`?"),
            ("jwt", "secret", "`secret` is a key of `[tokens]`"),
        ] {
            assert_eq!(section_hint(unknown, [key].into_iter()), hint, "{unknown:?}");
        }
        assert!(section_hint("nonsense", std::iter::empty()).starts_with("the sections are `[server]`, "));
    }
}
