//! Servers that refuse, that say nothing, that are not there; and the end.

use std::net::TcpListener;
use std::time::Duration;

use sidegate::mail::{MailError, Mailer, Pace, Step};

use super::{deliver, letter, mailer, quick, saying, settings};
use crate::support::Gate;
use crate::support::smtp::{Options, Smtp};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_letter_that_is_refused_for_now_is_tried_again_and_arrives_once() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    post.refuse_next(2, "451 4.7.1 greylisted, try again later");
    mailer.post(letter("jack@example.com"));
    post.letter_to("jack@example.com");
    Gate::wait(mailer.close(LONG));
    post.none_for("jack@example.com");
    assert_eq!(post.lines().iter().filter(|line| line.starts_with("RCPT")).count(), 3);
}

#[test]
fn a_letter_that_is_refused_for_good_is_not_tried_again() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    post.refuse_next(1, "550 5.1.1 no such user");
    mailer.post(letter("jack@example.com"));
    Gate::wait(mailer.close(LONG));
    post.none_for("jack@example.com");
    assert_eq!(post.lines().iter().filter(|line| line.starts_with("RCPT")).count(), 1);
}

#[test]
fn after_the_last_attempt_a_letter_is_given_up() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    post.refuse_next(5, "450 busy");
    mailer.post(letter("jack@example.com"));
    post.has_refused();
    Gate::wait(mailer.close(LONG));
    post.none_for("jack@example.com");
    assert_eq!(post.lines().iter().filter(|line| line.starts_with("RCPT")).count(), 5);
}

#[test]
fn an_operator_hears_at_once_what_the_server_says_and_nothing_of_the_letter() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    post.refuse_next(1, "450 4.2.0 <Jack@example.com>: greylisted");
    let error = deliver(&mailer, letter("Jack@Example.com")).unwrap_err();
    assert_eq!(
        error,
        MailError::Refused {
            to: Step::Letter,
            code: 450,
            text: "4.2.0 <(the address)>: greylisted".to_owned()
        }
    );
    assert_eq!(post.lines().iter().filter(|line| line.starts_with("RCPT")).count(), 1);
    post.refuse_next(1, "554 spam: http://127.0.0.1/auth/reset?token=0123456789abcdef0123456789 is bad; token 0123456789ABCDEF0123456789");
    let text = "http://127.0.0.1/auth/reset?token=0123456789abcdef0123456789\n";
    let error = deliver(&mailer, saying("jack@example.com", "x", text)).unwrap_err();
    assert!(!error.to_string().to_lowercase().contains("0123456789abcdef"), "{error}");
}

#[test]
fn a_servers_words_are_shortened_and_stay_one_line() {
    static WORDS: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("550-a\u{1b}[31m\r\n550 {}", "ä".repeat(300)));
    let post = Smtp::start();
    post.refuse_next(1, &WORDS);
    let MailError::Refused { text, .. } =
        deliver(&mailer(&post, ""), letter("jack@example.com")).unwrap_err()
    else {
        panic!("another error")
    };
    assert!(text.len() <= 200 && text.ends_with('…') && !text.contains(char::is_control), "{text:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time_and_holds_up_no_other_letter() {
    let post = Smtp::with(Options { mute: 1, ..Options::default() });
    let settings = settings(&format!("smtp = \"{}\"", post.url()));
    let pace = Pace { letter: Duration::from_secs(2), ..quick() };
    let mailer = Mailer::start_at(&settings, pace).unwrap();
    mailer.post(letter("first@example.com"));
    post.met(1);
    mailer.post(letter("second@example.com"));
    post.letter_to("second@example.com");
    post.none_for("first@example.com");
    post.letter_to("first@example.com");
}

#[test]
fn a_letter_that_waits_to_be_tried_again_holds_up_no_other() {
    let post = Smtp::start();
    let settings = settings(&format!("smtp = \"{}\"", post.url()));
    let pace = Pace { retries: vec![Duration::from_hours(1)], ..Pace::default() };
    let mailer = Mailer::start_at(&settings, pace).unwrap();
    post.refuse_next(9, "450 busy");
    for number in 0..9 {
        mailer.post(letter(&format!("user{number}@example.com")));
    }
    // Else a refusal could meet the next letter, which would wait then.
    post.has_refused();
    mailer.post(letter("jack@example.com"));
    post.letter_to("jack@example.com");
    // And at the end they are tried at once, for the last time.
    Gate::wait(mailer.close(LONG));
    for number in 0..9 {
        post.letter_to(&format!("user{number}@example.com"));
    }
}

#[test]
fn a_server_that_is_not_there_is_told_and_mail_arrives_when_it_is() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = settings(&format!("smtp = \"smtp://{free}\""));
    let mailer = Mailer::start_at(&settings, quick()).unwrap();
    let error = deliver(&mailer, letter("jack@example.com")).unwrap_err();
    assert!(matches!(&error, MailError::Connection(_)) && error.is_temporary(), "{error:?}");
}

#[test]
fn closing_finishes_what_is_queued_and_takes_no_more() {
    let post = Smtp::start();
    let mailer = mailer(&post, "");
    for number in 0..40 {
        mailer.post(letter(&format!("user{number}@example.com")));
    }
    Gate::wait(mailer.close(LONG));
    for number in 0..40 {
        post.letter_to(&format!("user{number}@example.com"));
    }
    mailer.post(letter("late@example.com"));
    assert_eq!(deliver(&mailer, letter("late@example.com")), Err(MailError::Closed));
    post.none_for("late@example.com");
    Gate::wait(mailer.close(LONG));
}

#[test]
fn closing_takes_no_longer_than_it_may() {
    let post = Smtp::with(Options { mute: usize::MAX, ..Options::default() });
    let mailer = mailer(&post, "");
    mailer.post(letter("jack@example.com"));
    post.met(1);
    let begin = std::time::Instant::now();
    Gate::wait(mailer.close(Duration::from_millis(50)));
    assert!(begin.elapsed() < LONG);
}

#[test]
fn what_waits_is_bounded_and_posting_never_waits() {
    let post = Smtp::with(Options { mute: usize::MAX, ..Options::default() });
    let mailer = mailer(&post, "");
    for number in 0..256 {
        mailer.post(letter(&format!("user{number}@example.com")));
    }
    assert_eq!(deliver(&mailer, letter("jack@example.com")), Err(MailError::Full));
    mailer.post(letter("jack@example.com"));
    Gate::wait(mailer.close(Duration::ZERO));
}
