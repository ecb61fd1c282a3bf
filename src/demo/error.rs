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
    #[error("listening on port {port} of 127.0.0.1 (`{flag}`)")]
    Listen {
        /// The port.
        port: u16,
        /// The flag that chooses another.
        flag: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for users can't be had.
    #[error("the folder `{path}` for the demo's users can't be used (`--data`)")]
    Data {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder's name is no UTF-8, which settings have to be.
    #[error("the folder `{0}` can't be named in settings: its name is not UTF-8 (`--data`)")]
    DataName(PathBuf),
    /// The demo's own settings were refused, which is a bug.
    #[error("the demo's own settings were refused: {0}")]
    Settings(String),
    /// The gate did not start.
    #[error("starting the gate")]
    Gate(#[source] crate::app::StartError),
    /// No event loop can be had.
    #[error("starting the demo's event loop")]
    Runtime(#[source] io::Error),
    /// The greeting can't be written.
    #[error("writing to the terminal")]
    Output(#[source] io::Error),
    /// The gate did not stop as it should.
    #[error("the gate ended with a panic")]
    Stop,
}

impl DemoError {
    pub(super) fn listening(port: u16, flag: &'static str, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::PortTaken { port, flag }
        } else {
            Self::Listen { port, flag, source }
        }
    }
}
