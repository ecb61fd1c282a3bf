//! Why a letter was not sent, and what of a server's words may be shown: nothing of the letter, the address or the password.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Letter;
use crate::config::settings::Mail;

/// Why a letter was not sent. The texts are for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// As many letters wait as may.
    #[error("too many letters wait to be sent")]
    Full,
    /// The gate is stopping.
    #[error("no more mail is sent, the gate is stopping")]
    Closed,
    /// It can't be written.
    #[error("{0}")]
    Unsendable(String),
    /// The server can't be reached, or the connection broke.
    #[error("no connection to it: {0}")]
    Connection(String),
    /// It took too long.
    #[error("it took longer than {0} s")]
    Slow(u64),
    /// TLS failed, mostly over the certificate.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// TLS is required, and the server doesn't offer it.
    #[error("it doesn't offer STARTTLS, without which nothing is sent to it")]
    NoTls,
    /// Nobody can sign in there, or not in a way that is known.
    #[error("it offers neither PLAIN nor LOGIN to sign in by")]
    NoLogin,
    /// An address that this server can't take.
    #[error("an address of this letter is not ASCII before its `@`, and it doesn't offer SMTPUTF8")]
    NoUtf8,
    /// What it says is no SMTP.
    #[error("its answer can't be understood: {0}")]
    Strange(String),
    /// It says no.
    #[error("to {to} it says {code} {text}")]
    Refused {
        /// What it said it to.
        to: Step,
        /// Its code; 4xx: later perhaps.
        code: u16,
        /// Its words, shortened and without anything of the letter.
        text: String,
    },
}

/// How far it came with a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The greeting.
    Greeting,
    /// Going over to TLS.
    StartTls,
    /// The username and the password.
    Login,
    /// The letter.
    Letter,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "our greeting",
            Self::StartTls => "STARTTLS",
            Self::Login => "username and password",
            Self::Letter => "the letter",
        })
    }
}

impl MailError {
    /// Whether it may go better later.
    pub fn is_temporary(&self) -> bool {
        match self {
            // Servers that have enough for now say 554 before anything else, as those do that never take mail.
            Self::Refused { to: Step::Greeting, .. }
            | Self::Connection(_)
            | Self::Slow(_)
            | Self::Tls(_)
            | Self::NoTls
            | Self::Strange(_) => true,
            Self::Refused { code, .. } => (400..500).contains(code),
            Self::Full | Self::Closed | Self::Unsendable(_) | Self::NoLogin | Self::NoUtf8 => false,
        }
    }

    /// Whether it is about the server and not about this letter: the next one will most likely fail, too.
    pub(super) fn is_about_the_server(&self) -> bool {
        matches!(
            self,
            Self::NoLogin | Self::Refused { to: Step::Greeting | Step::StartTls | Step::Login, .. }
        ) || self.is_temporary()
    }

    /// What to do about it; empty: what the server says is all that is known.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Connection(_) | Self::Slow(_) => "; see `email.smtp`",
            Self::NoTls => {
                "; write `smtps://` in `email.smtp` if it speaks TLS from the start, or see who is between it and this machine"
            }
            Self::NoLogin => "; see `email.smtp` and `email.username`",
            Self::Refused { to: Step::Login, .. } => "; see `email.username` and `email.password`",
            _ => "",
        }
    }
}

/// The longest that is shown of a server's words.
const LONGEST: usize = 200;

/// The shortest part of a link that is taken for its secret: what a path is called is shorter.
const SECRET: usize = 20;

/// A server's words without what it may have repeated: the address, the letter's links, username and password as AUTH sends
/// them. One line of 200 bytes.
pub(super) fn shown(words: &str, letter: &Letter, mail: &Mail) -> String {
    let mut text: String = words.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    for (secret, stand_in) in secrets(letter, mail) {
        text = without(&text, &secret, stand_in);
    }
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST - '…'.len_utf8()));
        text.push('…');
    }
    text
}

fn secrets(letter: &Letter, mail: &Mail) -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    for word in letter.text.split_whitespace().filter(|word| word.contains("://")) {
        all.push((word.to_owned(), "(a link)"));
        let parts = word.split(['/', '?', '&', '=', '#']).filter(|part| part.len() >= SECRET);
        all.extend(parts.map(|part| (part.to_owned(), "(of a link)")));
    }
    let password = mail.password.reveal();
    if !password.is_empty() {
        let login = format!("\0{}\0{password}", mail.username);
        all.push((BASE64_STANDARD.encode(login), "(the password)"));
        all.push((BASE64_STANDARD.encode(password), "(the password)"));
        all.push((password.clone(), "(the password)"));
    }
    let ascii =
        letter.to.as_str().rsplit_once('@').map(|(local, _)| format!("{local}@{}", letter.to.key().domain()));
    let forms = [Some(letter.to.as_str().to_owned()), Some(letter.to.key().as_str().to_owned()), ascii];
    all.extend(forms.into_iter().flatten().map(|form| (form, "(the address)")));
    all
}

/// Every place of `secret` replaced, in whatever case.
fn without(text: &str, secret: &str, stand_in: &str) -> String {
    // ASCII alone is folded: places stay the same.
    let (folded, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for (place, _) in folded.match_indices(&secret) {
        out.push_str(&text[from..place]);
        out.push_str(stand_in);
        from = place + secret.len();
    }
    out + &text[from..]
}
