//! The beginning of paths that a rule takes away before it forwards.

use std::fmt;

use super::rule_path::{RulePath, RulePathError};

/// Whole segments at a path's beginning, in the common spelling: `/api`, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix {
    start: Box<str>,
    written: Box<str>,
}

impl PathPrefix {
    /// Reads a prefix as an operator writes it, by the rules for a rule's path.
    pub fn parse(text: &str) -> Result<Self, RulePathError> {
        let start = RulePath::parse(text)?.into_exact().ok_or(RulePathError::Star)?;
        if start.ends_with('/') {
            return Err(RulePathError::Odd("a slash at its end"));
        }
        Ok(Self { start, written: text.into() })
    }

    /// In the common spelling.
    pub fn as_str(&self) -> &str {
        &self.start
    }

    /// As the operator wrote it.
    pub fn written(&self) -> &str {
        &self.written
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Whether a path begins with these whole segments, byte for byte.
pub fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_whole_segments_without_a_slash_at_the_end() {
        for (text, start) in [("/api", "/api"), ("/a/b", "/a/b"), ("/a b/ü", "/a%20b/%C3%BC")] {
            assert_eq!(PathPrefix::parse(text).unwrap().as_str(), start);
        }
        for bad in
            ["", "api", "/", "/api/", "/api/*", "/*/x", "/a*", "/a%20b", "/a//b", "/a/..", "/a?b", "/auth"]
        {
            assert!(PathPrefix::parse(bad).is_err(), "{bad:?}");
        }
        for (path, below) in
            [("/api", true), ("/api/", true), ("/api/x", true), ("/apix", false), ("/ap", false)]
        {
            assert_eq!(is_below(path, "/api"), below, "{path}");
        }
    }
}
