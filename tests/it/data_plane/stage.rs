//! A gate of one worker before an upstream that answers by script, and tells over which connection it was asked.

use std::io::Read as _;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::support::{Answer, Gate, PATIENCE, Raw, Upstream};

/// What the upstream does with its connection after it has sent its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It waits for the next request.
    Keep,
    /// It closes in order.
    Close,
    /// It breaks off.
    Reset,
    /// It does nothing any more until the gate has closed.
    Hang,
}

/// What is sent for one path.
#[derive(Clone, Debug)]
pub(super) struct Script {
    sent: Vec<u8>,
    after: After,
}

impl Script {
    pub(super) fn new(sent: impl AsRef<[u8]>, after: After) -> Self {
        Self { sent: sent.as_ref().to_vec(), after }
    }
}

/// Which of the gate's ways a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    Hypers,
}

impl Way {
    /// The line by which a request takes it: whoever takes trailers is not plain.
    const fn line(self) -> &'static str {
        match self {
            Self::Direct => "",
            Self::Hypers => "TE: trailers\r\n",
        }
    }
}

/// The gate, its upstream and somebody who is signed in.
pub(super) struct Stage {
    pub(super) gate: Gate,
    /// The `Cookie` header's line.
    pub(super) cookie: String,
    /// The one that its requests take.
    pub(super) way: Way,
    log: Arc<Log>,
}

/// A connection is known by the gate's port.
#[derive(Default)]
struct Log {
    asked: Mutex<Vec<u16>>,
    let_go: Mutex<Vec<u16>>,
}

/// What is answered where no script is.
const PLAIN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain";

impl Stage {
    /// One for each way: what holds on the one holds on the other.
    pub(super) fn on_both_ways(scripts: &[Script], settings: &str) -> [Self; 2] {
        [Way::Direct, Way::Hypers].map(|way| Self::playing(scripts.to_vec(), settings, way))
    }

    /// `GET /n` is answered by the script number n; any other path by a plain answer.
    pub(super) fn playing(scripts: Vec<Script>, settings: &str, way: Way) -> Self {
        let log: Arc<Log> = Arc::default();
        let noted = Arc::clone(&log);
        let upstream = Upstream::answering(move |exchange| {
            let port = exchange.stream.peer_addr().map_or(0, |address| address.port());
            noted.asked.lock().unwrap().push(port);
            let number =
                exchange.seen.line().split(' ').nth(1).and_then(|path| path[1..].parse::<usize>().ok());
            let Some(script) = number.and_then(|number| scripts.get(number)) else {
                exchange.write(PLAIN);
                return true;
            };
            exchange.write(&script.sent);
            match script.after {
                After::Keep => return true,
                After::Close => {}
                After::Reset => {
                    socket2::SockRef::from(&exchange.stream).set_linger(Some(Duration::ZERO)).unwrap();
                }
                After::Hang => {
                    while matches!(exchange.stream.read(&mut [0; 1024]), Ok(1..)) {}
                    noted.let_go.lock().unwrap().push(port);
                }
            }
            false
        });
        let gate = Gate::before(upstream, &format!("server.workers = 1\n{settings}"));
        let cookie = gate.signed_in();
        Self { gate, cookie, way, log }
    }

    /// A request without a body, with this stage's cookie, by its way.
    pub(super) fn request(&self, method: &str, path: &str, headers: &str) -> String {
        let (address, cookie, way) = (self.gate.address, &self.cookie, self.way.line());
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{cookie}{way}{headers}\r\n")
    }

    /// A row's name, and this stage's way.
    pub(super) fn name(&self, row: &str) -> String {
        format!("{row} ({:?})", self.way)
    }

    /// Asserts that this connection still answers, with the plain answer and with that alone.
    pub(super) fn assert_served(&self, connection: &mut Raw, name: &str) {
        connection.write(self.request("GET", "/plain", ""));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text().as_str()), (200, "plain"), "{name}: {}", answer.head);
    }

    /// How often the upstream was asked.
    pub(super) fn asked(&self) -> usize {
        self.log.asked.lock().unwrap().len()
    }

    /// Whether the upstream got its last request over the connection by which it got the one before.
    pub(super) fn is_connection_used_again(&self) -> bool {
        let asked = self.log.asked.lock().unwrap();
        asked[asked.len() - 1] == asked[asked.len() - 2]
    }

    /// Waits until the gate has let go of the upstream's connection that was the last but `back`.
    pub(super) fn wait_until_let_go(&self, back: usize, name: &str) {
        let asked = self.log.asked.lock().unwrap().clone();
        let port = asked[asked.len() - 1 - back];
        let start = Instant::now();
        while !self.log.let_go.lock().unwrap().contains(&port) {
            assert!(start.elapsed() < PATIENCE, "{name}: the gate still holds the upstream's connection");
            std::thread::yield_now();
        }
    }
}

/// An upstream that takes heads, nothing of the bodies behind them, and does nothing until what comes along is dropped.
pub(super) fn deaf() -> (Upstream, mpsc::Sender<()>) {
    let (go, gone) = mpsc::channel();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering_heads(move |_| {
        let _ = gone.lock().unwrap().recv();
        false
    });
    (upstream, go)
}

/// An upstream that says what reached it: method, target, user and body.
pub(crate) fn echoing() -> Upstream {
    Upstream::answering(|exchange| {
        let (seen, line) = (&exchange.seen, exchange.seen.line());
        let user = seen.header("x-user-id").unwrap_or_default();
        let text =
            format!("{} {user} {}", line.trim_end_matches(" HTTP/1.1"), String::from_utf8_lossy(&seen.body));
        let body = if line.starts_with("HEAD") { "" } else { &text };
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", text.len()));
        true
    })
}

/// An answer's status line and fields, as far as they are the upstream's: sorted by name with a name's values in their
/// order, without the `Date` that the gate may add, and with the gate's own framing in one spelling.
pub(super) fn fields(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = head
        .split("\r\n")
        .filter(|line| !line.is_empty() && !line.starts_with("date: ") && !line.starts_with("connection: "))
        .map(|line| {
            let lower = line.to_ascii_lowercase();
            if lower.starts_with("transfer-encoding:") { lower } else { line.to_owned() }
        })
        .collect();
    lines[1..].sort_by_key(|line| line.split(':').next().unwrap_or_default().to_ascii_lowercase());
    lines
}

/// Whether the gate says that the upstream's answer makes no sense, rather than passing anything of it on.
pub(super) fn is_bad_gateway(answer: &Answer) -> bool {
    answer.status == 502 && answer.json()["code"] == "bad_gateway"
}
