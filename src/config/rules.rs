//! `[[rules]]`: who may ask for which paths. A matter of the file alone: no variable holds a list of tables.

use http::Method;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Place};
use super::raw::{Fault, Raw, Value, quote};
use super::settings::{Allow, Rule};
use crate::types::rule_path::RulePathError;
use crate::types::{Role, RulePath};

/// A rule's keys.
const KEYS: [&str; 4] = ["path", "methods", "allow", "roles"];

/// What `allow` chooses from.
const CHOICES: &str = "`\"anyone\"`, `\"optional\"`, `\"signed-in\"`, `\"deny\"`";

/// How alike two words must be for one to be the other's slip, from 0 to 1.
const ALIKE: f64 = 0.85;

/// Reads the rules; what is wrong with them are findings. `at`: where the first one begins.
pub(super) fn read(
    value: &DeValue<'_>,
    at: Place,
    place: &dyn Fn(usize) -> Place,
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
            DeValue::Table(keys) => rules.extend(rule(keys, at, place, findings)),
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
    findings: &mut Vec<Finding>,
) -> Option<Rule> {
    for (key, _) in keys.iter().filter(|(key, _)| !KEYS.contains(&key.get_ref().as_ref())) {
        findings.push(unknown_key(key.get_ref(), place(key.span().start)));
    }
    let mut table = Table { keys, place, findings };
    let path = table.take::<RulePath>("path");
    let methods = table.take::<Vec<Method>>("methods");
    let allow = table.take::<Word>("allow");
    let roles = table.take::<Vec<Role>>("roles");
    let methods_at = table.at("methods");
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
    Some(Rule { path, methods, allow, place: at })
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
        None => "a rule has `path`, `methods`, `allow` and `roles`".to_owned(),
    };
    Finding::error(Some(at), format!("unknown key `rules.{name}`")).hint(hint)
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let nearest = known.iter().copied().max_by(|one, other| alike(one).total_cmp(&alike(other)));
    nearest.filter(|nearest| alike(nearest) >= ALIKE)
}

/// Warns of rules that decide nothing, because earlier ones are about all that they are about.
fn idle(rules: &[Rule], findings: &mut Vec<Finding>) {
    for (index, rule) in rules.iter().enumerate() {
        let earlier = || rules[..index].iter().filter(|earlier| earlier.path.covers_all_of(&rule.path));
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

/// `allow` as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Anyone,
    Optional,
    SignedIn,
    Deny,
}

impl Value for Word {
    const LOOKS: &'static str = "one of `\"anyone\"`, `\"optional\"`, `\"signed-in\"`, `\"deny\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "anyone" => Ok(Self::Anyone),
            "optional" => Ok(Self::Optional),
            "signed-in" => Ok(Self::SignedIn),
            "deny" => Ok(Self::Deny),
            other => {
                let hint = match nearest(other, &["anyone", "optional", "signed-in", "deny"]) {
                    Some(word) => format!("did you mean `\"{word}\"`?"),
                    None => format!("write one of {CHOICES}"),
                };
                Err(Fault::new(format!("`{other}` is not a choice")).hint(hint))
            }
        }
    }

    fn show(&self) -> String {
        quote(match self {
            Self::Anyone => "anyone",
            Self::Optional => "optional",
            Self::SignedIn => "signed-in",
            Self::Deny => "deny",
        })
    }
}

impl Value for RulePath {
    const LOOKS: &'static str = "a path such as `\"/public/*\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|error| {
            let example = "write it like `\"/public\"`, or `\"/public/*\"` for everything below";
            match error {
                RulePathError::NoSlash => {
                    let hint = format!("write `{}`", quote(&format!("/{text}")));
                    Fault::new(format!("`{text}` does not begin with `/`")).hint(if text.is_empty() {
                        example.to_owned()
                    } else {
                        hint
                    })
                }
                RulePathError::Star => {
                    Fault::new(format!("`{text}` has a `*` elsewhere than in a last `/*`")).hint(example)
                }
                RulePathError::BeyondPath(sign) => {
                    let what = if sign == '?' { "a query" } else { "a fragment" };
                    let path = text.split(sign).next().unwrap_or_default();
                    Fault::new(format!("`{text}` has {what}, and rules see the path alone"))
                        .hint(format!("write `{}`", quote(path)))
                }
                RulePathError::Escape => {
                    let meant = percent_encoding::percent_decode_str(text).decode_utf8();
                    // An escaped slash is none.
                    let same = |meant: &str| meant.matches('/').count() == text.matches('/').count();
                    let meant = meant.ok().filter(|meant| same(meant) && Self::parse(meant).is_ok());
                    let hint = meant.map_or_else(
                        || "write the characters themselves".to_owned(),
                        |meant| format!("write `{}`", quote(&meant)),
                    );
                    Fault::new(format!("`{text}` has an escape, and rules are written without")).hint(hint)
                }
                RulePathError::Odd(what) => Fault::new(format!(
                    "`{}` has {what}: such a path can be read in several ways",
                    text.escape_debug()
                ))
                .hint("write the path that the backend takes it for"),
                RulePathError::Gates => Fault::new(format!(
                    "`{text}` is the gate's own: rules are about the backend's paths alone"
                ))
                .hint("remove the rule; what `/auth/*` does is set by `[signup]`, `[pages]` and `[limits]`"),
            }
        })
    }

    fn show(&self) -> String {
        quote(self.as_str())
    }
}

/// Those that are in use (IANA's registry, less what never reaches a backend), to know a slip from a method of somebody's own.
const METHODS: [&str; 38] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "VERSION-CONTROL",
];

impl Value for Method {
    const LOOKS: &'static str = "a method such as `\"GET\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        if METHODS.contains(&text) {
            return Self::try_from(text).map_err(|_| Fault::new(format!("`{text}` is not a method")));
        }
        if text == "CONNECT" {
            return Err(Fault::new("`CONNECT` is never forwarded").hint("remove it"));
        }
        // Methods are compared with their case (RFC 9110 section 9.1).
        if let Some(near) = nearest(text, &METHODS) {
            return Err(Fault::new(format!("`{text}` is not a known method"))
                .hint(format!("did you mean `\"{near}\"`?")));
        }
        let own = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
        match Self::try_from(text) {
            Ok(method) if own => Ok(method),
            _ => {
                Err(Fault::new(format!("`{text}` is not a method"))
                    .hint("write it in capitals, like `\"GET\"`"))
            }
        }
    }

    fn show(&self) -> String {
        quote(self.as_str())
    }
}

impl Value for Role {
    const LOOKS: &'static str = "a role's name";

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).ok_or_else(|| {
            Fault::new(format!("`{}` is not a role's name", text.escape_debug()))
                .hint("write 1 to 64 letters, digits, `-`, `_`, `.` or `:`")
        })
    }

    fn show(&self) -> String {
        quote(self.as_str())
    }
}
