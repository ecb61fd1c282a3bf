//! Why a demo did not start, in words that name what to do.

use std::io;
use std::path::PathBuf;

/// What kept the demo from running.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Somebody else listens there: choose another port.
    #[error(
        "port {port} on 127.0.0.1 is taken\nhint: choose another with `{flag} N`, or `{flag} 0` for any free one"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// The port can't be listened on, for another reason.
    #[error("can't listen on port {port} of 127.0.0.1: {cause}\nhint: choose another with `{flag} N`")]
    Listen {
        /// The port.
        port: u16,
        /// The flag that chooses another.
        flag: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The folder for users can't be had.
    #[error("can't keep users in the folder `{path}`: {cause}\nhint: choose another with `--data DIR`")]
    Data {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The folder's name is no UTF-8, which settings have to be.
    #[error(
        "can't keep users in the folder `{0}`: its name is not UTF-8\nhint: choose another with `--data DIR`"
    )]
    DataName(PathBuf),
    /// The demo's own settings were refused, which is a bug.
    #[error("the demo's own settings were refused: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The gate did not start.
    #[error(transparent)]
    Gate(#[from] crate::app::StartError),
    /// No event loop can be had.
    #[error("the system refuses the demo an event loop: {0}")]
    Runtime(#[source] io::Error),
    /// The greeting can't be written.
    #[error("can't say what to open: {0}")]
    Output(#[source] io::Error),
    /// The gate did not stop as it should.
    #[error("the gate ended with a panic")]
    Stop,
}

impl DemoError {
    pub(super) fn listening(port: u16, flag: &'static str, cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::AddrInUse {
            Self::PortTaken { port, flag }
        } else {
            Self::Listen { port, flag, cause }
        }
    }
}
