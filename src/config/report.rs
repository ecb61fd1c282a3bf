//! What was found, and what holds, as text for people.

use std::fmt::Write as _;

use super::finding::{Finding, Severity};
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
        let source = match &key.source {
            Source::Default => "default".to_owned(),
            Source::Follows(other) => format!("follows `{other}`"),
            Source::Written(place) => place.to_string(),
        };
        let assignment = format!("{} = {}", key.name, key.value);
        let _ = writeln!(text, "{assignment:<40} # {source}");
    }
    text
}
