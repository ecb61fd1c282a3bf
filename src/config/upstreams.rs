//! `[upstreams.NAME]`: backends besides `[upstream]`, to which rules send what they decide over. The keys, their defaults
//! and what is checked are those of `[upstream]`. A matter of the file alone: no variable holds a table of tables.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::check;
use super::env::Localhost;
use super::file::{self, SECTIONS, Written};
use super::finding::{Finding, Place};
use super::raw::Raw;
use super::reader::{Entry, Layer, Reader};
use super::settings::{NamedUpstream, Rule};

/// The names of the table, to be known to rules, which may stand before it.
pub(super) fn names(value: Option<&DeValue<'_>>) -> Vec<String> {
    match value {
        Some(DeValue::Table(named)) => named.keys().map(|name| name.get_ref().to_string()).collect(),
        _ => Vec::new(),
    }
}

/// Reads the backends, in the order of [`names`]; what is wrong with them are findings.
pub(super) fn read(
    value: &DeValue<'_>,
    at: Place,
    place: &dyn Fn(usize) -> Place,
    findings: &mut Vec<Finding>,
) -> Vec<Draft> {
    let hint = "write `[upstreams.NAME]` on a line of its own for each, with a `url`";
    let DeValue::Table(named) = value else {
        let text =
            format!("`upstreams` is a table of sections, found {}", Raw::from_toml(value, place).kind());
        findings.push(Finding::error(Some(at), text).hint(hint));
        return Vec::new();
    };
    let mut upstreams = Vec::new();
    for (name, value) in named {
        let (name, at) = (name.get_ref().as_ref(), place(name.span().start));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
            let text = format!("`{}` is not an upstream's name", name.escape_debug());
            findings.push(Finding::error(Some(at), text).hint("write 1 to 64 letters, digits, `-` or `_`"));
            continue;
        }
        let DeValue::Table(keys) = value.get_ref() else {
            let kind = Raw::from_toml(value.get_ref(), place).kind();
            let text = format!("`upstreams.{name}` is a section, found {kind}");
            findings.push(Finding::error(Some(at), text).hint(hint));
            continue;
        };
        upstreams.push(one(name, keys, at, place));
    }
    upstreams
}

/// A backend as it is written, not yet compared with other keys.
pub(super) struct Draft {
    name: String,
    place: Place,
    written: file::Upstream,
    /// Without one there is nothing to be compared.
    has_url: bool,
    found: Vec<Finding>,
}

/// Reads one as if it were `[upstream]`; it gets its name when it is checked.
fn one(name: &str, keys: &DeTable<'_>, at: Place, place: &dyn Fn(usize) -> Place) -> Draft {
    let section = SECTIONS.iter().find(|section| section.name == "upstream");
    let known = || section.into_iter().flat_map(|section| section.keys);
    let (mut layer, mut found) = (Layer::new(), Vec::new());
    for (key, value) in keys {
        let key_at = place(key.span().start);
        let key = key.get_ref().as_ref();
        if known().any(|known| known.name == key) {
            let (raw, place) = (Raw::from_toml(value.get_ref(), place), place(value.span().start));
            layer.insert(format!("upstream.{key}"), Entry { raw, place });
        } else {
            let names: Vec<_> = known().map(|known| format!("`{}`", known.name)).collect();
            let text = format!("unknown key `upstreams.{name}.{key}`");
            found.push(
                Finding::error(Some(key_at), text).hint(format!("an upstream has {}", names.join(", "))),
            );
        }
    }
    let has_url = layer.contains_key("upstream.url");
    if !has_url {
        let text = format!("`upstreams.{name}.url` is missing: where is this backend?");
        found.push(
            Finding::error(Some(at.clone()), text).hint("write it like `url = \"http://127.0.0.1:9001\"`"),
        );
    }
    let layers = [layer, Layer::new(), Layer::new()];
    let mut reader = Reader { layers, folder: Path::new(""), findings: &mut found };
    let written = Written::read(&mut reader).upstream;
    Draft { name: name.to_owned(), place: at, written, has_url, found }
}

/// Keeps the rules of `[upstream]` for each, and reads what an `https:` one is reached with: from files that are named from
/// `folder`, or not at all.
pub(super) fn checked(
    drafts: Vec<Draft>,
    all: &mut Written,
    localhost: Localhost,
    folder: Option<&Path>,
    findings: &mut Vec<Finding>,
) -> Vec<NamedUpstream> {
    let mut upstreams = Vec::new();
    for Draft { name, place, mut written, has_url, mut found } in drafts {
        let mut tls = None;
        // The rules compare it with the other sections.
        std::mem::swap(&mut all.upstream, &mut written);
        if has_url {
            check::upstream_rules(all, localhost, &mut found);
            tls = folder.and_then(|folder| check::tls::upstream(all, folder, &mut found));
        }
        let effective = all.effective().into_iter().filter(|key| key.section == "upstream").collect();
        std::mem::swap(&mut all.upstream, &mut written);
        let own = |text: &str| text.replace("`upstream.", &format!("`upstreams.{name}."));
        findings.extend(found.into_iter().map(|finding| Finding {
            text: own(&finding.text),
            hint: finding.hint.as_deref().map(own),
            ..finding
        }));
        upstreams.extend(check::upstream(written, tls).map(|upstream| NamedUpstream {
            name,
            upstream,
            place,
            effective,
        }));
    }
    upstreams
}

/// Warns of backends that no rule sends anything to.
pub(super) fn unused(upstreams: &[NamedUpstream], rules: &[Rule], findings: &mut Vec<Finding>) {
    for (index, upstream) in upstreams.iter().enumerate() {
        if !rules.iter().any(|rule| rule.upstream == index + 1) {
            let text = format!("no rule sends anything to `upstreams.{}`", upstream.name);
            findings.push(
                Finding::warning(Some(upstream.place.clone()), text).hint(format!(
                    "write `upstream = \"{}\"` in a rule, or remove the section",
                    upstream.name
                )),
            );
        }
    }
}
