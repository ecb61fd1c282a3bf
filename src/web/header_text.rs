//! Text in a header's value: what ASCII prints goes as it is, everything else percent-encoded.

use std::borrow::Cow;

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What can't stand in a value as it is: controls and what is not ASCII would end it, or be read in several ways
/// (RFC 9110 section 5.5), and `%` would make the decoded text ambiguous.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
/// White space at either end is no part of a value, and whoever reads it drops it.
const ENCODED_AT_ENDS: &AsciiSet = &ENCODED.add(b' ');

/// The value that percent-decodes, as UTF-8, to this text and to no other.
pub(crate) fn encoded(text: &str) -> HeaderValue {
    let inner = text.trim_matches(' ');
    let lead = text.len() - text.trim_start_matches(' ').len();
    let (before, after) =
        if inner.is_empty() { (text, "") } else { (&text[..lead], &text[lead + inner.len()..]) };
    let end = |blanks| Cow::from(utf8_percent_encode(blanks, ENCODED_AT_ENDS));
    let value = [end(before), utf8_percent_encode(inner, ENCODED).into(), end(after)].concat();
    HeaderValue::try_from(value).expect("visible ASCII and inner blanks are a value")
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_ascii_prints_goes_as_it_is_and_everything_else_is_encoded() {
        for (text, value) in [
            ("Jack", "Jack"),
            ("Jack O'Neill, \"the one\"; a=b <x>", "Jack O'Neill, \"the one\"; a=b <x>"),
            ("jack+tag@example.com", "jack+tag@example.com"),
            ("100%", "100%25"),
            ("%0d%0aX-User-Id: 1", "%250d%250aX-User-Id: 1"),
            ("a\r\nX-User-Id: 1", "a%0D%0AX-User-Id: 1"),
            ("a\0\t\u{7f}b", "a%00%09%7Fb"),
            ("Jürgen", "J%C3%BCrgen"),
            ("😀", "%F0%9F%98%80"),
            ("\u{2028}\u{a0}", "%E2%80%A8%C2%A0"),
            (" a  b  ", "%20a  b%20%20"),
            ("  ", "%20%20"),
            ("", ""),
        ] {
            assert_eq!(encoded(text), value, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back_from_a_value_that_no_one_trims_or_splits(text in "\\PC{0,9}|[ %\r\n\ta]{0,9}|.{0,9}") {
            let value = encoded(&text);
            let bytes = value.as_bytes();
            prop_assert!(bytes.iter().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(bytes.trim_ascii(), bytes);
            prop_assert_eq!(percent_decode(bytes).decode_utf8().unwrap(), text);
        }
    }
}
