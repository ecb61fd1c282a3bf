//! TLS and the sign-in: nothing is sent to a server that isn't believed, and no password leaves in plain text.

use sidegate::mail::{MailError, Step};

use super::{deliver, letter, mailer};
use crate::support::papers::Papers;
use crate::support::smtp::{Options, Smtp};

const JACK: &str = "jack@example.com";
const LOGIN: &str = "username = \"me\"\npassword = \"hunter2\"\n";

fn starttls(papers: &Papers, names: &[&str]) -> Options {
    Options { certificate: Some(papers.issue(names)), starttls: true, ..Options::default() }
}

fn ca(papers: &Papers) -> String {
    format!("ca_file = {}\n", papers.quoted("ca.pem"))
}

/// The settings' URL with what is asked of TLS.
fn url(post: &Smtp, query: &str) -> String {
    format!("smtp = \"smtp://{}{query}\"\n", post.address)
}

/// Commands that a letter or a password would come with.
fn sent(post: &Smtp) -> Vec<String> {
    let lines = post.lines().into_iter();
    lines.filter(|line| !["EHLO", "STARTTLS", "QUIT"].iter().any(|quiet| line.starts_with(quiet))).collect()
}

fn mailer_to(lines: &str) -> sidegate::mail::Mailer {
    sidegate::mail::Mailer::start_at(&super::settings(lines), super::quick()).unwrap()
}

#[test]
fn starttls_is_used_where_it_is_offered_and_the_issuer_is_known() {
    let papers = Papers::new();
    let post = Smtp::with(starttls(&papers, &["127.0.0.1"]));
    assert_eq!(deliver(&mailer(&post, &ca(&papers)), letter(JACK)), Ok(()));
    assert!(post.letter_to(JACK).by_tls);
}

#[test]
fn a_login_goes_through_starttls() {
    let papers = Papers::new();
    let post = Smtp::with(Options { auth: Some(("me", "hunter2")), ..starttls(&papers, &["127.0.0.1"]) });
    let mailer = mailer_to(&format!("{}{LOGIN}{}", url(&post, "?tls=required"), ca(&papers)));
    assert_eq!(deliver(&mailer, letter(JACK)), Ok(()));
    let got = post.letter_to(JACK);
    assert_eq!((got.by_tls, got.user.as_deref()), (true, Some("me")));
}

#[test]
fn a_server_that_knows_only_the_older_way_to_sign_in_is_spoken_to_by_that() {
    let post =
        Smtp::with(Options { auth: Some(("me", "hunter2")), offers: &["AUTH LOGIN"], ..Options::default() });
    assert_eq!(deliver(&mailer(&post, LOGIN), letter(JACK)), Ok(()));
    assert_eq!(post.letter_to(JACK).user.as_deref(), Some("me"));
}

#[test]
fn where_starttls_is_required_and_missing_nothing_is_sent_and_no_password_leaves() {
    let papers = Papers::new();
    let post = Smtp::with(Options { auth: Some(("me", "hunter2")), ..Options::default() });
    let mailer = mailer_to(&format!("{}{LOGIN}{}", url(&post, "?tls=required"), ca(&papers)));
    assert_eq!(deliver(&mailer, letter(JACK)), Err(MailError::NoTls));
    assert_eq!(sent(&post), [""; 0]);
}

#[test]
fn a_certificate_of_an_unknown_issuer_gets_nothing() {
    let (papers, others) = (Papers::new(), Papers::new());
    for query in ["?tls=required", ""] {
        let post = Smtp::with(Options { auth: Some(("me", "hunter2")), ..starttls(&others, &["127.0.0.1"]) });
        let mailer = mailer_to(&format!("{}{LOGIN}{}", url(&post, query), ca(&papers)));
        let error = deliver(&mailer, letter(JACK)).unwrap_err();
        assert!(matches!(error, MailError::Tls(_)) && error.is_temporary(), "{error:?}");
        assert!(error.to_string().contains("`email.ca_file`"), "{error}");
        assert_eq!(sent(&post), [""; 0]);
    }
}

#[test]
fn a_certificate_for_another_name_gets_nothing() {
    let papers = Papers::new();
    let post = Smtp::with(starttls(&papers, &["mail.example.com"]));
    let error = deliver(&mailer(&post, &ca(&papers)), letter(JACK)).unwrap_err();
    assert!(error.to_string().contains("is for `mail.example.com`, not for `127.0.0.1`"), "{error}");
    assert_eq!(sent(&post), [""; 0]);
}

#[test]
fn by_smtps_it_is_tls_from_the_first_byte() {
    let papers = Papers::new();
    let secured = |papers: &Papers| Options {
        certificate: Some(papers.issue(&["127.0.0.1"])),
        implicit_tls: true,
        auth: Some(("me", "hunter2")),
        ..Options::default()
    };
    let post = Smtp::with(secured(&papers));
    assert_eq!(deliver(&mailer(&post, &format!("{LOGIN}{}", ca(&papers))), letter(JACK)), Ok(()));
    let got = post.letter_to(JACK);
    assert_eq!((got.by_tls, got.user.as_deref()), (true, Some("me")));
    let other = Smtp::with(secured(&Papers::new()));
    let error = deliver(&mailer(&other, &format!("{LOGIN}{}", ca(&papers))), letter(JACK)).unwrap_err();
    assert!(matches!(error, MailError::Tls(_)), "{error:?}");
    assert_eq!(other.lines(), [""; 0]);
}

/// RFC 3207 section 6: what came in plain text counts for nothing after STARTTLS.
#[test]
fn words_that_somebody_puts_behind_the_answer_to_starttls_are_not_the_servers() {
    let papers = Papers::new();
    let injected = "\r\n250-test\r\n250 AUTH PLAIN";
    let post = Smtp::with(Options { behind_starttls: injected, ..starttls(&papers, &["127.0.0.1"]) });
    let error = deliver(&mailer(&post, &ca(&papers)), letter(JACK)).unwrap_err();
    assert!(matches!(error, MailError::Tls(_)), "{error:?}");
    assert_eq!(sent(&post), [""; 0]);
}

#[test]
fn a_wrong_password_is_told_without_it_and_is_not_tried_again() {
    let post = Smtp::with(Options { auth: Some(("me", "another")), ..Options::default() });
    let error = deliver(&mailer(&post, LOGIN), letter(JACK)).unwrap_err();
    let MailError::Refused { to: Step::Login, code: 535, .. } = &error else { panic!("{error:?}") };
    assert!(!error.is_temporary() && !format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn a_password_for_a_server_without_a_sign_in_is_a_mistake_that_is_told() {
    let post = Smtp::start();
    assert_eq!(deliver(&mailer(&post, LOGIN), letter(JACK)), Err(MailError::NoLogin));
    assert_eq!(sent(&post), [""; 0]);
}

#[test]
fn a_new_issuers_file_holds_for_the_next_letter() {
    let (papers, others) = (Papers::new(), Papers::new());
    let post = Smtp::with(starttls(&others, &["127.0.0.1"]));
    let mailer = mailer(&post, &ca(&papers));
    assert!(matches!(deliver(&mailer, letter(JACK)), Err(MailError::Tls(_))));
    std::fs::write(papers.path("ca.pem"), others.ca()).unwrap();
    assert_eq!(deliver(&mailer, letter(JACK)), Ok(()));
}
