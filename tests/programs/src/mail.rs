//! aiosmtpd, a mail server from PyPI that wants STARTTLS and a sign-in: what the gate's library mails arrives there, as Python's own
//! `email` reads it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use sidegate::config::env::Fixed;
use sidegate::config::{self, Settings};
use sidegate::mail::{Letter, MailError, Mailer, Step};
use sidegate::types::Email;

use crate::process::Process;
use crate::{Row, Tools, ports, process, why};

pub(crate) const NAME: &str = "aiosmtpd";

const SERVER: &str = include_str!("../mail/server.py");

/// Mails something, and says what came of it.
pub(crate) async fn mailed(tools: &Tools) -> Row {
    let (begun, version) = (Instant::now(), process::version_of_package(NAME, tools));
    let tools = tools.clone();
    // In a task of its own: what fails is this row's affair.
    let outcome = tokio::spawn(async move { mails(&tools).await }).await.map_err(why);
    Row { name: NAME, front: None, version, seconds: begun.elapsed().as_secs_f64(), outcome }
}

async fn mails(tools: &Tools) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let made =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it can be written");
    write("server.py", SERVER);
    write("server.pem", &made.cert.pem());
    write("server.key", &made.signing_key.serialize_pem());
    let port = ports::free();
    let mut command = Command::new(tools.venv.join("bin/python"));
    command
        .args(["server.py", &port.to_string(), "server.pem", "server.key", "."])
        .current_dir(folder.path());
    let mut server = Process::start(NAME, &mut command, tools.logs.join("aiosmtpd.log"));
    server.listens(port).await;

    let settings = settings(folder.path(), port, "correct horse");
    let mailer = Mailer::start(settings.email.as_ref().expect("mail is sent")).expect("the mailer starts");
    let text = "Grüße,\n.\nhttps://gate.example.com/auth/verify-email?token=abc\n";
    let letter = Letter {
        to: Email::parse("jack@Bücher.example").expect("an address"),
        subject: "Bestätige deine Adresse".to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(mailer.deliver(letter.clone()).await, Ok(()), "{}", server.said());
    let mail = std::fs::read(folder.path().join("mail.json")).expect("it has arrived");
    let mail: Value = serde_json::from_slice(&mail).expect("JSON");
    let expected = json!({
        "from": "me@example.com", "to": ["jack@xn--bcher-kva.example"], "user": "me@example.com", "by_tls": true,
        "subject": "Bestätige deine Adresse", "text": text, "defects": [],
    });
    assert_eq!(mail, expected);

    let wrong = self::settings(folder.path(), port, "another");
    let wrong = Mailer::start(wrong.email.as_ref().expect("mail is sent")).expect("the mailer starts");
    let refused = wrong.deliver(letter).await;
    assert!(matches!(refused, Err(MailError::Refused { to: Step::Login, code: 535, .. })), "{refused:?}");
    vec!["a letter by STARTTLS with a sign-in, in signs beyond ASCII; a wrong password refused".to_owned()]
}

fn settings(folder: &Path, port: u16, password: &str) -> Settings {
    let text = format!(
        "upstream.url = \"http://127.0.0.1:9\"\n[email]\nsmtp = \"smtp://127.0.0.1:{port}?tls=required\"\n\
         from = \"me@example.com\"\npassword = \"{password}\"\nca_file = \"{}\"\n",
        folder.join("server.pem").display()
    );
    config::from_toml(&text, &Fixed::default()).unwrap_or_else(|findings| panic!("{findings:?}")).settings
}
