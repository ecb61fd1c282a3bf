//! A raw connection: bytes out, answers in, with nothing mended on the way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection};

use super::{Cookies, PASSWORD, PATIENCE};

/// A client's connection.
pub(crate) struct Raw {
    stream: TcpStream,
    tls: Option<ClientConnection>,
    buffer: Vec<u8>,
}

/// An answer as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The trailer section's lines.
    pub(crate) trailers: Vec<(String, String)>,
}

impl Raw {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// One into which little fits at once: whoever writes to it has to wait for it.
    pub(crate) fn narrow(address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, tls: None, buffer: Vec::new() }
    }

    /// Goes on by TLS with a gate that is called `name`; what is wrong with that is found when something is said.
    pub(crate) fn by_tls(self, config: Arc<ClientConfig>, name: &str) -> Self {
        let tls = ClientConnection::new(config, name.to_owned().try_into().unwrap()).unwrap();
        Self { tls: Some(tls), ..self }
    }

    /// Shakes hands, if that works.
    pub(crate) fn shake_hands(&mut self) -> std::io::Result<&ClientConnection> {
        let tls = self.tls.as_mut().unwrap();
        tls.complete_io(&mut self.stream)?;
        Ok(tls)
    }

    /// Says that nothing more will be said.
    pub(crate) fn end(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            tls.complete_io(&mut self.stream).unwrap();
        }
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).unwrap();
    }

    /// Writes, where the other side may have had enough already.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.stream).write_all(bytes.as_ref()),
            None => self.stream.write_all(bytes.as_ref()),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The next answer to a request that is not HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// Signs somebody up and in; gives the `Cookie` header's line.
    pub(crate) fn signed_in(&mut self) -> String {
        let body = format!(r#"{{"email":"a@b.c","username":"a","password":"{PASSWORD}"}}"#);
        let [_, signed_in] = ["signup", "signin"].map(|path| {
            self.write(format!(
                "POST /auth/{path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
            let answer = self.answer();
            assert_eq!(answer.status, 200, "{answer:?}");
            answer
        });
        format!("Cookie: {}\r\n", signed_in.cookies().header())
    }

    /// The next answer, unless the connection is closed.
    pub(crate) fn next_answer(&mut self) -> Option<Answer> {
        while self.buffer.is_empty() {
            if !matches!(self.try_fill(), Ok(1..)) {
                return None;
            }
        }
        Some(self.answer())
    }

    /// The next final answer; informational ones are skipped.
    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        loop {
            let mut answer = self.head();
            if answer.status == 101 {
                return answer;
            }
            if (100..200).contains(&answer.status) {
                continue;
            }
            let empty = method == "HEAD" || answer.status == 204 || answer.status == 304;
            if !empty {
                self.body(&mut answer);
            }
            return answer;
        }
    }

    /// The next head alone.
    pub(crate) fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            let got = self.fill();
            assert!(
                got > 0,
                "the connection closed before a head: {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(':')).map(pair).collect();
        Answer { status, head, headers, body: Vec::new(), trailers: Vec::new() }
    }

    fn body(&mut self, answer: &mut Answer) {
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = self.line();
                let size = usize::from_str_radix(line.trim(), 16).unwrap();
                if size == 0 {
                    break;
                }
                let mut chunk = self.exactly(size + 2);
                chunk.truncate(size);
                answer.body.extend(chunk);
            }
            loop {
                let line = self.line();
                match line.trim().split_once(':') {
                    Some(trailer) => answer.trailers.push(pair(trailer)),
                    None => break,
                }
            }
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            answer.body = self.exactly(length);
        } else {
            while self.fill() > 0 {}
            answer.body = std::mem::take(&mut self.buffer);
        }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return String::from_utf8_lossy(&line).into_owned();
            }
            assert!(self.fill() > 0, "the connection closed in a line");
        }
    }

    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill() > 0, "the connection closed after {} of {count} bytes", self.buffer.len());
        }
        self.buffer.drain(..count).collect()
    }

    /// Takes `count` bytes; true: the other side has closed before.
    pub(crate) fn closed_before(&mut self, count: usize) -> bool {
        while self.buffer.len() < count {
            if !matches!(self.try_fill(), Ok(1..)) {
                return true;
            }
        }
        self.buffer.drain(..count);
        false
    }

    /// Everything until the other side closes, an abrupt end included.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while matches!(self.try_fill(), Ok(1..)) {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether the other side has closed, once it has sent what it wanted to.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.rest();
        matches!(self.try_fill(), Ok(0))
            || self.try_fill().is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
    }

    /// Whether the other side breaks the connection off, rather than closing it in order.
    pub(crate) fn is_reset(&mut self) -> bool {
        loop {
            match self.try_fill() {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }

    /// Reads to the end; whether that was one in order: by TLS, one that was said.
    pub(crate) fn end_of(&mut self) -> Result<(), std::io::ErrorKind> {
        loop {
            match self.try_fill() {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error.kind()),
            }
        }
    }

    fn fill(&mut self) -> usize {
        self.try_fill().unwrap()
    }

    fn try_fill(&mut self) -> std::io::Result<usize> {
        let mut bytes = [0; 16 * 1024];
        let got = loop {
            let read = match &mut self.tls {
                Some(tls) => rustls::Stream::new(tls, &mut self.stream).read(&mut bytes),
                None => self.stream.read(&mut bytes),
            };
            match read {
                // Whoever stops these tests for a moment and lets them go on interrupts reads that have a time limit.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffer.extend_from_slice(&bytes[..got]);
        Ok(got)
    }
}

impl Answer {
    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} more than once: {}", self.head);
        values.first().copied()
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The value that a `Set-Cookie` gives a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let mut found = self.all("set-cookie").into_iter().filter_map(|cookie| {
            let (key, value) = cookie.split(';').next()?.split_once('=')?;
            (key == name).then(|| value.to_owned())
        });
        let first = found.next();
        assert!(found.next().is_none(), "{name} is set twice: {}", self.head);
        first
    }

    pub(crate) fn cookies(&self) -> Cookies {
        Cookies {
            access: self.cookie("access_token").unwrap(),
            refresh: self.cookie("refresh_token").unwrap(),
        }
    }

    /// A problem document's `detail`.
    pub(crate) fn detail(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

fn pair((name, value): (&str, &str)) -> (String, String) {
    (name.trim().to_owned(), value.trim().to_owned())
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
