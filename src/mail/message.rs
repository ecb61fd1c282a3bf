//! What goes over the wire for a letter: the envelope's addresses, the headers, the text.

use lettre::address::{Address, Envelope};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};
use unicode_normalization::UnicodeNormalization as _;

use super::Letter;
use super::error::MailError;
use crate::types::Email;

/// A letter as it is sent.
pub(super) struct Written {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
    /// Whether an address needs a server that takes more than ASCII in it (SMTPUTF8, RFC 6531).
    pub(super) needs_utf8: bool,
}

/// Nobody is to answer a machine, not even by "I am on holiday" (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Writes a letter. The envelope's addresses are given, never read back from headers.
pub(super) fn write(letter: &Letter, from: &Email) -> Result<Written, MailError> {
    let (sender, recipient) = (address(from)?, address(&letter.to)?);
    let is_ascii = |address: &Address| address.user().is_ascii() && address.domain().is_ascii();
    let needs_utf8 = !is_ascii(&sender) || !is_ascii(&recipient);
    let envelope = Envelope::new(Some(sender.clone()), vec![recipient.clone()])
        .map_err(|error| MailError::Unsendable(error.to_string()))?;
    let message = Message::builder()
        .message_id(Some(message_id(from)))
        .date_now()
        .from(Mailbox::new(None, sender))
        .to(Mailbox::new(None, recipient))
        .subject(one_line(&letter.subject))
        .header(AutoSubmitted)
        .envelope(envelope.clone())
        .singlepart(SinglePart::plain(lines(&letter.text)))
        .map_err(|error| MailError::Unsendable(error.to_string()))?;
    let mut bytes = message.formatted();
    // The last line's end comes with what ends the text.
    while bytes.ends_with(b"\r\n") {
        bytes.truncate(bytes.len() - 2);
    }
    Ok(Written { envelope, bytes, needs_utf8 })
}

/// The address in the words of SMTP: the domain in IDNA's ASCII form, the rest NFC (RFC 6530 section 10.1) and else as it was
/// given, for what is before the `@` is for its own server to understand, upper case included.
fn address(email: &Email) -> Result<Address, MailError> {
    let no_address = || MailError::Unsendable("the address can't be written in SMTP's words".to_owned());
    // A domain has no `@`: the last one ends the local part, whatever is quoted there.
    let (local, _) = email.as_str().rsplit_once('@').ok_or_else(no_address)?;
    let local: String = local.nfc().collect();
    Address::new(local, email.key().domain()).map_err(|_| no_address())
}

/// With the sender's domain: the machine's name is nobody's business.
fn message_id(from: &Email) -> String {
    let mut bytes = [0; 16];
    // aws-lc ends the process itself when there is no entropy.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    format!("<{:032x}@{}>", u128::from_ne_bytes(bytes), from.key().domain())
}

/// A header is one line: what would end it, or is no sign at all, is a space.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

/// Lines end in one way, and nothing in them is read by servers as an end (RFC 5321 section 2.3.8: no CR or LF alone).
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|sign| matches!(sign, '\n' | '\t') || !sign.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(to: &str, subject: &str, text: &str) -> (Written, String) {
        let letter =
            Letter { to: Email::parse(to).unwrap(), subject: subject.to_owned(), text: text.to_owned() };
        let written = write(&letter, &Email::parse("auth@BÜCHER.example").unwrap()).unwrap();
        let text = String::from_utf8(written.bytes.clone()).unwrap();
        (written, text)
    }

    /// Whatever `Email` takes is sent to exactly that, or not at all.
    #[test]
    fn an_address_goes_into_the_envelope_as_it_was_given_with_the_domain_in_ascii() {
        for (given, sent) in [
            ("Jack@Example.COM", "Jack@example.com"),
            ("jack@bücher.example", "jack@xn--bcher-kva.example"),
            ("ju\u{308}rgen@example.com", "j\u{fc}rgen@example.com"),
            ("\"a@b\"@example.com", "\"a@b\"@example.com"),
            ("\"a b\"@example.com", "\"a b\"@example.com"),
            ("\"a>,<b\"@example.com", "\"a>,<b\"@example.com"),
            ("a%evil.example@example.com", "a%evil.example@example.com"),
            ("jack+tag@localhost", "jack+tag@localhost"),
        ] {
            let Some(email) = Email::parse(given) else { panic!("{given:?} is an address") };
            assert_eq!(address(&email).unwrap().to_string(), sent, "{given:?}");
            let (written, _) = written(given, "x", "y");
            let to: Vec<_> = written.envelope.to().iter().map(ToString::to_string).collect();
            assert_eq!(to, [sent]);
            assert_eq!(written.needs_utf8, !sent.is_ascii());
        }
    }

    #[test]
    fn headers_say_what_it_is_and_nothing_of_this_machine() {
        let (_, text) = written("jack@example.com", "Hello", "Text");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> =
            head.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "Message-ID",
                "Date",
                "From",
                "To",
                "Subject",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type",
                "Content-Transfer-Encoding"
            ]
        );
        assert!(head.contains("From: auth@xn--bcher-kva.example\r\n"), "{head}");
        let id = head.lines().next().unwrap();
        assert!(id.starts_with("Message-ID: <") && id.ends_with("@xn--bcher-kva.example>"), "{id}");
        assert!(head.contains("Auto-Submitted: auto-generated\r\n"), "{head}");
        assert!(head.contains("Content-Type: text/plain; charset=utf-8"), "{head}");
        assert_eq!(body, "Text");
        let other = written("jack@example.com", "Hello", "Text").1;
        assert_ne!(id, other.lines().next().unwrap());
    }

    #[test]
    fn no_subject_and_no_text_begin_a_header_or_end_the_message() {
        for subject in
            ["a\r\nBcc: x@example.com", "a\nBcc: x@example.com", "a\rBcc: x@example.com", "\u{85}ä\r\nBcc: x"]
        {
            let (_, text) = written("jack@example.com", subject, "b\r.\rc\n.\r\nd\0");
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
            assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{head:?}");
            assert_eq!(body, "b\r\n.\r\nc\r\n.\r\nd");
        }
    }
}
