//! One client's conversation with the tests' mail server.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::{ServerConnection, StreamOwned};

use super::super::PATIENCE;
use super::{Options, Received, Shared};

enum Line {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// One conversation.
pub(super) struct Talk<'a> {
    shared: &'a Shared,
    line: Line,
    user: Option<String>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(shared: &'a Shared, stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut talk = Self { shared, line: Line::Plain(stream), user: None };
        if shared.options.implicit_tls {
            talk.secure()?;
        }
        Ok(talk)
    }

    fn secure(&mut self) -> io::Result<()> {
        if let Line::Plain(stream) = &self.line {
            let config = self.shared.tls.clone().expect("a certificate is given");
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            self.line = Line::Tls(Box::new(StreamOwned::new(connection, stream.try_clone()?)));
        }
        Ok(())
    }

    /// A line without its CRLF; a CR or LF alone ends none.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\r\n") {
            match &mut self.line {
                Line::Plain(stream) => stream.read_exact(&mut byte)?,
                Line::Tls(stream) => stream.read_exact(&mut byte)?,
            }
            line.push(byte[0]);
        }
        line.truncate(line.len() - 2);
        Ok(line)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        let text = format!("{text}\r\n");
        match &mut self.line {
            Line::Plain(stream) => stream.write_all(text.as_bytes()),
            Line::Tls(stream) => stream.write_all(text.as_bytes()).and_then(|()| stream.flush()),
        }
    }

    fn hears(&mut self) -> io::Result<String> {
        let line = String::from_utf8_lossy(&self.read()?).into_owned();
        self.shared.state.lock().unwrap().lines.push(line.clone());
        Ok(line)
    }

    pub(super) fn run(mut self) -> io::Result<()> {
        let Options { starttls, auth, offers, behind_starttls, mute, .. } = self.shared.options;
        let number = {
            let mut state = self.shared.state.lock().unwrap();
            state.connections += 1;
            state.connections
        };
        self.shared.changed.notify_all();
        if number <= mute {
            return self.read().map(drop);
        }
        self.say("220 test ESMTP")?;
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = self.hears()?;
            let upper = line.to_ascii_uppercase();
            let secured = matches!(self.line, Line::Tls(_));
            if upper.starts_with("EHLO") {
                let mut all = vec!["test", "8BITMIME"];
                all.extend(offers);
                all.extend((starttls && !secured).then_some("STARTTLS"));
                let own = offers.iter().any(|line| line.starts_with("AUTH"));
                all.extend(auth.filter(|_| !own).map(|_| "AUTH PLAIN LOGIN"));
                let (last, first) = all.split_last().unwrap();
                for line in first {
                    self.say(&format!("250-{line}"))?;
                }
                self.say(&format!("250 {last}"))?;
            } else if upper == "STARTTLS" && starttls {
                self.say(&format!("220 go ahead{behind_starttls}"))?;
                self.secure()?;
            } else if let Some(way) = upper.strip_prefix("AUTH ") {
                let given = if way.starts_with("PLAIN") { plain(&line)? } else { self.login()? };
                if auth.is_some_and(|(user, password)| (user, password) == (&given.0, &given.1)) {
                    self.user = Some(given.0);
                    self.say("235 welcome")?;
                } else {
                    self.say("535 5.7.8 no such user or password")?;
                }
            } else if upper.starts_with("MAIL FROM:") {
                (from, to) = (address(&line), Vec::new());
                let may = auth.is_none() || self.user.is_some();
                self.say(if may { "250 ok" } else { "530 5.7.0 sign in first" })?;
            } else if upper.starts_with("RCPT TO:") {
                let refusal = {
                    let mut state = self.shared.state.lock().unwrap();
                    (!state.refusals.is_empty()).then(|| state.refusals.remove(0))
                };
                self.shared.changed.notify_all();
                if refusal.is_none() {
                    to.push(address(&line));
                }
                self.say(refusal.unwrap_or("250 ok"))?;
            } else if upper == "DATA" {
                self.say("354 go ahead")?;
                let data = self.data()?;
                let (from, to, user) = (from.clone(), to.clone(), self.user.clone());
                let letter = Received { from, to, data, user, by_tls: secured };
                self.shared.state.lock().unwrap().letters.push(letter);
                self.shared.changed.notify_all();
                self.say("250 taken")?;
            } else if upper == "QUIT" {
                return self.say("221 bye");
            } else {
                self.say("502 what?")?;
            }
        }
    }

    fn login(&mut self) -> io::Result<(String, String)> {
        self.say(&format!("334 {}", BASE64_STANDARD.encode("Username:")))?;
        let user = decode(&self.hears()?)?;
        self.say(&format!("334 {}", BASE64_STANDARD.encode("Password:")))?;
        Ok((user, decode(&self.hears()?)?))
    }

    /// A letter's bytes, a line's first dot taken away again (RFC 5321 section 4.5.2).
    fn data(&mut self) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        loop {
            let line = self.read()?;
            match line.strip_prefix(b".") {
                Some(b"") => return Ok(data),
                Some(rest) => data.extend(rest),
                None => data.extend(&line),
            }
            data.extend(b"\r\n");
        }
    }
}

/// RFC 4616: who one acts for, who one is, the password.
fn plain(line: &str) -> io::Result<(String, String)> {
    let text = decode(line.split(' ').nth(2).unwrap_or_default())?;
    let mut parts = text.split('\0').skip(1).map(str::to_owned);
    Ok((parts.next().unwrap_or_default(), parts.next().unwrap_or_default()))
}

fn address(line: &str) -> String {
    let (begin, end) = (line.find('<').unwrap_or(0), line.rfind('>').unwrap_or(line.len()));
    line[begin + 1..end].to_owned()
}

fn decode(text: &str) -> io::Result<String> {
    let bytes = BASE64_STANDARD.decode(text.trim()).map_err(io::Error::other)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
