//! The PROXY protocol, versions 1 and 2: before anything else, a load balancer tells whom it passes on. The one place that
//! reads it; nothing that is odd is guessed at.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::peer::{Peers, SocketPeer};

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The shortest header of version 1, `PROXY UNKNOWN` and its line's end: so much is there of either version.
const SHORTEST: usize = 15;

/// The longest header of version 1, by its own words.
const LONGEST_LINE: usize = 107;

/// How long version 2's addresses and what is said besides may be. Balancers that tell all they know of a TLS client need
/// some hundred bytes.
const LONGEST: usize = 4096;

/// Reads the header that `proxy` begins with, and not a byte more; gives whose connection it is.
pub(super) async fn announced<S>(stream: &mut S, proxy: SocketPeer, peers: &Peers) -> io::Result<SocketPeer>
where
    S: AsyncRead + Unpin,
{
    let told = header(stream).await.inspect_err(|error| {
        // Who connects and leaves only looks whether the gate is there.
        if error.kind() == io::ErrorKind::InvalidData {
            peers.warn_of_unannounced(proxy);
        }
    })?;
    Ok(match told {
        Told::Client(address) => SocketPeer::at(address),
        Told::Itself => proxy,
        Told::Somebody => proxy.unknown(),
    })
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Whom the proxy passes on.
    Client(IpAddr),
    /// It speaks for itself, to look whether the gate is there.
    Itself,
    /// It can't say for whom it speaks.
    Somebody,
}

async fn header<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Told> {
    let mut begun = [0; SHORTEST + 1];
    stream.read_exact(&mut begun[..SHORTEST]).await?;
    if begun.starts_with(&SIGNATURE) {
        stream.read_exact(&mut begun[SHORTEST..]).await?;
        let length = usize::from(u16::from_be_bytes([begun[14], begun[15]]));
        if length > LONGEST {
            return Err(odd());
        }
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await?;
        return version_2(begun[12], begun[13], &rest).ok_or_else(odd);
    }
    let mut line = begun[..SHORTEST].to_vec();
    if !line.starts_with(b"PROXY ") {
        return Err(odd());
    }
    // Byte by byte: what comes behind the line is somebody else's to read.
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_LINE {
            return Err(odd());
        }
        line.push(stream.read_u8().await?);
    }
    version_1(&line).ok_or_else(odd)
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it did not begin with a PROXY header")
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`; `None`: it is malformed.
fn version_1(line: &[u8]) -> Option<Told> {
    let line = std::str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?;
    if line.chars().any(char::is_control) {
        return None;
    }
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        // What is said besides is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Some(Told::Somebody),
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, ports @ ..] => {
            let [from, to] = ports else { return None };
            let is_port = |text: &&str| text.parse::<u16>().is_ok_and(|port| port.to_string() == **text);
            let v4 = *family == "TCP4";
            let address = |text: &str| text.parse::<IpAddr>().ok().filter(|address| address.is_ipv4() == v4);
            address(destination)?;
            (is_port(from) && is_port(to)).then_some(())?;
            address(source).map(Told::Client)
        }
        _ => None,
    }
}

/// The command, the kind of addresses, and these; `None`: it is malformed.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Option<Told> {
    match command {
        // LOCAL: a check of the proxy's own, whatever addresses it may give.
        0x20 => return Some(Told::Itself),
        0x21 => {}
        _ => return None,
    }
    // Source, destination, two ports; what follows is extensions.
    match family {
        // Unspecified: not told.
        0x00 => Some(Told::Somebody),
        0x11 => rest.get(..12)?.first_chunk::<4>().map(|bytes| Told::Client(Ipv4Addr::from(*bytes).into())),
        0x21 => rest.get(..36)?.first_chunk::<16>().map(|bytes| Told::Client(Ipv6Addr::from(*bytes).into())),
        // A Unix socket's paths, which are no address.
        0x31 => rest.get(..216).map(|_| Told::Somebody),
        // Datagrams don't come by a stream.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Told> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut rest = bytes;
        let read = runtime.block_on(header(&mut rest)).ok();
        assert!(read.is_none() || rest == b"rest", "{bytes:?}");
        read
    }

    #[test]
    fn a_line_tells_an_address_or_that_there_is_none_and_nothing_behind_it_is_taken() {
        let told = |text: &str| read(format!("{text}\r\nrest").as_bytes());
        let at = |address: &str| Some(Told::Client(address.parse().unwrap()));
        assert_eq!(told("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443"), at("192.0.2.1"));
        assert_eq!(told("PROXY TCP6 2001:db8::1 ::1 0 65535"), at("2001:db8::1"));
        assert_eq!(told("PROXY UNKNOWN"), Some(Told::Somebody));
        assert_eq!(told("PROXY UNKNOWN ffff:f...f:ffff 65535 65535"), Some(Told::Somebody));
        for bad in [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1",
            "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443",
            "PROXY TCP4 2001:db8::1 ::1 1 2",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 2",
            "PROXY TCP4 192.0.2.01 192.0.2.2 1 2",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536",
            "PROXY TCP4 192.0.2.1 192.0.2.2 01 2",
            "PROXY TCP5 192.0.2.1 192.0.2.2 1 2",
            "PROXY UNKNOWN\ta",
            "PROXY unknown x",
            "proxy TCP4 192.0.2.1 192.0.2.2 1 2",
            "GET / HTTP/1.1",
            "PROXY TCP4\r\n192.0.2.1 192.0.2.2 1 2",
        ] {
            assert_eq!(told(bad), None, "{bad:?}");
        }
        assert_eq!(told(&format!("PROXY UNKNOWN {}", "x".repeat(91))), Some(Told::Somebody));
        assert_eq!(told(&format!("PROXY UNKNOWN {}", "x".repeat(92))), None);
    }

    #[test]
    fn a_binary_header_tells_an_address_or_that_there_is_none() {
        let told = |command: u8, family: u8, rest: &[u8]| {
            let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
            read(&[&SIGNATURE[..], &[command, family], &length, rest, b"rest"].concat())
        };
        let (v4, v6) = ([192, 0, 2, 1, 198, 51, 100, 1, 0, 1, 0, 2], [7; 36]);
        let extensions = [&v4[..], &[4, 0, 3, 1, 2, 3]].concat();
        let address = Some(Told::Client("192.0.2.1".parse().unwrap()));
        assert_eq!(told(0x21, 0x11, &v4), address);
        assert_eq!(told(0x21, 0x11, &extensions), address);
        assert_eq!(told(0x21, 0x21, &v6), Some(Told::Client(IpAddr::from([7_u8; 16]))));
        assert_eq!(told(0x20, 0x11, &v4), Some(Told::Itself));
        assert_eq!(told(0x20, 0x00, &[]), Some(Told::Itself));
        assert_eq!(told(0x21, 0x00, &[1, 2, 3]), Some(Told::Somebody));
        assert_eq!(told(0x21, 0x31, &[b'/'; 216]), Some(Told::Somebody));
        for (command, family, rest) in [
            (0x11, 0x11, &v4[..]),
            (0x22, 0x11, &v4),
            (0x21, 0x11, &v4[..11]),
            (0x21, 0x21, &v6[..35]),
            (0x21, 0x31, &[b'/'; 215]),
            (0x21, 0x12, &v4),
            (0x21, 0x41, &v4),
            (0x21, 0x11, &[0; LONGEST + 1]),
        ] {
            assert_eq!(told(command, family, rest), None, "{command:x} {family:x} {}", rest.len());
        }
        for cut in 0..SIGNATURE.len() + 4 + v4.len() {
            let whole = [&SIGNATURE[..], &[0x21, 0x11, 0, 12], &v4].concat();
            assert_eq!(read(&whole[..cut]), None, "cut at {cut}");
        }
    }
}
