//! Clients that ask for much, read the beginning, and then take nothing.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::client::{Client, Target};

/// What such a client's socket takes in: the kernel's own memory is to last for thousands.
const LITTLE: usize = 4096;
/// A segment as most networks have it. By those of the loopback (64 KiB) a proxy's socket would be given megabytes.
const SEGMENT: u32 = 1448;
/// How long it may take until all are there: proxies let go who has taken nothing for a minute.
const WHILE: Duration = Duration::from_secs(40);

/// Opens so many at each step, one after the other, and says how many are there; the next step begins with a line of the
/// standard input, and all of them end after the last one. A step ends with the
/// first one that isn't answered in time.
pub(super) async fn hold(target: &Target, steps: [usize; 2]) -> Result<(), Box<dyn Error>> {
    let mut kept = Vec::with_capacity(steps.iter().sum());
    let end = Instant::now() + WHILE;
    for clients in steps {
        for _ in 0..clients {
            match timeout_at(end, begin(target)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => kept.push(stream),
                Err(error) => {
                    writeln!(io::stderr(), "after {} clients: {error}", kept.len())?;
                    break;
                }
            }
        }
        writeln!(io::stdout(), "{}", kept.len())?;
        io::stdin().read_line(&mut String::new())?;
    }
    drop(kept);
    Ok(())
}

/// One of them, once its answer has begun.
async fn begin(target: &Target) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target.address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(LITTLE)?;
    socket.set_tcp_mss(SEGMENT)?;
    socket.set_nonblocking(true)?;
    let stream = tokio::net::TcpSocket::from_std_stream(socket.into()).connect(target.address).await?;
    let mut client = Client::on(stream, target, LITTLE);
    client.ask("GET /slow", "").await?;
    client.head("200").await?;
    Ok(client.stream)
}
