//! Those who are signed in: proxied requests at a steady pace, each timed.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use super::exchange::Connection;

/// Browsers that are active at once.
const CONNECTIONS: u32 = 8;
/// How often each of them asks.
const EVERY: Duration = Duration::from_millis(8);

/// How long answers took, sorted.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time within which this part of the answers came.
    pub(crate) fn at(&self, part: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let rank = (self.0.len() as f64 * part).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }
}

/// Asks for as long as `length`.
pub(crate) fn run(gate: SocketAddr, cookie: &str, length: Duration) -> io::Result<Latencies> {
    let request = format!(
        "GET /api/items/42 HTTP/1.1\r\nHost: {gate}\r\nCookie: {cookie}\r\nAccept: application/json\r\n\
         User-Agent: isolation\r\nSec-Fetch-Site: same-origin\r\n\r\n"
    );
    let start = Instant::now() + Duration::from_millis(100);
    let all: Vec<io::Result<Vec<Duration>>> = thread::scope(|scope| {
        let browsers: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let (begin, request) = (start + EVERY * number / CONNECTIONS, request.as_bytes());
                scope.spawn(move || browse(gate, request, begin, length))
            })
            .collect();
        let joined = browsers
            .into_iter()
            .map(|browser| browser.join().map_err(|_| io::Error::other("it panicked"))?);
        joined.collect()
    });
    let mut latencies: Vec<_> = all.into_iter().collect::<io::Result<Vec<_>>>()?.concat();
    latencies.sort_unstable();
    if latencies.is_empty() {
        return Err(io::Error::other("nothing was asked for"));
    }
    Ok(Latencies(latencies))
}

fn browse(gate: SocketAddr, request: &[u8], begin: Instant, length: Duration) -> io::Result<Vec<Duration>> {
    as_if_elsewhere();
    let mut connection = Connection::open(gate)?;
    let (mut latencies, mut due) = (Vec::new(), begin);
    while due < begin + length {
        let now = Instant::now();
        thread::sleep(due.saturating_duration_since(now));
        // Who had to wait for the answer before this one has waited for this one as well.
        let asked = if now > due { due } else { Instant::now() };
        let status = connection.ask(request)?;
        if status != 200 {
            return Err(io::Error::other(format!("a proxied request was answered with {status}")));
        }
        latencies.push(asked.elapsed());
        due += EVERY;
    }
    Ok(latencies)
}

/// Browsers are other machines: that they run on this one must not cost them time, or it would be this machine's scheduler
/// that is measured. Whoever may not ask for that (real-time priority needs root) measures it, too.
fn as_if_elsewhere() {
    static TOLD: Once = Once::new();
    let Ok(thread) = std::fs::read_link("/proc/thread-self") else { return };
    let Some(number) = thread.file_name() else { return };
    let asked = Command::new("chrt").args(["--rr", "--pid", "1"]).arg(number).stderr(Stdio::null()).status();
    if !asked.is_ok_and(|status| status.success()) {
        TOLD.call_once(|| {
            let _ =
                writeln!(io::stderr(), "not root: the browsers' own waits for a core are measured as well");
        });
    }
}
