//! The upstream of all proxies, and the authority that some of them ask: answers as cheaply as it can. What it costs is
//! nobody's measure.

use std::error::Error;
use std::io::{self, Write as _};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

mod large;
mod live;

/// What an ordinary request is answered with.
const PLAIN: usize = 1024;

/// It says where it listens.
fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // How a connection ends shows in the load generator's count.
            tokio::spawn(async move { _ = answer(stream).await });
        }
    })
}

/// Answers until the proxy closes.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let plain = plain();
    let mut read = Vec::with_capacity(8 * 1024);
    while stream.read_buf(&mut read).await? > 0 {
        // A proxy waits for an answer before it sends the next request: where a head's end is the end of what was read,
        // there is no more of it.
        if read.starts_with(b"GET /api/") {
            if read.ends_with(END_OF_HEAD) {
                read.clear();
                stream.write_all(&plain).await?;
            }
        } else if let Some(end) = end_of_head(&read) {
            let rest = read.split_off(end);
            let head = String::from_utf8_lossy(&read).into_owned();
            match head.split([' ', '?']).take(2).collect::<Vec<_>>()[..] {
                ["GET", "/verify"] => stream.write_all(verdict(&head)).await?,
                ["GET", "/large"] => large::send(&mut stream).await?,
                ["GET", "/slow"] => large::send_slowly(&mut stream).await?,
                ["POST", "/large"] => large::take(&mut stream, &head, rest.len()).await?,
                ["GET", "/events"] => return live::events(stream).await,
                ["GET", "/socket"] => return live::echo(stream, &rest).await,
                _ => stream.write_all(&plain).await?,
            }
            read.clear();
        }
    }
    Ok(())
}

/// How a head ends.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Where the head ends that begins here, once it is there.
fn end_of_head(read: &[u8]) -> Option<usize> {
    read.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD).map(|at| at + END_OF_HEAD.len())
}

fn plain() -> Vec<u8> {
    let body = "x".repeat(PLAIN);
    format!(
        "HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\ncontent-type: text/plain; charset=utf-8\r\n\
         cache-control: private\r\ncontent-length: {PLAIN}\r\n\r\n{body}",
    )
    .into_bytes()
}

/// What nginx's `auth_request` and Caddy's `forward_auth` are told. That the cookie is there has to be enough: what an
/// authority costs is not what is measured.
fn verdict(head: &str) -> &'static [u8] {
    if head.contains("access_token=") {
        b"HTTP/1.1 200 OK\r\nx-user-id: 1\r\ncontent-length: 0\r\n\r\n"
    } else {
        b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
    }
}
