//! An upstream that does, connection by connection, what a table says.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::raw::find;

/// One thing that it does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Reads a head.
    Head,
    /// Reads a head and gives it a good answer.
    Warm,
    /// Reads what the head says that follows.
    Body,
    /// Sends these bytes.
    Say(&'static str),
    /// Sends a head byte by byte until the gate has closed, and never its end.
    Trickle,
    /// Sends no more, and goes on reading.
    HalfClose,
    /// Does nothing until the gate has closed.
    Wait,
    Close,
    Reset,
    /// Begins anew with the connection's first act.
    Again,
}

/// What reached it.
#[derive(Default)]
pub(super) struct Planned {
    lines: Mutex<Vec<String>>,
    closed: AtomicUsize,
    accepted: AtomicUsize,
}

impl Planned {
    /// How many requests came in for such a path.
    pub(super) fn count(&self, path: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.contains(path)).count()
    }

    /// How many connections were opened.
    pub(super) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Waits until this many of its connections have been closed by itself.
    pub(super) fn wait_until_closed(&self, count: usize) {
        let start = Instant::now();
        while self.closed.load(Ordering::SeqCst) < count {
            assert!(start.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
    }
}

/// One that has a plan for each connection, and accepts no more of them than that.
pub(super) fn upstream(plans: &'static [&'static [Act]]) -> (SocketAddr, Arc<Planned>) {
    serve(move |number| plans.get(number).copied())
}

/// One that has the same plan for every connection.
pub(super) fn upstream_always(plan: &'static [Act]) -> (SocketAddr, Arc<Planned>) {
    serve(move |_| Some(plan))
}

fn serve(plan: impl Fn(usize) -> Option<&'static [Act]> + Send + 'static) -> (SocketAddr, Arc<Planned>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, planned) = (listener.local_addr().unwrap(), Arc::new(Planned::default()));
    let shared = Arc::clone(&planned);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            shared.accepted.fetch_add(1, Ordering::SeqCst);
            // Without a plan for it, it is closed: an attempt too many shows as a failure.
            let Some(plan) = plan(number) else { continue };
            let planned = Arc::clone(&shared);
            std::thread::spawn(move || {
                let ended = act(stream, plan, &planned);
                if ended.is_some() {
                    planned.closed.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (address, planned)
}

/// Gives `None` where the gate closed first.
fn act(mut stream: TcpStream, plan: &[Act], planned: &Planned) -> Option<()> {
    let (mut buffer, mut length, mut at) = (Vec::new(), 0, 0);
    loop {
        match plan[at] {
            Act::Head | Act::Warm => {
                let head = read_head(&mut stream, &mut buffer)?;
                planned.lines.lock().unwrap().push(head.split("\r\n").next()?.to_owned());
                length = head
                    .split("\r\n")
                    .find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
                    .unwrap_or(0);
                if matches!(plan[at], Act::Warm) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").ok()?;
                }
            }
            Act::Body => {
                while buffer.len() < length {
                    fill(&mut stream, &mut buffer)?;
                }
                buffer.drain(..length);
            }
            Act::Say(text) => stream.write_all(text.as_bytes()).ok()?,
            Act::Trickle => trickle(&mut stream)?,
            Act::HalfClose => stream.shutdown(Shutdown::Write).ok()?,
            Act::Wait => while fill(&mut stream, &mut buffer).is_some() {},
            Act::Close => return Some(()),
            Act::Reset => {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).ok()?;
                return Some(());
            }
            Act::Again => {
                at = 0;
                continue;
            }
        }
        at += 1;
        if at == plan.len() {
            return Some(());
        }
    }
}

/// A byte now and then, as long as the gate holds the connection: no single one of them is long in coming.
fn trickle(stream: &mut TcpStream) -> Option<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(20))).ok()?;
    loop {
        stream.write_all(b"x").ok()?;
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            return Some(String::from_utf8_lossy(&head).into_owned());
        }
        fill(stream, buffer)?;
    }
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut bytes = [0; 16 * 1024];
    let got = stream.read(&mut bytes).ok().filter(|got| *got > 0)?;
    buffer.extend_from_slice(&bytes[..got]);
    Some(())
}
