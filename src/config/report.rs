//! What was found, and what holds, as text for people.

use std::fmt::Write as _;

use super::Loaded;
use super::finding::{Finding, Severity};
use super::raw::{Value as _, quote};
use super::rules::word;
use super::settings::{Allow, NamedUpstream, Rule};
use super::table::{Effective, Source};

/// Findings one after the other, and how many there are.
pub fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{finding}");
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let plural = |count, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        many => Some(format!("{many} {what}s")),
    };
    let counts = [plural(count(Severity::Error), "error"), plural(count(Severity::Warning), "warning")];
    let _ = writeln!(text, "{}", counts.into_iter().flatten().collect::<Vec<_>>().join(", "));
    text
}

/// One finding on one line, for the log, which tells its severity itself.
pub fn line(finding: &Finding) -> String {
    let place = finding.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
    let hint = finding.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    format!("{place}{}{hint}", finding.text)
}

/// All that is in force: what is odd, what was read, and the settings.
pub fn loaded(loaded: &Loaded) -> String {
    let odd = if loaded.warnings.is_empty() { String::new() } else { findings(&loaded.warnings) + "\n" };
    let file = match &loaded.file {
        Some(file) => format!("read from {}", file.display()),
        None => "no configuration file".to_owned(),
    };
    let settings = effective(&loaded.effective)
        + &named(&loaded.settings.upstreams)
        + &rules(&loaded.settings.rules, &loaded.settings.upstreams);
    format!(
        "{odd}# What is in force ({file}), and where each value comes from. Secrets are hidden.\n{settings}"
    )
}

/// The settings that hold as TOML, each with where it comes from; secrets are hidden.
pub fn effective(effective: &[Effective]) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in effective {
        if key.section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            section = key.section;
            let _ = writeln!(text, "{gap}[{section}]");
        }
        text += &assigned(key);
    }
    text
}

/// One key on one line.
fn assigned(key: &Effective) -> String {
    let mut source = match &key.source {
        Source::Default => "default".to_owned(),
        Source::Follows(other) => format!("follows `{other}`"),
        Source::Written(place) => place.to_string(),
    };
    if let Some(here) = &key.here {
        let _ = write!(source, "; here {here}");
    }
    let assignment = format!("{} = {}", key.name, key.value);
    format!("{assignment:<40} # {source}\n")
}

/// The further backends as TOML.
fn named(all: &[NamedUpstream]) -> String {
    let mut text = String::new();
    for NamedUpstream { name, place, effective, .. } in all {
        let _ = writeln!(text, "\n{:<40} # {place}", format!("[upstreams.{name}]"));
        for key in effective {
            text += &assigned(key);
        }
    }
    text
}

/// The rules as TOML, in the order in which they are asked.
fn rules(all: &[Rule], upstreams: &[NamedUpstream]) -> String {
    let mut text = String::new();
    for (index, rule) in all.iter().enumerate() {
        let _ = writeln!(text, "\n{:<40} # rule {}, {}", "[[rules]]", index + 1, rule.place);
        let _ = writeln!(text, "path = {}", quote(rule.path.as_str()));
        if let Some(hosts) = &rule.hosts {
            let _ = writeln!(text, "host = {}", hosts.show());
        }
        if let Some(methods) = &rule.methods {
            let _ = writeln!(text, "methods = {}", methods.show());
        }
        let _ = writeln!(text, "allow = {}", word(&rule.allow));
        if let Some(upstream) = rule.upstream.checked_sub(1).and_then(|index| upstreams.get(index)) {
            let _ = writeln!(text, "upstream = {}", quote(&upstream.name));
        }
        if let Some(prefix) = &rule.strip_prefix {
            let _ = writeln!(text, "strip_prefix = {}", prefix.show());
        }
        match &rule.allow {
            Allow::SignedIn(roles) if !roles.is_empty() => {
                let _ = writeln!(text, "roles = {}", roles.show());
            }
            Allow::SignedIn(_) | Allow::Anyone | Allow::Optional | Allow::Deny => {}
        }
    }
    text
}
