//! A password from a person at a terminal, asked for twice without echo, or from a program's one line.

use std::io::{self, BufRead, IsTerminal as _};

use dialoguer::Password as Prompt;
use zeroize::Zeroizing;

use crate::types::Password;
use crate::types::password::PasswordFault;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(super) enum PromptError {
    /// Nobody can be asked.
    #[error(
        "there is no terminal to ask for the password at\nhint: give it on standard input, with `--password-stdin`"
    )]
    NoTerminal,
    /// The line has nothing in it.
    #[error("the password on standard input is empty")]
    Empty,
    /// Longer than sign-in would take.
    #[error("the password is longer than {} bytes", Password::MAX)]
    TooLong,
    /// Sign-in is JSON or a form, which could never carry it.
    #[error("the password on standard input is not UTF-8")]
    NotUtf8,
    /// The terminal or the input failed.
    #[error("can't read the password: {0}")]
    Input(#[source] io::Error),
}

/// Asks at the terminal until the same password was typed twice.
pub(super) fn ask(prompt: &str) -> Result<Password, PromptError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(PromptError::NoTerminal);
    }
    leave_no_dumb_terminal().map_err(PromptError::Input)?;
    let asked = Prompt::new()
        .with_prompt(prompt)
        .with_confirmation("the same again", "the two differ; once more")
        .report(false)
        .interact();
    let dialoguer::Error::IO(error) = match asked {
        Ok(typed) => return password(typed.into()),
        Err(error) => error,
    };
    Err(PromptError::Input(error))
}

/// Who gives up at the prompt (Ctrl-C) gets their terminal back with its echo: the signal would end the process before
/// anybody turned it on again.
fn leave_no_dumb_terminal() -> io::Result<()> {
    let as_it_was = rustix::termios::tcgetattr(io::stdin())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut interrupt = {
        let _context = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?
    };
    std::thread::Builder::new().name("prompt".to_owned()).spawn(move || {
        if runtime.block_on(interrupt.recv()).is_some() {
            let now = rustix::termios::OptionalActions::Now;
            let _ = rustix::termios::tcsetattr(io::stdin(), now, &as_it_was);
            give_up();
        }
    })?;
    Ok(())
}

/// As a shell says of a process that SIGINT has ended.
#[expect(clippy::exit, reason = "nothing was begun yet, and the thread that asks can't be woken")]
fn give_up() -> ! {
    std::process::exit(130)
}

/// Reads one line; the line's end is not part of the password, anything else is.
pub(super) fn read_line(input: impl BufRead) -> Result<Password, PromptError> {
    // One byte more than fits with CR LF tells that it is too long, whoever sends without end.
    let most = Password::MAX as u64 + 3;
    let mut line = Zeroizing::new(Vec::with_capacity(Password::MAX + 3));
    input.take(most).read_until(b'\n', &mut line).map_err(PromptError::Input)?;
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    let text = text.strip_suffix(b"\r").filter(|_| line.ends_with(b"\n")).unwrap_or(text);
    if std::str::from_utf8(text).is_err() && text.len() <= Password::MAX {
        return Err(PromptError::NotUtf8);
    }
    password(text.to_vec())
}

fn password(bytes: Vec<u8>) -> Result<Password, PromptError> {
    Password::parse(bytes).map_err(|fault| match fault {
        PasswordFault::Empty => PromptError::Empty,
        PasswordFault::TooLong => PromptError::TooLong,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> Result<Vec<u8>, String> {
        read_line(bytes).map(|password| password.reveal().to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn one_line_is_a_password_less_its_one_line_end() {
        for (bytes, password) in [
            (&b"correct horse\n"[..], &b"correct horse"[..]),
            (b"correct horse", b"correct horse"),
            (b"correct horse\r\n", b"correct horse"),
            (b" spaces \n", b" spaces "),
            (b"one\ntwo\n", b"one"),
            (b"return\r", b"return\r"),
            ("pässword\n".as_bytes(), "pässword".as_bytes()),
        ] {
            assert_eq!(line(bytes).as_deref(), Ok(password));
        }
        for end in [&b""[..], b"\n", b"\r\n"] {
            let longest = [b"x".repeat(Password::MAX).as_slice(), end].concat();
            assert_eq!(line(&longest).map(|password| password.len()), Ok(Password::MAX));
        }
    }

    #[test]
    fn what_is_no_password_is_refused() {
        for empty in [&b""[..], b"\n", b"\r\n", b"\nsecond\n"] {
            assert_eq!(line(empty), Err("the password on standard input is empty".to_owned()));
        }
        assert_eq!(line(b"\xff\n"), Err("the password on standard input is not UTF-8".to_owned()));
        for count in [1025, 1026, 1027, 100_000] {
            let error = Err("the password is longer than 1024 bytes".to_owned());
            assert_eq!(line(&b"x".repeat(count)), error, "{count}");
            assert_eq!(line(&"ü".repeat(count).into_bytes()), error, "{count}");
        }
        let endless = io::BufReader::new(io::repeat(b'x'));
        assert!(matches!(read_line(endless), Err(PromptError::TooLong)));
    }
}
