//! One thing that is wrong or odd in the configuration, and where it stands.

use std::fmt;
use std::sync::Arc;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The gate can't start like this.
    Error,
    /// The gate starts, but its operator should know.
    Warning,
}

/// Where something is written. The order is the one findings are reported in: a file from top to bottom, then variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a file.
    File {
        /// The file's name as it is shown.
        file: Arc<str>,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// In an environment variable.
    Variable(String),
    /// In a variable of the working folder's `.env`.
    DotEnv {
        /// The line, from 1.
        line: usize,
        /// The variable.
        name: String,
    },
}

impl Place {
    /// The place of a byte in a file's text.
    pub(super) fn at(file: &Arc<str>, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::File {
            file: Arc::clone(file),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The variable, where it is one.
    pub(super) fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable(name) | Self::DotEnv { name, .. } => Some(name),
            Self::File { .. } => None,
        }
    }

    /// The line in its file, where it is in one.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::File { line, .. } | Self::DotEnv { line, .. } => Some(*line),
            Self::Variable(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
            Self::DotEnv { line, name } => write!(f, ".env:{line}: {name}"),
        }
    }
}

/// A mistake or an oddity. Its texts never hold a secret's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands; `None`: nowhere, such as a key that is missing.
    pub place: Option<Place>,
    /// What is wrong.
    pub text: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Finding {
    /// Something that the gate can't start with.
    pub(super) fn error(place: Option<Place>, text: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place, text: text.into(), hint: None }
    }

    /// Something that its operator should know.
    pub(super) fn warning(place: Option<Place>, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, text) }
    }

    /// With what to do about it.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With what a variable takes: texts without TOML's quotes.
    pub(super) fn unquoted(self) -> Self {
        let bare = |hint: String| hint.replace("`\"", "`").replace("\"`", "`");
        match &self.place {
            Some(place) if place.variable().is_some() => Self { hint: self.hint.map(bare), ..self },
            _ => self,
        }
    }

    /// Whether the gate can't start with it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
        })?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.text)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let place = Place::at(&"a.toml".into(), "x = 1\ntitle = \"äö\" # é!", 21);
        assert_eq!(place.to_string(), "a.toml:2:14");
    }
}
