//! An HTTP/2 upstream in this process, on h2 itself: what it does with a stream is the test's matter, down to the frames.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::support::PATIENCE;

/// A running upstream. Dropping it closes it and all its connections.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    log: Arc<Log>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    closed: AtomicUsize,
    under_way: AtomicUsize,
    most: AtomicUsize,
    requests: Mutex<Vec<Seen>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: http::Method,
    pub(super) uri: http::Uri,
    pub(super) headers: http::HeaderMap,
}

/// One stream.
pub(super) struct Call {
    pub(super) seen: Seen,
    pub(super) body: RecvStream,
    pub(super) answer: SendResponse<Bytes>,
    /// Which connection it came by, from 1.
    pub(super) connection: usize,
    goodbye: mpsc::UnboundedSender<Goodbye>,
}

/// How a connection ends.
#[derive(Clone, Copy)]
pub(super) enum Goodbye {
    /// GOAWAY; what runs is finished.
    Graceful,
    /// GOAWAY with an error, and closed.
    Abrupt,
    /// Closed without a word.
    Silent,
}

/// What the server says of itself.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) streams: u32,
    pub(super) window: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self { streams: 1000, window: 65_535 }
    }
}

impl Server {
    /// Answers each request with 200 and a short text.
    pub(super) fn start() -> Self {
        Self::answering(async |mut call| {
            call.read().await;
            call.send(200, "hello from upstream");
        })
    }

    /// Answers each stream by `answer`.
    pub(super) fn answering<F>(answer: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        Self::on(Terms::default(), answer)
    }

    /// The same on other terms.
    pub(super) fn on<F>(terms: Terms, answer: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), terms, answer)
    }

    /// The same at an address of the test's choice.
    pub(super) fn at<F>(
        address: SocketAddr,
        terms: Terms,
        answer: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let log = Arc::new(Log::default());
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&log);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let answer = std::rc::Rc::new(answer);
                let accepting = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                        let (log, answer) = (Arc::clone(&shared), std::rc::Rc::clone(&answer));
                        tokio::task::spawn_local(async move {
                            serve(stream, number, terms, &log, &*answer).await;
                            log.closed.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                };
                tokio::select! { () = accepting => {}, _ = stopped => {} }
            });
        });
        Self { address, log, _stop: stop }
    }

    pub(super) fn url(&self) -> String {
        format!("h2c://{}", self.address)
    }

    /// How many connections were opened.
    pub(super) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// How many of them have closed.
    pub(super) fn closed(&self) -> usize {
        self.log.closed.load(Ordering::SeqCst)
    }

    /// How many streams were under way at once, at most.
    pub(super) fn most(&self) -> usize {
        self.log.most.load(Ordering::SeqCst)
    }

    /// Every request so far.
    pub(super) fn requests(&self) -> Vec<Seen> {
        self.log.requests.lock().unwrap().clone()
    }

    /// The last request so far.
    pub(super) fn last(&self) -> Seen {
        self.requests().pop().expect("no request has come in")
    }

    /// Waits until something is so.
    pub(super) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < PATIENCE, "{what}: never");
            std::thread::yield_now();
        }
    }
}

async fn serve<F>(stream: TcpStream, number: usize, terms: Terms, log: &Arc<Log>, answer: &impl Fn(Call) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(terms.streams)
        .initial_window_size(terms.window)
        .handshake(stream);
    let Ok(mut connection) = handshake.await else { return };
    let (goodbye, mut goodbyes) = mpsc::unbounded_channel();
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            Some(goodbye) = goodbyes.recv() => {
                match goodbye {
                    Goodbye::Graceful => connection.graceful_shutdown(),
                    Goodbye::Abrupt => connection.abrupt_shutdown(Reason::INTERNAL_ERROR),
                    Goodbye::Silent => return,
                }
                continue;
            }
        };
        let Some(Ok((request, respond))) = accepted else { return };
        let (head, body) = request.into_parts();
        let seen = Seen { method: head.method, uri: head.uri, headers: head.headers };
        log.requests.lock().unwrap().push(seen.clone());
        let under_way = log.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        log.most.fetch_max(under_way, Ordering::SeqCst);
        let call = Call { seen, body, answer: respond, connection: number, goodbye: goodbye.clone() };
        let (log, answered) = (Arc::clone(log), answer(call));
        tokio::task::spawn_local(async move {
            answered.await;
            log.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

impl Call {
    /// The rest of the body, and its trailers.
    pub(super) async fn read(&mut self) -> (Vec<u8>, http::HeaderMap) {
        let mut all = Vec::new();
        while let Some(data) = self.piece().await {
            all.extend_from_slice(&data);
        }
        (all, self.body.trailers().await.unwrap_or_default().unwrap_or_default())
    }

    /// The next piece of the body; `None`: it has ended, or broke off.
    pub(super) async fn piece(&mut self) -> Option<Bytes> {
        let data = self.body.data().await?.ok()?;
        self.body.flow_control().release_capacity(data.len()).unwrap();
        Some(data)
    }

    /// A whole answer.
    pub(super) fn send(&mut self, status: u16, text: &'static str) {
        let mut stream = self.begin(status, &[]);
        // One whose gate has gone is the test's matter.
        let _ = stream.send_data(Bytes::from_static(text.as_bytes()), true);
    }

    /// An answer's head, which a body follows.
    pub(super) fn begin(
        &mut self,
        status: u16,
        fields: &[(&'static str, &'static str)],
    ) -> SendStream<Bytes> {
        self.answer.send_response(head(status, fields), false).unwrap()
    }

    /// An answer that is a head alone.
    pub(super) fn head_alone(&mut self, status: u16, fields: &[(&'static str, &'static str)]) {
        self.answer.send_response(head(status, fields), true).unwrap();
    }

    /// Its connection is to end; what runs goes on.
    pub(super) fn goodbye(&self) {
        self.goodbye.send(Goodbye::Graceful).unwrap();
    }

    /// Ends its connection before it has answered.
    pub(super) async fn dies(self, how: Goodbye) {
        self.goodbye.send(how).unwrap();
        // Dropped, the stream would be reset before.
        std::future::pending::<()>().await;
    }

    /// Waits until the gate resets a stream that has no answer yet, and says why it did.
    pub(super) async fn is_reset(&mut self) -> Option<Reason> {
        std::future::poll_fn(|cx| self.answer.poll_reset(cx)).await.ok()
    }
}

/// The same for a stream whose answer has begun.
pub(super) async fn is_reset(stream: &mut SendStream<Bytes>) -> Option<Reason> {
    std::future::poll_fn(|cx| stream.poll_reset(cx)).await.ok()
}

fn head(status: u16, fields: &[(&'static str, &'static str)]) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(status).unwrap();
    for (name, value) in fields {
        head.headers_mut().append(*name, http::HeaderValue::from_static(value));
    }
    head
}
