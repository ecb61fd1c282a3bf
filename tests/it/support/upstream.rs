//! An upstream that writes down every byte that reaches it, and answers as the test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::PATIENCE;
use super::raw::find;

/// A recording upstream. Its threads end with its connections.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    bytes: AtomicUsize,
    requests: Mutex<Vec<Seen>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request line and the header lines, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The trailer section as it came.
    pub(crate) trailers: String,
}

/// The upstream's side of a connection, after a head has come in.
pub(crate) struct Exchange {
    pub(crate) stream: TcpStream,
    pub(crate) seen: Seen,
    /// What came after the head (and the body, if it was read).
    pub(crate) rest: Vec<u8>,
}

impl Upstream {
    /// Answers each request with 200 and a short text.
    pub(crate) fn start() -> Self {
        Self::answering(|exchange| {
            let body = "hello from upstream";
            exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            true
        })
    }

    /// Answers each request, whose body has been read, by `answer`; false closes the connection.
    pub(crate) fn answering(answer: impl Fn(&mut Exchange) -> bool + Send + Sync + 'static) -> Self {
        Self::serving(true, answer)
    }

    /// Answers each request as soon as its head is there.
    pub(crate) fn answering_heads(answer: impl Fn(&mut Exchange) -> bool + Send + Sync + 'static) -> Self {
        Self::serving(false, answer)
    }

    /// The same at an address of the test's choice.
    pub(crate) fn at(
        address: SocketAddr,
        answer: impl Fn(&mut Exchange) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind(address).unwrap(), true, answer)
    }

    fn serving(read_body: bool, answer: impl Fn(&mut Exchange) -> bool + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), read_body, answer)
    }

    fn on(
        listener: TcpListener,
        read_body: bool,
        answer: impl Fn(&mut Exchange) -> bool + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let (shared, answer) = (Arc::clone(&log), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (log, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                std::thread::spawn(move || connection(stream, &log, read_body, &*answer));
            }
        });
        Self { address, log }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// How many bytes came in.
    pub(crate) fn bytes(&self) -> usize {
        self.log.bytes.load(Ordering::SeqCst)
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.log.requests.lock().unwrap().clone()
    }

    /// The only request so far.
    pub(crate) fn request(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// The last request so far.
    pub(crate) fn last(&self) -> Seen {
        self.requests().pop().expect("no request has come in")
    }

    /// Waits until `count` requests have come in.
    pub(crate) fn wait_for(&self, count: usize) {
        let start = Instant::now();
        while self.requests().len() < count {
            assert!(start.elapsed() < PATIENCE, "only {} requests came in", self.requests().len());
            std::thread::yield_now();
        }
    }
}

fn connection(
    mut stream: TcpStream,
    log: &Log,
    read_body: bool,
    answer: &(dyn Fn(&mut Exchange) -> bool + Send + Sync),
) {
    let mut rest = Vec::new();
    while let Some(end) = read_until(&mut stream, log, &mut rest, b"\r\n\r\n") {
        let head: Vec<u8> = rest.drain(..end).collect();
        let mut seen = Seen {
            head: String::from_utf8_lossy(&head).into_owned(),
            body: Vec::new(),
            trailers: String::new(),
        };
        if read_body && body(&mut stream, log, &mut rest, &mut seen).is_none() {
            log.requests.lock().unwrap().push(seen);
            return;
        }
        log.requests.lock().unwrap().push(seen.clone());
        let mut exchange = Exchange { stream, seen, rest };
        if !answer(&mut exchange) {
            return;
        }
        (stream, rest) = (exchange.stream, exchange.rest);
    }
}

fn body(stream: &mut TcpStream, log: &Log, rest: &mut Vec<u8>, seen: &mut Seen) -> Option<()> {
    if seen.header("transfer-encoding").as_deref() == Some("chunked") {
        loop {
            let end = read_until(stream, log, rest, b"\r\n")?;
            let line: Vec<u8> = rest.drain(..end).collect();
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
            if size == 0 {
                break;
            }
            read_count(stream, log, rest, size + 2)?;
            let mut chunk: Vec<u8> = rest.drain(..size + 2).collect();
            chunk.truncate(size);
            seen.body.extend(chunk);
        }
        loop {
            let end = read_until(stream, log, rest, b"\r\n")?;
            let line: Vec<u8> = rest.drain(..end).collect();
            if line == b"\r\n" {
                return Some(());
            }
            seen.trailers += &String::from_utf8_lossy(&line);
        }
    }
    if let Some(length) = seen.header("content-length") {
        let length = length.parse().ok()?;
        read_count(stream, log, rest, length)?;
        seen.body = rest.drain(..length).collect();
    }
    Some(())
}

fn read_until(stream: &mut TcpStream, log: &Log, buffer: &mut Vec<u8>, end: &[u8]) -> Option<usize> {
    loop {
        if let Some(at) = find(buffer, end) {
            return Some(at + end.len());
        }
        read_count(stream, log, buffer, buffer.len() + 1)?;
    }
}

fn read_count(stream: &mut TcpStream, log: &Log, buffer: &mut Vec<u8>, count: usize) -> Option<()> {
    let mut bytes = vec![0; 64 * 1024];
    while buffer.len() < count {
        let got = stream.read(&mut bytes).ok().filter(|got| *got > 0)?;
        log.bytes.fetch_add(got, Ordering::SeqCst);
        buffer.extend_from_slice(&bytes[..got]);
    }
    Some(())
}

impl Exchange {
    /// Sends bytes; a gate that has gone is the test's matter.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }
}

impl Seen {
    /// The one value of a header, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        assert!(values.len() < 2, "{name} more than once: {}", self.head);
        values.pop()
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let fields = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }
}
