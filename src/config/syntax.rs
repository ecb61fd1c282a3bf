//! What is no TOML, in words for people who don't know TOML. A line is never repeated: a secret may stand there.

use std::sync::Arc;

use super::finding::{Finding, Place};

/// How a key is written, for who has come from YAML or a shell.
const ASSIGNMENT: &str = "write it like `key = \"value\"`, `key = 1` or `key = true`";

/// How a list is written.
const LIST: &str = "write a list like `[\"one\", \"two\"]`";

/// What the parser found, one error a line: the others follow from it.
pub(super) fn findings(
    file: &Arc<str>,
    text: &str,
    errors: impl IntoIterator<Item = toml::de::Error>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        let place = Place::at(file, text, offset);
        let same_line = |other: &Finding| other.place.as_ref().and_then(Place::line) == place.line();
        if !findings.iter().any(same_line) {
            findings.push(finding(&place, text, offset, error.message()));
        }
    }
    findings
}

/// The parser's message, said better where a stranger is likely to meet it.
fn finding(place: &Place, text: &str, offset: usize, message: &str) -> Finding {
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let next = after.trim_start_matches([' ', '\t']).chars().next().unwrap_or('\n');
    let error = |text: &str| Finding::error(Some(place.clone()), format!("not TOML: {text}"));
    let what = message.split(", expected").next().unwrap_or(message);
    match what {
        "duplicate key" => {
            let name: String = after.chars().take_while(|c| !matches!(c, ']' | '=' | '.' | '\n')).collect();
            let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
            let (kind, remedy) = match line.strip_prefix('[') {
                Some(_) => ("section", "keep one of them, with the keys of both"),
                None => ("key", "keep one of them"),
            };
            error(&format!("the {kind} `{}` is given twice", name.trim())).hint(remedy)
        }
        "string values must be quoted" if matches!(next, '\n' | '\r' | '#') => {
            error("the value is missing").hint(ASSIGNMENT)
        }
        "string values must be quoted" if matches!(next, '“' | '”' | '„' | '‘' | '’') => {
            error("these are typographic quotes").hint("write straight ones: `\"value\"`")
        }
        "string values must be quoted" => error("a text needs quotes")
            .hint("write it like `\"value\"`; only numbers, `true` and `false` go without"),
        "invalid boolean" => {
            error("this is not a value").hint("write `true` or `false`, or a text in quotes")
        }
        "invalid basic string" | "invalid literal string" if matches!(next, '\n' | '\r') => {
            error("the closing quote is missing").hint("end the text on the line where it begins")
        }
        "unclosed table" => error("the `]` is missing").hint("write a section like `[server]`"),
        "unclosed array" => error("the list's `]` is missing").hint(LIST),
        "key with no value" | "invalid unquoted key" | "invalid key-value pair" => {
            error("this is neither `key = value` nor a `[section]`").hint(ASSIGNMENT)
        }
        "unexpected key or value" => {
            error("the line goes on after its end").hint("write each key on a line of its own")
        }
        "missing escaped value" => error("a `\\` in a text begins an escape")
            .hint("write `\\\\`, or put the text into single quotes"),
        "missing comma between array elements" => {
            error("a list's elements are separated by commas").hint(LIST)
        }
        // Rare ones in the parser's words.
        _ => error(what),
    }
}
