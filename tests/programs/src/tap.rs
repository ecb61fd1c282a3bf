//! The wire between the gate and a program: passes everything on and counts what the program hears.
//!
//! Every program logs differently, and none logs a request that it did not finish reading. Bytes on the wire can't be
//! talked away: none means that nothing of any request came through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A wire. Dropping it cuts it for new connections.
pub(crate) struct Tap {
    pub(crate) port: u16,
    heard: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Tap {
    /// A wire to a program of this machine.
    pub(crate) async fn to(program: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("this machine has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let heard = Arc::new(AtomicU64::new(0));
        let count = heard.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((gate, _)) = listener.accept().await {
                tokio::spawn(pass(gate, program, count.clone()));
            }
        });
        Self { port, heard, accepting }
    }

    /// How many bytes the program has heard so far.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(gate: TcpStream, program: u16, heard: Arc<AtomicU64>) -> io::Result<()> {
    let program = TcpStream::connect(("127.0.0.1", program)).await?;
    let (mut from_gate, mut to_gate) = gate.into_split();
    let (mut from_program, mut to_program) = program.into_split();
    let there = async {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            let length = from_gate.read(&mut bytes).await?;
            if length == 0 {
                return to_program.shutdown().await;
            }
            heard.fetch_add(length as u64, Ordering::SeqCst);
            to_program.write_all(&bytes[..length]).await?;
        }
    };
    let back = async {
        io::copy(&mut from_program, &mut to_gate).await?;
        to_gate.shutdown().await
    };
    // An error on one way ends both: what is half open would hide an answer that was cut short.
    tokio::try_join!(there, back).map(drop)
}
