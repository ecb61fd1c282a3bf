//! A worker's listeners, and how they close: nobody whose connection stands is lost.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::client::Socket;
use super::pace;
use super::peer::SocketPeer;

/// How long a handshake that has begun is waited for before a listener closes: what there is on its way is lost then.
#[cfg(target_os = "linux")]
const HANDSHAKE: Duration = Duration::from_millis(100);

/// The same of this machine's own: they are done at once, but on a busy machine.
#[cfg(target_os = "linux")]
const NEAR_HANDSHAKE: Duration = Duration::from_millis(10);

/// A listener.
pub(super) trait Door {
    /// What its clients come by.
    type Stream: Socket;

    /// The next client.
    async fn next(&self) -> io::Result<(Self::Stream, SocketPeer)>;

    /// Lets nobody begin to come any more, where the system can; says how long those may take who have begun.
    fn bar(&self) -> Duration;

    /// All who wait now. Nothing happens between the last one and the end of this, which closes the listener.
    fn last_ones(self) -> io::Result<impl Iterator<Item = io::Result<(Self::Stream, SocketPeer)>>>;
}

impl Door for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, SocketPeer)> {
        let (stream, address) = self.accept().await?;
        Ok((prepared(stream), SocketPeer::at(address.ip())))
    }

    #[cfg(target_os = "linux")]
    fn bar(&self) -> Duration {
        // Without it, whoever comes in the moment of closing is reset, as everywhere else.
        let barred = socket2::SockRef::from(self).attach_filter(&NO_SYN).is_ok();
        let is_near = self.local_addr().is_ok_and(|address| address.ip().is_loopback());
        match (barred, is_near) {
            (false, _) => Duration::ZERO,
            (true, true) => NEAR_HANDSHAKE,
            (true, false) => HANDSHAKE,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn bar(&self) -> Duration {
        Duration::ZERO
    }

    fn last_ones(self) -> io::Result<impl Iterator<Item = io::Result<(TcpStream, SocketPeer)>>> {
        let listener = self.into_std()?;
        Ok(waiting(move || {
            let (stream, address) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok((prepared(TcpStream::from_std(stream)?), SocketPeer::at(address.ip())))
        }))
    }
}

impl Door for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, SocketPeer)> {
        let (stream, _) = self.accept().await?;
        Ok((stream, SocketPeer::UNIX))
    }

    fn bar(&self) -> Duration {
        Duration::ZERO
    }

    fn last_ones(self) -> io::Result<impl Iterator<Item = io::Result<(UnixStream, SocketPeer)>>> {
        let listener = self.into_std()?;
        Ok(waiting(move || {
            let (stream, _) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok((UnixStream::from_std(stream)?, SocketPeer::UNIX))
        }))
    }
}

fn prepared(stream: TcpStream) -> TcpStream {
    // A socket that is gone already fails here, and says so when it is read.
    let _ = stream.set_nodelay(true);
    stream.hold_unsent(pace::LITTLE);
    stream
}

/// Asks the system itself: what the runtime knows of a socket is as old as its last look at it.
fn waiting<T>(accept: impl Fn() -> io::Result<T>) -> impl Iterator<Item = io::Result<T>> {
    std::iter::from_fn(move || match accept() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        accepted => Some(accepted),
    })
}

/// A classic BPF program (`bpf(4)`, `linux/filter.h`) that drops what begins a connection, SYN without ACK in the 14th byte of
/// TCP's header (RFC 9293 section 3.1), and lets the rest of each handshake through. Who is dropped asks again after a second,
/// and finds the port closed or the next gate.
#[cfg(target_os = "linux")]
const NO_SYN: [socket2::SockFilter; 5] = {
    use socket2::SockFilter;
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
};
