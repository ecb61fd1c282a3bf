//! The signals that end a command that would go on for ever.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, and SIGHUP, which ends nothing.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From now on they no longer end the process by themselves. Needs a runtime around it.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the first that ends the gate; gives its name.
    pub(super) async fn first(mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                // A terminal that closes, or whoever rotates logs, must not take the gate down.
                _ = self.hang_up.recv() => {
                    tracing::warn!("SIGHUP: this version reads its configuration at the start alone; restart it for a changed one");
                }
            }
        }
    }
}
