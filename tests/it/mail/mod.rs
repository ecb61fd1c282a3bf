//! Mail to a real server over a socket: what arrives ([`letters`]), by what it is secured ([`secured`]), and what becomes of it when
//! the server doesn't take it ([`failing`]).

mod failing;
mod letters;
mod secured;

use std::time::Duration;

use sidegate::config::settings::Mail;
use sidegate::mail::{Letter, MailError, Mailer, Pace};
use sidegate::types::Email;

use crate::support::smtp::Smtp;
use crate::support::{self, Gate};

/// What `[email]` says, one `key = value` a line; `from` is given.
fn settings(lines: &str) -> Mail {
    let lines: Vec<_> = lines.lines().map(|line| format!("email.{}", line.trim())).collect();
    let folder = tempfile::tempdir().unwrap();
    let text = format!("email.from = \"auth@example.com\"\n{}", lines.join("\n"));
    support::settings(&text, &folder, "http://127.0.0.1:9").email.unwrap()
}

/// A mailer to this server, with further settings, that tries again at once.
fn mailer(server: &Smtp, lines: &str) -> Mailer {
    let settings = settings(&format!("smtp = \"{}\"\n{lines}", server.url()));
    Mailer::start_at(&settings, quick()).unwrap()
}

/// Nothing is waited for: who has to be told of a failure is told soon.
fn quick() -> Pace {
    Pace { retries: vec![Duration::from_millis(20); 4], ..Pace::default() }
}

fn letter(to: &str) -> Letter {
    saying(to, "Prove your address", "Hello\nhttp://127.0.0.1/auth/verify-email?token=abc\n")
}

fn saying(to: &str, subject: &str, text: &str) -> Letter {
    Letter { to: Email::parse(to).unwrap(), subject: subject.to_owned(), text: text.to_owned() }
}

fn deliver(mailer: &Mailer, letter: Letter) -> Result<(), MailError> {
    Gate::wait(mailer.deliver(letter))
}
