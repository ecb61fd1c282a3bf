//! The running gate's admin socket: a Unix socket for its owner alone, on a thread of its own.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use super::{Services, serve_connection};

/// Operators that may wait to be let in.
const BACKLOG: i32 = 32;
/// How long a command that runs when the gate stops may go on.
const GRACE: Duration = Duration::from_secs(3);

/// Why there is no admin socket. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another gate answers there.
    #[error(
        "the admin socket `{0}` belongs to another gate that runs\nhint: give each gate its own `admin.socket`"
    )]
    Taken(PathBuf),
    /// Something else has that name.
    #[error("`{0}` is no socket, and is left as it is\nhint: set `admin.socket` to another path")]
    NoSocket(PathBuf),
    /// The folder can't hold it.
    #[error(
        "the admin socket `{path}` can't be made: {cause}\nhint: set `admin.socket` to a path in a folder that this process can write and that can hold sockets"
    )]
    Unusable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// A socket that nobody is answered on yet.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Makes the socket, in the place of one that a killed gate has left.
    pub fn open(path: &Path) -> Result<Self, SocketError> {
        clear(path)?;
        let unusable = |cause| SocketError::Unusable { path: path.to_owned(), cause };
        let listener = bind(path).map_err(unusable)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Answers on it, in the background.
    pub fn serve(self, services: Services) -> io::Result<Attendant> {
        let (enough, told) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        self.listener.set_nonblocking(true)?;
        let inode = inode(&self.path);
        let listener = {
            let _context = runtime.enter();
            tokio::net::UnixListener::from_std(self.listener)?
        };
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
            LocalSet::new().block_on(&runtime, attend(listener, services, told));
        })?;
        Ok(Attendant { thread, enough: Some(enough), path: self.path, inode })
    }
}

/// Answers operators until it is told to stop.
pub struct Attendant {
    thread: JoinHandle<()>,
    enough: Option<oneshot::Sender<()>>,
    path: PathBuf,
    inode: Option<u64>,
}

impl Attendant {
    /// Lets nobody in any more; those who are in get a moment to finish.
    pub fn close(&mut self) {
        let Some(enough) = self.enough.take() else { return };
        // Another gate may have put its own there meanwhile.
        if inode(&self.path) == self.inode {
            let _ = std::fs::remove_file(&self.path);
        }
        // Whoever is gone needs no word.
        let _ = enough.send(());
    }

    /// Closes it and waits until nobody is in any more.
    pub fn stop(mut self) {
        self.close();
        let _ = self.thread.join();
    }
}

async fn attend(listener: tokio::net::UnixListener, services: Services, mut told: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut told => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn_local(serve_connection(services.clone(), stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "an operator could not be let in");
                    // Out of descriptors, most likely: without a pause this would spin until one is free.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, rest).await.is_err() {
        tracing::warn!("an operator's command was still running and is broken off");
    }
}

/// Makes room: what is left of a killed gate goes, anything else stays.
fn clear(path: &Path) -> Result<(), SocketError> {
    let unusable = |cause| SocketError::Unusable { path: path.to_owned(), cause };
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unusable(error)),
        Ok(found) if !found.file_type().is_socket() => Err(SocketError::NoSocket(path.to_owned())),
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => Err(SocketError::Taken(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(unusable)
            }
            Err(error) => Err(unusable(error)),
        },
    }
}

/// Its owner's alone before anybody can connect: until `listen`, connecting is refused.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)?;
    Ok(UnixListener::from(std::os::fd::OwnedFd::from(socket)))
}

fn inode(path: &Path) -> Option<u64> {
    path.symlink_metadata().ok().map(|found| found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_its_owners_alone_and_takes_the_place_of_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        drop(AdminSocket::open(&path).unwrap());
        assert!(path.exists());
        let open = AdminSocket::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(AdminSocket::open(&path), Err(SocketError::Taken(_))));
        drop(open);
    }

    #[test]
    fn what_is_no_socket_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        std::fs::write(&path, "somebody's notes").unwrap();
        assert!(matches!(AdminSocket::open(&path), Err(SocketError::NoSocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's notes");
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_with_the_key_to_change() {
        let error = AdminSocket::open(Path::new("/nonexistent/x.sock")).unwrap_err().to_string();
        assert!(error.contains("`/nonexistent/x.sock`") && error.contains("`admin.socket`"), "{error}");
    }
}
