//! The most used passwords: what everybody who guesses tries first.

use crate::types::Password;

/// Compiled by hand from what heads the published lists of leaked passwords, in lower case.
const MOST_USED: &str = include_str!("common.txt");

/// Whether a password is among the most used ones, whatever its case.
pub(super) fn is_common(password: &Password) -> bool {
    MOST_USED.lines().any(|common| common.as_bytes().eq_ignore_ascii_case(password.reveal()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_used_passwords_are_known_in_any_case() {
        for (text, common) in [
            ("password", true),
            ("PassWord1", true),
            ("12345678", true),
            ("iloveyou", true),
            ("correct horse battery staple", false),
            ("password ", false),
            ("\n", false),
        ] {
            assert_eq!(is_common(&Password::parse(text).unwrap()), common, "{text:?}");
        }
    }

    #[test]
    fn the_list_is_in_lower_case_and_without_doubles_or_gaps() {
        let lines: Vec<_> = MOST_USED.lines().collect();
        let unique: std::collections::HashSet<_> = lines.iter().collect();
        assert_eq!(unique.len(), lines.len());
        assert!(lines.iter().all(|line| !line.is_empty() && line.trim() == *line));
        assert!(lines.iter().all(|line| line.to_lowercase() == *line));
    }
}
