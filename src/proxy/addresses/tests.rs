//! Names whose answers the test gives, and addresses on the loopback that listen or don't.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{cell::RefCell, io};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::*;

const LIMIT: Duration = Duration::from_secs(2);

/// A name server's stand-in.
#[derive(Clone)]
struct Server(Rc<Zone>);

struct Zone {
    /// What it says of the name; nothing: it can't be reached.
    says: RefCell<Option<Vec<SocketAddr>>>,
    /// How many answers it may give.
    may: Semaphore,
    asked: Cell<usize>,
}

impl Server {
    fn new(says: impl Into<Vec<SocketAddr>>) -> Self {
        let says = RefCell::new(Some(says.into()));
        Self(Rc::new(Zone { says, may: Semaphore::new(1000), asked: Cell::new(0) }))
    }

    fn addresses(&self) -> Rc<Addresses> {
        let zone = Rc::clone(&self.0);
        let lookup: Lookup = Box::new(move || {
            let zone = Rc::clone(&zone);
            Box::pin(async move {
                zone.asked.set(zone.asked.get() + 1);
                zone.may.acquire().await.unwrap().forget();
                let says = zone.says.borrow().clone();
                says.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "no name server answers"))
            })
        });
        Addresses::of("backend:80".to_owned(), LIMIT, None, Some(lookup), Troubles::default())
    }

    fn says(&self, says: impl Into<Option<Vec<SocketAddr>>>) {
        *self.0.says.borrow_mut() = says.into();
    }

    /// From now on it is silent.
    fn falls_silent(&self) {
        self.0.may.forget_permits(1000);
    }

    fn asked(&self) -> usize {
        self.0.asked.get()
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(test);
}

/// A free port of 127.0.0.1 that is listened to, and the same port of another address that isn't.
async fn pair() -> (TcpListener, SocketAddr, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let alive = listener.local_addr().unwrap();
    (listener, alive, SocketAddr::from(([127, 0, 0, 7], alive.port())))
}

async fn goes_to(addresses: &Rc<Addresses>) -> SocketAddr {
    addresses.connect().await.unwrap().0.peer_addr().unwrap()
}

#[test]
fn those_who_need_addresses_at_once_ask_once() {
    run(async {
        let (_listener, alive, _) = pair().await;
        let server = Server::new([alive]);
        let addresses = server.addresses();
        let all = futures_util::future::join_all((0..50).map(|_| addresses.connect())).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(server.asked(), 1);
        addresses.connect().await.unwrap();
        assert_eq!(server.asked(), 1, "they are fresh");
        let now = Instant::now();
        addresses.renew(now + Duration::from_secs(6)).await.unwrap();
        assert_eq!(server.asked(), 2);
    });
}

#[test]
fn who_leaves_does_not_take_the_answer_along() {
    run(async {
        let (_listener, alive, _) = pair().await;
        let server = Server::new([alive]);
        server.falls_silent();
        let addresses = server.addresses();
        tokio::select! {
            biased;
            _ = addresses.connect() => panic!("nothing is known yet"),
            () = async { while server.asked() == 0 { tokio::task::yield_now().await } } => {}
        }
        server.0.may.add_permits(1);
        assert_eq!(goes_to(&addresses).await, alive);
        assert_eq!(server.asked(), 1);
    });
}

#[test]
fn without_an_answer_the_former_addresses_do() {
    run(async {
        let (_listener, alive, _) = pair().await;
        let server = Server::new([alive]);
        let addresses = server.addresses();
        let (_, era) = addresses.connect().await.unwrap();
        let later = Instant::now() + Duration::from_secs(6);
        for says in [None, Some(vec![])] {
            server.says(says);
            addresses.renew(later).await.unwrap();
            assert_eq!(goes_to(&addresses).await, alive);
        }
        assert_eq!(server.asked(), 2, "it is not asked again for each connection");
        assert!(!era.is_over());
    });
}

#[test]
fn a_silent_name_server_is_waited_for_by_nobody_after_a_while() {
    run(async {
        let (_listener, alive, _) = pair().await;
        let server = Server::new([alive]);
        let addresses = server.addresses();
        addresses.connect().await.unwrap();
        server.falls_silent();
        let later = Instant::now() + Duration::from_secs(6);
        addresses.ask(later);
        let begun = Instant::now();
        addresses.renew(later + Duration::from_secs(2)).await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(900));
        assert_eq!(server.asked(), 2);
    });
}

#[test]
fn where_there_never_was_an_address_the_resolvers_word_is_told() {
    run(async {
        let server = Server::new([]);
        let addresses = server.addresses();
        assert_eq!(addresses.connect().await.unwrap_err().to_string(), "the name has no address");
        server.says(None);
        assert_eq!(addresses.connect().await.unwrap_err().to_string(), "no name server answers");
        let (_listener, alive, _) = pair().await;
        server.says(vec![alive]);
        assert_eq!(goes_to(&addresses).await, alive);
    });
}

#[test]
fn an_address_that_refuses_is_left_out_and_comes_back_by_a_probe() {
    run(async {
        let (_listener, alive, dead) = pair().await;
        let addresses = Server::new([alive, dead]).addresses();
        for _ in 0..4 {
            assert_eq!(goes_to(&addresses).await, alive);
        }
        let (_, era) = addresses.connect().await.unwrap();
        // Listened to again; it gets nothing before its time is over.
        let _listener = TcpListener::bind(dead).await.unwrap();
        let failed = Instant::now();
        addresses.look_after(failed).await;
        assert_eq!((goes_to(&addresses).await, goes_to(&addresses).await), (alive, alive));
        addresses.look_after(failed + Duration::from_secs(2)).await;
        assert!(era.is_over(), "connections are shared anew");
        let mut met = [goes_to(&addresses).await, goes_to(&addresses).await];
        met.sort();
        assert_eq!(met, [alive, dead]);
    });
}

#[test]
fn a_silent_address_costs_its_share_of_the_time_once() {
    run(async {
        let (_listener, alive, silent) = pair().await;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&silent.into()).unwrap();
        socket.listen(0).unwrap();
        // Its queue is full: whoever comes next hears nothing.
        let brief = Duration::from_millis(200);
        let waiting: Vec<_> =
            std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&silent, brief).ok()).collect();
        assert!(!waiting.is_empty());
        let addresses = Server::new([alive, silent]).addresses();
        let begun = Instant::now();
        for _ in 0..2 {
            assert_eq!(goes_to(&addresses).await, alive);
        }
        assert!((LIMIT / 2..LIMIT).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        let begun = Instant::now();
        for _ in 0..10 {
            assert_eq!(goes_to(&addresses).await, alive);
        }
        assert!(begun.elapsed() < LIMIT / 2, "{:?}", begun.elapsed());
    });
}

#[test]
fn when_all_are_dead_all_are_tried_and_the_one_that_answers_is_back() {
    run(async {
        let (listener, alive, dead) = pair().await;
        drop(listener);
        let addresses = Server::new([alive, dead]).addresses();
        for _ in 0..3 {
            let error = addresses.connect().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
        let _listener = TcpListener::bind(alive).await.unwrap();
        let (_, era) = addresses.connect().await.unwrap();
        assert!(!era.is_over(), "its own coming back does not end it");
        assert_eq!(goes_to(&addresses).await, alive);
    });
}

#[test]
fn a_name_that_moves_is_noticed_without_a_new_connection() {
    run(async {
        let (_listener, alive, other) = pair().await;
        let server = Server::new([alive]);
        let addresses = server.addresses();
        let (_, era) = addresses.connect().await.unwrap();
        server.says(vec![other]);
        let now = Instant::now();
        addresses.look_after(now + Duration::from_secs(9)).await;
        addresses.answer().await;
        assert!(!era.is_over() && server.asked() == 1, "not yet");
        addresses.look_after(now + Duration::from_secs(10)).await;
        addresses.answer().await;
        assert!(era.is_over());
        assert_eq!(addresses.list.borrow().all(), [other]);
    });
}

#[test]
fn several_workers_tell_of_a_trouble_once() {
    let troubles = Troubles::default();
    assert!(troubles.begins("it".to_owned()) && !troubles.begins("it".to_owned()));
    assert!(troubles.begins("another".to_owned()));
    assert!(!troubles.ends("it") && troubles.ends("it") && !troubles.ends("it"));
    assert!(troubles.begins("it".to_owned()));
}
