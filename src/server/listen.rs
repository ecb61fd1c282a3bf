//! Listening sockets: one of each worker's own where the system spreads connections over them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::settings::Listen;

/// Connections that may wait to be accepted.
pub(super) const BACKLOG: u16 = 1024;

/// One worker's sockets for the addresses of the settings.
#[derive(Debug, Default)]
pub struct Listeners {
    /// TCP sockets.
    pub tcp: Vec<TcpListener>,
    /// Unix sockets.
    pub unix: Vec<UnixListener>,
}

/// Why an address can't be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else does.
    #[error(
        "`{0}` is in use by another program\nhint: stop it, or choose another address in `server.listen`"
    )]
    Taken(String),
    /// The system says no.
    #[error("can't listen on `{address}`: {cause}\nhint: choose another address in `server.listen`")]
    Refused {
        /// The address.
        address: String,
        /// What the system said.
        cause: io::Error,
    },
}

/// Opens every address for each of `workers`, and says where they are (a port of 0 has become a real one).
pub fn open(addresses: &[Listen], workers: usize) -> Result<(Vec<Listeners>, Vec<Listen>), ListenError> {
    let mut all: Vec<Listeners> = (0..workers.max(1)).map(|_| Listeners::default()).collect();
    let mut bound = Vec::with_capacity(addresses.len());
    for address in addresses {
        match address {
            Listen::Tcp(address) => {
                let sockets =
                    tcp(*address, all.len()).map_err(|cause| refused(&address.to_string(), cause))?;
                let local = sockets.first().and_then(|socket| socket.local_addr().ok());
                bound.push(Listen::Tcp(local.unwrap_or(*address)));
                all.iter_mut().zip(sockets).for_each(|(listeners, socket)| listeners.tcp.push(socket));
            }
            Listen::Unix(path) => {
                let sockets = unix(path, all.len()).map_err(|cause| refused(&unix_name(path), cause))?;
                bound.push(Listen::Unix(path.clone()));
                all.iter_mut().zip(sockets).for_each(|(listeners, socket)| listeners.unix.push(socket));
            }
        }
    }
    Ok((all, bound))
}

fn unix_name(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn refused(address: &str, cause: io::Error) -> ListenError {
    match cause.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken(address.to_owned()),
        _ => ListenError::Refused { address: address.to_owned(), cause },
    }
}

/// On Linux a socket of its own for each worker (`SO_REUSEPORT`), elsewhere one that they share: there the
/// option hands all connections to one of them.
fn tcp(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let spread = cfg!(target_os = "linux");
    if spread && address.port() != 0 {
        // With the option set, a port that another gate listens on would go unnoticed: probe it once without. It only binds:
        // whoever came to a socket that listens and goes again would be reset.
        drop(bound(address, false)?);
    }
    let first = tcp_socket(address, spread)?;
    let local = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < count {
        sockets.push(if spread { tcp_socket(local, true)? } else { sockets[0].try_clone()? });
    }
    Ok(sockets)
}

fn tcp_socket(address: SocketAddr, spread: bool) -> io::Result<TcpListener> {
    let socket = bound(address, spread)?;
    socket.listen(i32::from(BACKLOG))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Fails where somebody listens there already, but for others that set the same option.
fn bound(address: SocketAddr, spread: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if spread {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// One descriptor, shared: Unix sockets don't know `SO_REUSEPORT`. A socket file that nobody listens on any more
/// is what a killed gate left behind, and is replaced.
fn unix(path: &PathBuf, count: usize) -> io::Result<Vec<UnixListener>> {
    let first = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        other => other?,
    };
    first.set_nonblocking(true)?;
    let mut sockets = vec![first];
    while sockets.len() < count {
        sockets.push(sockets[0].try_clone()?);
    }
    Ok(sockets)
}

fn is_left_behind(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
