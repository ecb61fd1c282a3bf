//! Secrets: read from files, and refused when the whole world knows them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroize as _;

/// The least that HS256 takes: as long as its hash (RFC 7518 section 3.2).
pub(super) const LEAST_BYTES: usize = 32;

/// Secrets that are printed in tutorials and templates. Only those of 32 bytes and more: shorter ones are refused anyway.
const PUBLISHED: [&str; 9] = [
    // The FastAPI project that Sidegate follows.
    "dev_secret_key_change_me_123456!",
    // FastAPI's documentation.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    // jwt.io.
    "a-string-secret-at-least-256-bits-long",
    "your-256-bit-secret-your-256-bit-secret",
    // RFC 7515 appendix A.1.1.
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    // Supabase, on a developer's machine and hosted by oneself.
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "your-super-secret-jwt-token-with-at-least-32-characters-long",
    // Widespread in templates.
    "your-secret-key-change-this-in-production",
    "your-secret-key-change-in-production",
];

/// Whether a secret is no secret: anybody could sign tokens with it.
pub(super) fn is_published(secret: &str) -> bool {
    PUBLISHED.contains(&secret.trim())
}

/// A secret file's end: more is another file than was meant, such as a device.
const LONGEST_FILE: u64 = 64 * 1024;

/// Reads a secret from its file, without the newline that editors end files with.
pub(super) fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret).to_owned();
    text.zeroize();
    match read {
        _ if secret.is_empty() => Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty")),
        read if read as u64 > LONGEST_FILE => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too long"))
        }
        _ => Ok(secret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_secrets_are_those_that_are_long_enough_to_be_taken() {
        for secret in PUBLISHED {
            assert!(secret.len() >= LEAST_BYTES, "{secret}");
        }
    }

    #[test]
    fn one_newline_at_the_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (text, secret) in [("a b", "a b"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_file(&path).unwrap(), secret, "{text:?}");
        }
        for bad in [&b"\n"[..], b"", b"\xff\xfe", &vec![b'a'; 70_000]] {
            std::fs::write(&path, bad).unwrap();
            assert!(read_file(&path).is_err());
        }
    }
}
