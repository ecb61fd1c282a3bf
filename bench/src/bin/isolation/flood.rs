//! Those who try passwords: clients that send the next sign-in as soon as the last one is answered.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::exchange::Connection;

/// A flood that is under way.
pub(crate) struct Flood {
    state: Arc<State>,
    clients: Vec<JoinHandle<io::Result<()>>>,
}

struct State {
    enough: AtomicBool,
    counted: Mutex<(Instant, BTreeMap<u16, u64>)>,
}

/// What was answered since the count before.
pub(crate) struct Counted {
    pub(crate) seconds: f64,
    pub(crate) statuses: BTreeMap<u16, u64>,
}

impl Flood {
    pub(crate) fn start(gate: SocketAddr, clients: usize, round: usize) -> io::Result<Self> {
        let counted = Mutex::new((Instant::now(), BTreeMap::new()));
        let state = Arc::new(State { enough: AtomicBool::new(false), counted });
        let clients = (0..clients)
            .map(|number| {
                let state = Arc::clone(&state);
                thread::Builder::new()
                    .stack_size(64 * 1024)
                    .spawn(move || hammer(gate, &format!("guess{number}-{round}@example.com"), &state))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { state, clients })
    }

    /// What was answered since this was called before.
    pub(crate) fn count(&self) -> Counted {
        let mut counted = self.state.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, statuses) = mem::replace(&mut *counted, (Instant::now(), BTreeMap::new()));
        Counted { seconds: since.elapsed().as_secs_f64(), statuses }
    }

    pub(crate) fn stop(self) -> io::Result<()> {
        self.state.enough.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().map_err(|_| io::Error::other("a client panicked"))??;
        }
        Ok(())
    }
}

fn hammer(gate: SocketAddr, email: &str, state: &State) -> io::Result<()> {
    let mut connection = Connection::open(gate)?;
    let body = format!("{{\"email\":\"{email}\",\"password\":\"not the password\"}}");
    let request = format!(
        "POST /auth/signin HTTP/1.1\r\nHost: {gate}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    while !state.enough.load(Ordering::Relaxed) {
        let status = connection.ask(request.as_bytes())?;
        let mut counted = state.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.1.entry(status).or_default() += 1;
    }
    Ok(())
}
