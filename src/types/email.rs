//! E-mail addresses: as they were given, and as they are compared.

use std::fmt;

use email_address::{EmailAddress, Options};
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

/// An address as its owner wrote it, with the key that it is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    shown: Box<str>,
    key: EmailKey,
}

/// What makes two addresses one (contract section 4): NFC, lower case, the domain in IDNA's ASCII form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailKey(Box<str>);

impl Email {
    /// The longest address, in bytes (RFC 5321 section 4.5.3.1.3 less the brackets).
    pub const MAX: usize = 254;

    /// Reads an address: exactly one `@` outside of quotes, a domain that IDNA knows, no display name.
    pub fn parse(text: &str) -> Option<Self> {
        let given = text.trim();
        if given.len() > Self::MAX || given.chars().any(char::is_control) {
            return None;
        }
        let composed: String = given.nfc().collect();
        let options = Options::default().without_display_text().without_domain_literal();
        let address = EmailAddress::parse_with_options(&composed, options).ok()?;
        let domain = idna::domain_to_ascii(address.domain()).ok().filter(|ascii| is_host_name(ascii))?;
        // Folded, not lowered: `Σ` has two small forms (Unicode section 5.18).
        let local = UniCase::unicode(address.local_part()).to_folded_case();
        let key = format!("{}@{}", local.nfc(), domain.to_ascii_lowercase());
        // An `@` that is not inside quotes would make the domain a matter of who reads it.
        if !local.starts_with('"') && local.contains('@') || key.len() > 2 * Self::MAX {
            return None;
        }
        Some(Self { shown: given.into(), key: EmailKey(key.into()) })
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// What it is compared by.
    pub const fn key(&self) -> &EmailKey {
        &self.key
    }
}

impl EmailKey {
    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain, in IDNA's ASCII form and lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// RFC 1035 section 2.3.4 and RFC 1123 section 2.1: labels of 1 to 63 letters, digits and inner hyphens.
fn is_host_name(ascii: &str) -> bool {
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    ascii.len() <= 253 && ascii.split('.').all(label_fits)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<String> {
        Email::parse(text).map(|email| email.key().as_str().to_owned())
    }

    #[test]
    fn an_address_is_compared_nfc_by_idna_and_without_case() {
        for (given, same) in [
            ("Jack@Example.COM", "jack@example.com"),
            (" jack@example.com ", "jack@example.com"),
            ("jack@bücher.example", "jack@xn--bcher-kva.example"),
            ("jack@BÜCHER.example", "jack@xn--bcher-kva.example"),
            ("ju\u{308}rgen@example.com", "jürgen@example.com"),
            ("JÜRGEN@example.com", "jürgen@example.com"),
            ("ΣΑΣ@example.com", "σασ@example.com"),
            ("σας@example.com", "σασ@example.com"),
            ("STRASSE@example.com", "strasse@example.com"),
            ("straße@example.com", "strasse@example.com"),
            ("jack@localhost", "jack@localhost"),
            ("\"a@b\"@example.com", "\"a@b\"@example.com"),
        ] {
            assert_eq!(key(given).as_deref(), Some(same), "{given:?}");
        }
    }

    #[test]
    fn what_is_no_single_address_is_refused() {
        for bad in [
            "",
            "jack",
            "@example.com",
            "jack@",
            "a@evil.com@ok.com",
            "Jack <jack@example.com>",
            "jack@[127.0.0.1]",
            "jack@exa mple.com",
            "jack@example..com",
            "jack@-example.com",
            "jack@example.com.",
            "jack\r\n@example.com",
            "jack\0@example.com",
            "jack@exam_ple.com",
        ] {
            assert_eq!(key(bad), None, "{bad:?}");
        }
        assert_eq!(key(&format!("{}@example.com", "a".repeat(65))), None);
    }
}
