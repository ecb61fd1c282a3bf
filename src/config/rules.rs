//! `[[rules]]`: who may ask for which paths. A matter of the file alone: no variable holds a list of tables.

use http::Method;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Place};
use super::raw::{Raw, Value};
use super::settings::{Allow, Rule};
use crate::types::{PathPrefix, Role, RuleHost, RulePath};

mod values;

use values::{CHOICES, UpstreamName, Word, nearest};

/// A rule's keys.
const KEYS: [&str; 7] = ["path", "host", "methods", "allow", "roles", "upstream", "strip_prefix"];

/// Reads the rules; what is wrong with them are findings. `at`: where the first one begins.
pub(super) fn read(
    value: &DeValue<'_>,
    at: Place,
    place: &dyn Fn(usize) -> Place,
    upstreams: &[String],
    findings: &mut Vec<Finding>,
) -> Vec<Rule> {
    let DeValue::Array(elements) = value else {
        let text = format!("`rules` is a list of tables, found {}", Raw::from_toml(value, place).kind());
        findings.push(Finding::error(Some(at), text).hint("write `[[rules]]` on a line of its own"));
        return Vec::new();
    };
    let mut rules = Vec::new();
    for element in elements {
        let at = place(element.span().start);
        match element.get_ref() {
            DeValue::Table(keys) => rules.extend(rule(keys, at, place, upstreams, findings)),
            other => {
                let text = format!("a rule is a table, found {}", Raw::from_toml(other, place).kind());
                findings.push(
                    Finding::error(Some(at), text).hint("write `[[rules]]` on a line of its own for each"),
                );
            }
        }
    }
    idle(&rules, findings);
    rules
}

fn rule(
    keys: &DeTable<'_>,
    at: Place,
    place: &dyn Fn(usize) -> Place,
    upstreams: &[String],
    findings: &mut Vec<Finding>,
) -> Option<Rule> {
    for (key, _) in keys.iter().filter(|(key, _)| !KEYS.contains(&key.get_ref().as_ref())) {
        findings.push(unknown_key(key.get_ref(), place(key.span().start)));
    }
    let mut table = Table { keys, place, findings };
    let path = table.take::<RulePath>("path");
    let hosts = table.take::<Vec<RuleHost>>("host");
    let methods = table.take::<Vec<Method>>("methods");
    let allow = table.take::<Word>("allow");
    let roles = table.take::<Vec<Role>>("roles");
    let route = route(&mut table, upstreams, matches!(allow, Key::Given(Word::Deny)));
    let strip_at = table.at("strip_prefix");
    let (hosts_at, methods_at) = (table.at("host"), table.at("methods"));
    let roles_at = table.at("roles");

    for (missing, what, hint) in [
        (matches!(path, Key::Absent), "path", "write it like `path = \"/public/*\"`".to_owned()),
        (matches!(allow, Key::Absent), "allow", format!("write one of {CHOICES}")),
    ] {
        if missing {
            findings.push(
                Finding::error(Some(at.clone()), format!("`rules.{what}` is missing from this rule"))
                    .hint(hint),
            );
        }
    }
    if let Key::Given(hosts) = &hosts
        && hosts.is_empty()
    {
        findings.push(
            Finding::error(hosts_at, "`rules.host` names no host")
                .hint("leave it out for any, or write it like `\"app.example.com\"`"),
        );
    }
    if let Key::Given(methods) = &methods
        && methods.is_empty()
    {
        findings.push(
            Finding::error(methods_at, "`rules.methods` names no method")
                .hint("leave it out for any, or write it like `[\"GET\"]`"),
        );
    }
    if let (Key::Given(word), Key::Given(roles)) = (&allow, &roles)
        && *word != Word::SignedIn
        && !roles.is_empty()
    {
        let text = format!("`rules.roles` is for `\"signed-in\"` alone, but `allow` is `{}`", word.show());
        findings
            .push(Finding::error(roles_at, text).hint("remove `roles`, or write `allow = \"signed-in\"`"));
    }
    let (Key::Given(path), Key::Given(word)) = (path, allow) else { return None };
    let allow = match word {
        Word::Anyone => Allow::Anyone,
        Word::Optional => Allow::Optional,
        Word::Deny => Allow::Deny,
        Word::SignedIn => Allow::SignedIn(match roles {
            Key::Absent => Vec::new(),
            Key::Given(roles) => roles,
            Key::Bad => return None,
        }),
    };
    let methods = match methods {
        Key::Absent => None,
        Key::Given(methods) => Some(methods),
        Key::Bad => return None,
    };
    let hosts = match hosts {
        Key::Absent => None,
        Key::Given(hosts) => Some(hosts),
        Key::Bad => return None,
    };
    let (upstream, strip_prefix) = route?;
    if let Some(prefix) = strip_prefix.as_ref().filter(|prefix| !path.is_below(prefix)) {
        let text =
            format!("`rules.strip_prefix` (`{prefix}`) is not the beginning of the rule's path `{path}`");
        findings.push(
            Finding::error(strip_at, text).hint("write whole segments with which the rule's path begins"),
        );
        return None;
    }
    Some(Rule { path, hosts, methods, allow, upstream, strip_prefix, place: at })
}

/// Where a rule sends what it lets pass. `None`: a finding says what is wrong with that.
fn route(table: &mut Table<'_>, upstreams: &[String], denies: bool) -> Option<(usize, Option<PathPrefix>)> {
    let (name, prefix) = (table.take::<UpstreamName>("upstream"), table.take::<PathPrefix>("strip_prefix"));
    for key in ["upstream", "strip_prefix"] {
        let Some(at) = table.at(key).filter(|_| denies) else { continue };
        let text = format!("`rules.{key}` is for what is forwarded, but `allow` is `\"deny\"`");
        table.findings.push(Finding::error(Some(at), text).hint("remove it"));
    }
    let upstream = match name {
        Key::Absent => 0,
        Key::Given(UpstreamName(name)) => {
            let found = upstreams.iter().position(|known| *known == name);
            if found.is_none() {
                let known: Vec<_> = upstreams.iter().map(String::as_str).collect();
                let hint = match nearest(&name, &known) {
                    Some(near) => format!("did you mean `\"{near}\"`?"),
                    None => format!("add a section `[upstreams.{name}]`, or leave it out for `[upstream]`"),
                };
                let text = format!("`rules.upstream` names `{name}`, and there is no `[upstreams.{name}]`");
                table.findings.push(Finding::error(table.at("upstream"), text).hint(hint));
            }
            found? + 1
        }
        Key::Bad => return None,
    };
    match prefix {
        Key::Absent => Some((upstream, None)),
        Key::Given(prefix) => Some((upstream, Some(prefix))),
        Key::Bad => None,
    }
}

/// A key of one rule.
enum Key<T> {
    Absent,
    Given(T),
    /// It was given, and a finding says what is wrong with it.
    Bad,
}

struct Table<'a> {
    keys: &'a DeTable<'a>,
    place: &'a dyn Fn(usize) -> Place,
    findings: &'a mut Vec<Finding>,
}

impl Table<'_> {
    fn take<T: Value>(&mut self, name: &str) -> Key<T> {
        let Some(value) = self.keys.get(name) else { return Key::Absent };
        match T::read(&Raw::from_toml(value.get_ref(), self.place)) {
            Ok(value) => Key::Given(value),
            Err(faults) => {
                let at = (self.place)(value.span().start);
                self.findings.extend(faults.into_iter().map(|fault| {
                    let text = format!("bad value for `rules.{name}`: {}", fault.text);
                    let at = fault.place.unwrap_or_else(|| at.clone());
                    Finding { hint: fault.hint, ..Finding::error(Some(at), text) }
                }));
                Key::Bad
            }
        }
    }

    fn at(&self, name: &str) -> Option<Place> {
        self.keys.get(name).map(|value| (self.place)(value.span().start))
    }
}

fn unknown_key(name: &str, at: Place) -> Finding {
    let hint = match nearest(name, &KEYS) {
        Some(key) => format!("did you mean `rules.{key}`?"),
        None => {
            "a rule has `path`, `host`, `methods`, `allow`, `roles`, `upstream` and `strip_prefix`".to_owned()
        }
    };
    Finding::error(Some(at), format!("unknown key `rules.{name}`")).hint(hint)
}

/// Warns of rules that decide nothing, because earlier ones are about all that they are about.
fn idle(rules: &[Rule], findings: &mut Vec<Finding>) {
    for (index, rule) in rules.iter().enumerate() {
        let is_wider =
            |earlier: &&Rule| earlier.path.covers_all_of(&rule.path) && earlier.is_for_all_of(rule);
        let earlier = || rules[..index].iter().filter(is_wider);
        let by = match &rule.methods {
            None => earlier().find(|earlier| earlier.methods.is_none()),
            Some(methods) => {
                let taken = |method: &Method| earlier().find(|earlier| earlier.is_about(method));
                let takers: Option<Vec<_>> = methods.iter().map(taken).collect();
                takers.and_then(|takers| takers.last().copied())
            }
        };
        if let Some(by) = by {
            let text = format!(
                "this rule never decides: the one for `{}` at {} comes first and is about the same requests",
                by.path, by.place
            );
            findings.push(
                Finding::warning(Some(rule.place.clone()), text)
                    .hint("put the rule for fewer requests first, or remove this one"),
            );
        }
    }
}

/// Who may pass, as it is written.
pub(super) fn word(allow: &Allow) -> String {
    let word = match allow {
        Allow::Anyone => Word::Anyone,
        Allow::Optional => Word::Optional,
        Allow::SignedIn(_) => Word::SignedIn,
        Allow::Deny => Word::Deny,
    };
    word.show()
}
