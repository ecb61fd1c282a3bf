//! One client's connection: a request head out, an answer's head in.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Whom to ask, and as whom.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    cookie: String,
}

impl Target {
    pub(super) fn new(address: &str, cookie: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self { address: address.parse()?, cookie: cookie.to_owned() })
    }

    pub(super) async fn connect(&self) -> io::Result<Client> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Client::on(stream, self, 16 * 1024))
    }
}

/// A connection.
pub(super) struct Client {
    /// Where it goes.
    pub(super) stream: TcpStream,
    /// What was read and not used.
    pub(super) read: Vec<u8>,
    target: Target,
}

impl Client {
    /// On a connection that is there; it reads so much at once at first.
    pub(super) fn on(stream: TcpStream, target: &Target, room: usize) -> Self {
        Self { stream, read: Vec::with_capacity(room), target: target.clone() }
    }

    /// Sends a head. `more`: headers, each with its line's end.
    pub(super) async fn ask(&mut self, line: &str, more: &str) -> io::Result<()> {
        let Target { address, cookie } = &self.target;
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: load\r\nAccept: */*\r\n\
             Cookie: theme=dark; {cookie}; lang=en\r\n{more}\r\n"
        );
        self.stream.write_all(head.as_bytes()).await
    }

    /// Reads a head, which must have this status. Gives it in lower case; what follows stays in `read`.
    pub(super) async fn head(&mut self, status: &str) -> io::Result<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                let head = std::mem::replace(&mut self.read, rest);
                let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
                if head.split(' ').nth(1) == Some(status) {
                    return Ok(head);
                }
                return Err(io::Error::other(format!("not a {status}: {head}")));
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads a body of the length that the head says, into nowhere.
    pub(super) async fn body(&mut self, head: &str) -> io::Result<()> {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let mut left = length.saturating_sub(self.read.len());
        self.read.clear();
        self.read.reserve(256 * 1024);
        while left > 0 {
            let read = self.stream.read_buf(&mut self.read).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left = left.saturating_sub(read);
            self.read.clear();
        }
        Ok(())
    }
}
