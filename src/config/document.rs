//! A TOML text as keys with their places; unknown keys and sections are found here.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::file::SECTIONS;
use super::finding::{Finding, Place};
use super::nearest;
use super::raw::Raw;
use super::reader::{Entry, Layer};
use super::rules;
use super::settings::Rule;
use super::syntax;
use super::upstreams::{self, Draft};

/// What a file says.
pub(super) struct Document {
    pub(super) layer: Layer,
    pub(super) rules: Vec<Rule>,
    pub(super) upstreams: Vec<Draft>,
    /// Whether it was TOML.
    pub(super) well_formed: bool,
}

impl Document {
    /// One that says nothing.
    pub(super) fn empty(well_formed: bool) -> Self {
        Self { layer: Layer::new(), rules: Vec::new(), upstreams: Vec::new(), well_formed }
    }
}

/// Reads a file's text. A text that is no TOML gives only that as findings: what could be rescued of it would mislead.
pub(super) fn read(file: &Arc<str>, text: &str, findings: &mut Vec<Finding>) -> Document {
    let place = |offset: usize| Place::at(file, text, offset);
    let (mut layer, mut rules, mut drafts) = (Layer::new(), Vec::new(), Vec::new());
    let (table, errors) = DeTable::parse_recoverable(text);
    let well_formed = errors.is_empty();
    if !well_formed {
        findings.extend(syntax::findings(file, text, errors));
        return Document::empty(false);
    }
    let named = upstreams::names(table.get_ref().get("upstreams").map(toml::Spanned::get_ref));
    for (key, value) in table.get_ref() {
        let (name, at) = (key.get_ref().as_ref(), place(key.span().start));
        let known = SECTIONS.iter().find(|section| section.name == name);
        match (known, value.get_ref()) {
            (_, value) if name == "rules" => rules = rules::read(value, at, &place, &named, findings),
            (_, value) if name == "upstreams" => drafts = upstreams::read(value, at, &place, findings),
            (Some(_), value) => section(name, value, at, &place, &mut layer, findings),
            (None, DeValue::Table(keys)) => {
                let keys = keys.iter().map(|(key, _)| key.get_ref().as_ref());
                findings.push(
                    Finding::error(Some(at), format!("unknown section `{name}`"))
                        .hint(nearest::section_hint(name, keys)),
                );
            }
            (None, _) => findings.push(unknown_key(name, at)),
        }
    }
    Document { layer, rules, upstreams: drafts, well_formed }
}

fn section(
    name: &str,
    value: &DeValue<'_>,
    at: Place,
    place: &dyn Fn(usize) -> Place,
    layer: &mut Layer,
    findings: &mut Vec<Finding>,
) {
    let DeValue::Table(keys) = value else {
        let text = format!("`{name}` is a section, found {}", Raw::from_toml(value, place).kind());
        findings.push(Finding::error(Some(at), text).hint(format!("write `[{name}]` on a line of its own")));
        return;
    };
    let known = nearest::paths();
    for (key, value) in keys {
        let (path, at) = (format!("{name}.{}", key.get_ref()), place(key.span().start));
        if SECTIONS.iter().any(|section| section.name == path) {
            section(&path, value.get_ref(), at, place, layer, findings);
        } else if known.contains(&path) {
            let entry =
                Entry { raw: Raw::from_toml(value.get_ref(), place), place: place(value.span().start) };
            layer.insert(path, entry);
        } else {
            findings.push(unknown_key(&path, at));
        }
    }
}

fn unknown_key(path: &str, at: Place) -> Finding {
    Finding { hint: nearest::key_hint(path), ..Finding::error(Some(at), format!("unknown key `{path}`")) }
}
