//! The working folder's `.env`: what it gives under the environment's variables, and where in it.

use std::io;
use std::path::Path;

use super::env::{Variable, Variables};
use super::fastapi;
use super::files::reason;
use super::finding::{Finding, Place};

/// Its name in the working folder, and in messages.
const NAME: &str = ".env";

/// Adds what the working folder's `.env` gives and the environment doesn't. Quotes and `$NAME` are read as dotenv does:
/// single quotes keep a `$` as it is. The process's environment is not changed.
pub(super) fn add(variables: &mut Variables, folder: &Path, findings: &mut Vec<Finding>) {
    let path = folder.join(NAME);
    // Python's virtual environments are folders of this name.
    if !path.is_file() {
        return;
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => read(text.trim_start_matches('\u{feff}'), variables, findings),
        Err(error) => findings.push(unreadable(&error)),
    }
}

fn read(text: &str, variables: &mut Variables, findings: &mut Vec<Finding>) {
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok((name, value)) => {
                let lines = assignments(text, &name);
                let place = |line| Place::DotEnv { line, name: name.clone() };
                let Some(&(last, written)) = lines.last() else { continue };
                match variables.get(&name).map(|variable| &variable.place) {
                    // The environment's own.
                    Some(Place::Variable(_)) => continue,
                    Some(_) if is_ours(&name) => findings.push(
                        Finding::warning(Some(place(last)), "it is given twice; the last one holds")
                            .hint("keep one of them"),
                    ),
                    _ => {}
                }
                if is_ours(&name) && is_replaced(written, &value) {
                    findings.push(
                        Finding::warning(
                            Some(place(last)),
                            "a `$` stands for a variable here, and is replaced",
                        )
                        .hint("to keep it, put the value into single quotes"),
                    );
                }
                variables.insert(name.clone(), Variable { value: Some(value), place: place(last) });
            }
            // The error holds the line, which may be a secret: only its number is told.
            Err(dotenvy::Error::LineParse(line, _)) => {
                let first = line.lines().next().unwrap_or_default().trim();
                let number = text.lines().position(|line| line.trim() == first).map_or(1, |index| index + 1);
                let place = Place::File { file: NAME.into(), line: number, column: 1 };
                findings.push(
                    Finding::warning(Some(place), "this line can't be read and is ignored")
                        .hint("write it like `NAME=value`, a value with spaces or signs in single quotes"),
                );
            }
            Err(dotenvy::Error::Io(error)) => findings.push(unreadable(&error)),
            // Nothing else happens to a text in memory.
            Err(_) => {}
        }
    }
}

/// The FastAPI project runs without a `.env`, and so does the gate.
fn unreadable(error: &io::Error) -> Finding {
    Finding::warning(None, format!("`{NAME}` can't be read and is ignored: {}", reason(error)))
        .hint("make it a UTF-8 text that Sidegate may read, or remove it")
}

/// Whether a name means something to the gate. Whatever else is in the file is somebody else's.
fn is_ours(name: &str) -> bool {
    name.starts_with("SIDEGATE_") || fastapi::NAMES.iter().any(|(fastapi, _)| *fastapi == name)
}

/// The lines that give a name a value: their numbers from 1, and what stands behind the sign.
fn assignments<'a>(text: &'a str, name: &str) -> Vec<(usize, &'a str)> {
    let value = |line: &'a str| {
        let line = line.trim_start();
        let rest = line.strip_prefix("export ").map_or(line, str::trim_start).strip_prefix(name)?;
        rest.trim_start().strip_prefix('=')
    };
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, value(line)?))).collect()
}

/// Whether dotenv has put a variable's value (mostly nothing) where a `$` stands.
fn is_replaced(written: &str, value: &str) -> bool {
    let bare = written.split(" #").next().unwrap_or(written).trim();
    !bare.starts_with('\'') && bare.contains('$') && !value.contains('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_names_lines_are_found_however_they_are_written() {
        let text = "A=1\n export  B = 2\nAB=3\n#A=4\nA=5";
        assert_eq!(assignments(text, "A"), [(1, "1"), (5, "5")]);
        assert_eq!(assignments(text, "B"), [(2, " 2")]);
    }

    #[test]
    fn a_dollar_that_is_gone_was_replaced() {
        assert!(is_replaced("abc$def", "abc"));
        for (written, value) in [("'abc$def'", "abc$def"), ("abc\\$def", "abc$def"), ("abc # $5", "abc")] {
            assert!(!is_replaced(written, value), "{written}");
        }
    }
}
