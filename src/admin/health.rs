//! The asking side of `/readyz`, for who has neither a shell nor curl.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Docker's own default is 30 s for the whole check; a gate that is well answers within a millisecond.
const PATIENCE: Duration = Duration::from_secs(3);
/// The answer is a line; more than this is not the gate's.
const MOST: usize = 64 * 1024;

/// Why a gate is not known to be ready. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Nothing answers.
    #[error("no gate answers at `{address}`: {cause}\nhint: is it running, with this `admin.listen`?")]
    Silent {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// It says that it is not.
    #[error("the gate at `{address}` is not ready: {why}")]
    Unready {
        /// Where.
        address: SocketAddr,
        /// What it said.
        why: String,
    },
    /// What answers is something else.
    #[error("what answers at `{0}` is not the gate\nhint: is this `admin.listen` the running gate's?")]
    Stranger(SocketAddr),
}

/// Asks the gate that listens on `listen` whether it is ready.
pub fn ask(listen: SocketAddr) -> Result<(), NotReady> {
    let address = reachable(listen);
    let answer = exchange(address).map_err(|cause| NotReady::Silent { address, cause })?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    match (status, body.trim()) {
        (Some("200"), "ready") => Ok(()),
        (Some("503"), why @ ("starting" | "stopping")) => {
            Err(NotReady::Unready { address, why: why.to_owned() })
        }
        _ => Err(NotReady::Stranger(address)),
    }
}

/// A gate that listens on all addresses is asked at this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn exchange(address: SocketAddr) -> io::Result<Vec<u8>> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(
        format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while answer.len() < MOST {
        let left = PATIENCE.checked_sub(begun.elapsed()).filter(|left| !left.is_zero());
        stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(got) => answer.extend_from_slice(&piece[..got]),
            // What has come by then is judged; nothing has the name of what happened (EAGAIN is no help to anybody).
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && answer.is_empty() => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_on_all_addresses_is_asked_at_loopback() {
        for (listen, asked) in
            [("0.0.0.0:9900", "127.0.0.1:9900"), ("[::]:9900", "[::1]:9900"), ("192.0.2.1:1", "192.0.2.1:1")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
