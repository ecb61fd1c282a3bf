//! Files that can't be read: why, and what to do about it.

use std::io;

/// An I/O error in a few words, without the system's number.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::InvalidData if is_no_text(error) => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// What to do about it. Where nothing can be said for sure, that is left to whoever reads the reason.
pub(super) fn remedy(error: &io::Error) -> Option<String> {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "name a file that is there; a relative path begins in the working folder",
        io::ErrorKind::PermissionDenied => "let the user that Sidegate runs as read it",
        io::ErrorKind::IsADirectory => "name the file in it",
        io::ErrorKind::InvalidData if is_no_text(error) => "save it as UTF-8",
        // A secret's file that is empty or too long.
        io::ErrorKind::InvalidData => "name a file that holds the secret and nothing else",
        _ => return None,
    };
    Some(remedy.to_owned())
}

fn is_no_text(error: &io::Error) -> bool {
    error.get_ref().is_none_or(|inner| inner.to_string().contains("UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test that runs as root meets no file that it may not read.
    #[test]
    fn a_file_that_may_not_be_read_says_who_needs_to() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(reason(&denied), "permission denied");
        assert_eq!(remedy(&denied).as_deref(), Some("let the user that Sidegate runs as read it"));
    }
}
