//! What the log says of mail, and what it never says.

use std::io::{self, BufRead as _, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{Letter, Mailer, PLACES, Pace};
use crate::config::settings::{Mail, MailSecurity};
use crate::types::{Email, Secret};

const TOKEN: &str = "0123456789abcdefghijklmnopqrstuv";

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server that says this to each connection's recipient, one after the other.
fn server(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            drop(talk(&stream, answer));
        }
    });
    address
}

fn talk(mut stream: &TcpStream, answer: &str) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    stream.write_all(b"220 test\r\n")?;
    let mut in_data = false;
    while let Some(line) = lines.next().transpose()? {
        let reply = match line.get(..4) {
            _ if in_data && line != "." => continue,
            Some("RCPT") => answer,
            Some("DATA") => "354 go",
            Some("AUTH") => "235 welcome",
            Some("EHLO") => "250-test\r\n250 AUTH PLAIN",
            _ => "250 ok",
        };
        in_data = reply.starts_with("354");
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}

fn settings(server: SocketAddr) -> Mail {
    Mail {
        host: server.ip().to_string(),
        port: server.port(),
        security: MailSecurity::Plain,
        ca_file: None,
        from: Email::parse("auth@example.com").unwrap(),
        username: "me".to_owned(),
        password: Secret::new("hunter2".to_owned()),
    }
}

/// All that the log says at any level while this is done with a mailer, until no letter is left.
fn logged(server: SocketAddr, act: impl FnOnce(&Mailer)) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::registry()
        .with(layer().without_time().with_target(false).with_ansi(false).with_writer(move || writer.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let pace = Pace { retries: vec![Duration::from_millis(1)], ..Pace::default() };
        let (mailer, work) = Mailer::open(&settings(server), pace).unwrap();
        act(&mailer);
        let end = async {
            drop(mailer.0.places.acquire_many(u32::try_from(PLACES).unwrap()).await);
            mailer.close(Duration::ZERO).await;
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::join!(work, end) });
    });
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    for secret in [TOKEN, "hunter2", "jack@", "Jack@", "aHVudGVyM"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    text
}

fn letter() -> Letter {
    Letter {
        to: Email::parse("Jack@example.com").unwrap(),
        subject: "Choose a new\npassword".to_owned(),
        text: format!("Hello\nhttps://gate.example.com/auth/reset?token={TOKEN}\n"),
    }
}

#[test]
fn a_letter_that_is_tried_again_is_a_warning_and_one_that_is_given_up_an_error() {
    let address = server(&["451 4.7.1 <jack@example.com> is greylisted", "452 4.2.2 full"]);
    let text = logged(address, |mailer| assert!(mailer.post(letter())));
    assert_eq!(
        text,
        format!(
            " WARN the mail \"Choose a new password\" is tried again in 1ms, mail server `{address}`: to the letter it says 451 \
             4.7.1 <(the address)> is greylisted\n\
             ERROR the mail \"Choose a new password\" is not sent, mail server `{address}`: to the letter it says 452 4.2.2 full\n"
        )
    );
}

#[test]
fn the_first_success_after_failures_is_told_once() {
    let address = server(&["451 later", "250 ok", "250 ok"]);
    let text = logged(address, |mailer| {
        mailer.post(letter());
        mailer.post(letter());
    });
    assert!(text.contains(&format!(" INFO the mail server `{address}` takes mail again\n")), "{text}");
    assert_eq!(text.matches("INFO").count(), 1, "{text}");
}

#[test]
fn what_a_server_repeats_of_a_letter_is_not_told() {
    let address = server(&[
        "550 no JACK@EXAMPLE.COM here, and https://gate.example.com/auth/reset?token=0123456789abcdefghijklmnopqrstuv is spam; \
         you are AG1lAGh1bnRlcjI= or hunter2",
    ]);
    let text = logged(address, |mailer| assert!(mailer.post(letter())));
    assert!(
        text.ends_with(
            "says 550 no (the address) here, and (a link) is spam; you are (the password) or (the password)\n"
        ),
        "{text}"
    );
}

#[test]
fn what_finds_no_place_is_an_error() {
    let address = server(&[]);
    let text = logged(address, |mailer| {
        let all = mailer.0.places.try_acquire_many(u32::try_from(PLACES).unwrap()).unwrap();
        mailer.post(letter());
        drop(all);
    });
    let server = format!("mail server `{address}`");
    assert_eq!(
        text,
        format!(
            "ERROR the mail \"Choose a new password\" is dropped, {server}: too many letters wait to be sent\n"
        )
    );
}

#[test]
fn what_is_left_at_the_end_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::registry().with(layer().with_writer(move || writer.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let address = listener.local_addr().unwrap();
        let (mailer, work) = Mailer::open(&settings(address), Pace::default()).unwrap();
        mailer.post(letter());
        mailer.post(letter());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::join!(work, mailer.close(Duration::from_millis(20))) });
    });
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("2 letters are not sent").count(), 1, "{text}");
}
