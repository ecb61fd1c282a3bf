//! The two forms of a line, text and JSON, as tracing-subscriber writes them to a file. What is usual goes straight to its
//! place; what has to be escaped is left to whoever the library leaves it to.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use itoa::Integer;

/// How fields become a line.
pub(super) trait Form {
    /// What stands before and behind a value that is no number and needs no escapes.
    const BARE: &[u8];

    /// The time and what follows it in each line.
    fn begin(out: &mut Vec<u8>, stamp: &[u8]);

    /// A field's name, and what separates it from the one before and from its value.
    fn name(out: &mut Vec<u8>, name: &'static str);

    /// Text in quotes, escaped.
    fn text(out: &mut Vec<u8>, text: &str);

    /// The end of the line.
    fn end(out: &mut Vec<u8>);

    /// A value that has no quotes in text.
    fn bare(out: &mut Vec<u8>, value: &str) {
        out.extend_from_slice(Self::BARE);
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(Self::BARE);
    }

    /// An address.
    fn address(out: &mut Vec<u8>, address: IpAddr) {
        out.extend_from_slice(Self::BARE);
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Self::number(out, a);
                for octet in [b, c, d] {
                    out.push(b'.');
                    Self::number(out, octet);
                }
            }
            // Writing to memory does not fail.
            IpAddr::V6(address) => _ = write!(out, "{address}"),
        }
        out.extend_from_slice(Self::BARE);
    }

    /// A whole number.
    fn number(out: &mut Vec<u8>, number: impl Integer) {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Milliseconds, to the microsecond, as a floating-point number is written: without zeros at the end, but with one
    /// decimal at least.
    fn milliseconds(out: &mut Vec<u8>, duration: Duration) {
        let micros = duration.as_secs() * 1_000_000 + u64::from((duration.subsec_nanos() + 500) / 1000);
        Self::number(out, micros / 1000);
        let mut decimals = *b".000";
        digits(micros % 1000, &mut decimals[1..]);
        let used = match decimals {
            [.., b'0', b'0'] => 2,
            [.., b'0'] => 3,
            _ => 4,
        };
        out.extend_from_slice(&decimals[..used]);
    }
}

/// `name=value name="value"`.
pub(super) struct Text;

/// One object.
pub(super) struct Json;

impl Form for Text {
    const BARE: &[u8] = b"";

    fn begin(out: &mut Vec<u8>, stamp: &[u8]) {
        out.extend_from_slice(stamp);
        out.extend_from_slice(b"  INFO access:");
    }

    fn name(out: &mut Vec<u8>, name: &'static str) {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
    }

    fn text(out: &mut Vec<u8>, text: &str) {
        if all(text, |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
            quoted(out, text);
        } else {
            // Writing to memory does not fail.
            let _ = write!(out, "{text:?}");
        }
    }

    fn end(out: &mut Vec<u8>) {
        out.push(b'\n');
    }
}

impl Form for Json {
    const BARE: &[u8] = b"\"";

    fn begin(out: &mut Vec<u8>, stamp: &[u8]) {
        out.extend_from_slice(b"{\"timestamp\":\"");
        out.extend_from_slice(stamp);
        out.extend_from_slice(b"\",\"level\":\"INFO\"");
    }

    fn name(out: &mut Vec<u8>, name: &'static str) {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
    }

    fn text(out: &mut Vec<u8>, text: &str) {
        if all(text, |byte| byte >= b' ' && !matches!(byte, b'"' | b'\\')) {
            quoted(out, text);
        } else {
            // A text is always JSON, and writing to memory does not fail.
            let _ = serde_json::to_writer(out, text);
        }
    }

    fn end(out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"target\":\"access\"}\n");
    }
}

/// Looks at every byte, whatever it finds: that is several at a time.
fn all(text: &str, is_usual: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |usual, byte| usual & is_usual(byte))
}

fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Writes as many of a number's last digits as there is room for.
pub(super) fn digits(mut number: u64, room: &mut [u8]) {
    for digit in room.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}
