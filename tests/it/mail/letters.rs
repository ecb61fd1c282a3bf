//! What arrives of a letter: the envelope, the headers and the text as they were meant.

use super::{deliver, letter, mailer, saying};
use crate::support::smtp::{Options, Smtp};

#[test]
fn a_letter_arrives_with_its_envelope_its_subject_and_its_link() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    mailer.post(letter("jack@example.com"));
    let got = post.letter_to("jack@example.com");
    assert_eq!(
        (got.from.as_str(), got.to.as_slice()),
        ("auth@example.com", &["jack@example.com".to_owned()][..])
    );
    assert_eq!((got.user.as_deref(), got.by_tls), (None, false));
    assert_eq!(got.subject(), "Prove your address");
    assert_eq!(got.text(), "Hello\nhttp://127.0.0.1/auth/verify-email?token=abc\n");
    assert_eq!(got.link("/auth/verify-email"), "http://127.0.0.1/auth/verify-email?token=abc");
    assert_eq!(got.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(got.header("From").as_deref(), Some("auth@example.com"));
    assert_eq!(got.header("To").as_deref(), Some("jack@example.com"));
    assert!(got.header("Date").is_some());
    let id = got.header("Message-ID").unwrap();
    assert!(id.ends_with("@example.com>"), "{id}");
    // Nothing of this machine: neither there nor in the greeting.
    assert_eq!(post.lines()[0], "EHLO example.com");
}

#[test]
fn other_signs_than_ascii_arrive_in_subject_and_text() {
    let post = Smtp::start();
    let subject =
        "Bestätige deine Adresse bei „Bücher & Käse“ – и ещё очень длинная строка, которую надо сложить";
    let text = format!("Grüße,\nпривет 🌍\n{}\n", "ж".repeat(1200));
    assert_eq!(deliver(&mailer(&post, ""), saying("jack@example.com", subject, &text)), Ok(()));
    let got = post.letter_to("jack@example.com");
    assert!(got.data.is_ascii() && got.data.split(|byte| *byte == b'\n').all(|line| line.len() < 998));
    assert_eq!(got.subject(), subject);
    assert_eq!(got.text(), text);
}

#[test]
fn a_dot_at_a_lines_begin_survives_and_ends_nothing() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    let text = ".\n..\n.a\nb\n.\n\n.";
    assert_eq!(deliver(&mailer, saying("jack@example.com", "dots", text)), Ok(()));
    assert_eq!(post.letter_to("jack@example.com").text(), format!("{text}\n"));
    // CR or LF alone: what one server takes for a text's end and another doesn't smuggles mail.
    let text = "a\r.\rMAIL FROM:<x@example.com>\r\n.\r\nRCPT TO:<x@example.com>\n";
    assert_eq!(deliver(&mailer, saying("jack@example.com", "smuggled", text)), Ok(()));
    let got = post.letter_to("jack@example.com");
    assert_eq!(got.text(), "a\n.\nMAIL FROM:<x@example.com>\n.\nRCPT TO:<x@example.com>\n");
    post.none_for("x@example.com");
}

#[test]
fn a_subject_is_one_header_whatever_is_in_it() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    for end in ["\r\n", "\n", "\r"] {
        let subject = format!("Hello{end}Bcc: x@example.com{end}{end}Another text");
        assert_eq!(deliver(&mailer, saying("jack@example.com", &subject, "text")), Ok(()));
        let got = post.letter_to("jack@example.com");
        assert_eq!(got.header("Bcc"), None);
        assert_eq!(got.text(), "text\n");
        assert!(got.subject().starts_with("Hello "), "{}", got.subject());
        assert_eq!(got.to, ["jack@example.com"]);
    }
}

#[test]
fn quoted_addresses_go_to_whom_they_name_and_to_nobody_else() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    for to in [
        "\"a@evil.example\"@example.com",
        "\"a b\"@example.com",
        "\">\"@example.com",
        "\"a,x@evil.example\"@example.com",
    ] {
        assert_eq!(deliver(&mailer, letter(to)), Ok(()), "{to}");
        assert_eq!(post.letter_to(to).to, [to]);
    }
}

#[test]
fn a_domain_is_sent_in_ascii() {
    let post = Smtp::start();
    assert_eq!(deliver(&mailer(&post, ""), letter("jack@Bücher.example")), Ok(()));
    post.letter_to("jack@xn--bcher-kva.example");
}

#[test]
fn an_address_beyond_ascii_needs_a_server_that_takes_it() {
    let without = Smtp::start();
    let refused = deliver(&mailer(&without, ""), letter("jürgen@example.com")).unwrap_err();
    assert!(!refused.is_temporary() && refused.to_string().contains("SMTPUTF8"), "{refused}");
    assert!(!without.lines().iter().any(|line| line.starts_with("MAIL")));
    let with = Smtp::with(Options { offers: &["SMTPUTF8"], ..Options::default() });
    assert_eq!(deliver(&mailer(&with, ""), letter("jürgen@example.com")), Ok(()));
    with.letter_to("jürgen@example.com");
    assert!(with.lines().iter().any(|line| line.starts_with("MAIL FROM:") && line.contains("SMTPUTF8")));
}

#[test]
fn debug_shows_nothing_of_a_letter() {
    let shown = format!("{:?}", letter("jack@example.com"));
    assert_eq!(shown, "Letter(…)");
}
