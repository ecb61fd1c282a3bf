//! The upstream of both proxies: answers every request without a body with 1 KiB, as cheaply as it can.

use std::error::Error;
use std::io::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The only part of a request that it reads.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// It says where it listens.
fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(answer(stream));
        }
    })
}

/// Answers until the proxy closes.
async fn answer(mut stream: TcpStream) {
    let body = "x".repeat(1024);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\ncontent-type: text/plain; charset=utf-8\r\n\
         cache-control: private\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut head = Vec::with_capacity(8 * 1024);
    // A proxy waits for an answer before it sends the next request: a head's end is the end of what was read.
    while let Ok(1..) = stream.read_buf(&mut head).await {
        if head.ends_with(END_OF_HEAD) {
            head.clear();
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
