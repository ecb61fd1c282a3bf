//! Pipes between sockets of this machine, and one of TCP.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[tokio::test]
async fn what_goes_through_a_pipe_comes_out_as_it_went_in_and_the_pipe_is_used_again() {
    let pipes = Pipes::with(ALL);
    let ((mut upstream, from), (to, mut client)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    for round in 0..20_u8 {
        let mut pipe = pipes.take().unwrap();
        let sent: Vec<u8> = (0..50_000).map(|at: u32| (at % 251) as u8 ^ round).collect();
        upstream.write_all(&sent).await.unwrap();
        let mut moved = 0;
        while moved < sent.len() {
            assert!((1..=7_777).contains(&filled(&mut pipe, &from, 7_777).await));
            while !pipe.is_empty() {
                moved += poll_fn(|cx| pipe.poll_drain(Plain::Unix(&to), cx)).await.unwrap();
            }
        }
        let mut heard = vec![0; sent.len()];
        client.read_exact(&mut heard).await.unwrap();
        assert!(heard == sent, "round {round}");
    }
    assert_eq!(pipes.0.spare.borrow().len(), 1);
    drop(upstream);
    assert_eq!(filled(&mut pipes.take().unwrap(), &from, 1).await, 0, "the end");
}

impl Pipe {
    /// One into which the kernel moves nothing: it is none.
    pub(in crate::web) fn that_takes_nothing() -> Self {
        let nowhere =
            || OwnedFd::from(std::fs::File::options().read(true).write(true).open("/dev/null").unwrap());
        let ends = Rc::new(Ends { out: nowhere(), into: nowhere(), room: 100 });
        Self { ends, held: 0, home: Pipes::with(ALL) }
    }
}

/// Fills a pipe, and nothing beside it.
async fn filled(pipe: &mut Pipe, from: &UnixStream, most: usize) -> usize {
    let mut beside = Vec::new();
    let count = poll_fn(|cx| pipe.poll_fill(Plain::Unix(from), cx, most, &mut beside)).await.unwrap();
    assert!(beside.is_empty());
    count
}

/// A socket in which something is to be read.
async fn told(what: &[u8]) -> (UnixStream, UnixStream) {
    let (mut far, near) = UnixStream::pair().unwrap();
    far.write_all(what).await.unwrap();
    (far, near)
}

#[tokio::test]
async fn a_pipe_that_is_not_empty_is_used_by_nobody_else_and_makes_room_for_another() {
    let pipes = Pipes::with(ALL);
    for _ in 0..2 * ALL {
        let (_far, from) = told(b"a secret of one").await;
        let mut pipe = pipes.take().unwrap();
        filled(&mut pipe, &from, 100).await;
        drop(pipe);
        assert!(pipes.0.spare.borrow().is_empty());
    }
}

#[tokio::test]
async fn what_the_system_says_is_in_a_pipe_counts_more_than_what_was_counted() {
    let pipes = Pipes::with(ALL);
    let (_far, from) = told(b"a secret of one").await;
    let mut pipe = pipes.take().unwrap();
    filled(&mut pipe, &from, 100).await;
    pipe.held = 0;
    drop(pipe);
    assert_eq!(pipes.0.spare.borrow().len(), 1);
    assert!(pipes.take().is_none());
    assert_eq!(pipes.0.left.get(), ALL, "it is closed");
}

#[test]
fn workers_share_what_pipes_a_process_has() {
    for (workers, descriptors, each) in
        [(1, u64::MAX, 64), (2, 20_000, 32), (4, 1 << 20, 16), (1, 1024, 32), (2, 128, 2), (64, 4096, 2)]
    {
        assert_eq!(share(workers, descriptors), each, "{workers} workers, {descriptors} descriptors");
    }
}

#[test]
fn a_worker_has_so_many_pipes_and_keeps_few_empty_ones() {
    let pipes = Pipes::with(10);
    for _ in 0..2 {
        let taken: Vec<_> = std::iter::from_fn(|| pipes.take()).collect();
        assert_eq!(taken.len(), 10);
    }
    assert_eq!(pipes.0.spare.borrow().len(), SPARE);
}

#[tokio::test]
async fn where_it_is_forbidden_nothing_is_lost_and_it_is_not_tried_again_for_a_while() {
    for kind in [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::InvalidInput,
        io::ErrorKind::Unsupported,
        io::ErrorKind::OutOfMemory,
    ] {
        let pipes = Pipes::with(ALL);
        let (_far, from) = told(b"hello").await;
        let mut pipe = pipes.take().unwrap();
        filled(&mut pipe, &from, 100).await;
        assert_eq!(pipe.moved(Err(kind.into())).unwrap_err().kind(), io::ErrorKind::Unsupported);
        let mut bytes = b"> ".to_vec();
        pipe.empty_into(&mut bytes).unwrap();
        assert_eq!(bytes, b"> hello");
        drop(pipe);
        assert!(pipes.take().is_none(), "{kind}");
        pipes.0.pause.set(Some(Instant::now()));
        assert!(pipes.take().is_some(), "{kind}");
    }
}

/// Seen: before an urgent byte the kernel gives a pipe nothing, and says that there is nothing.
#[tokio::test]
async fn what_precedes_urgent_data_goes_beside_the_pipe() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (from, _) = listener.accept().await.unwrap();
    let far = socket2::Socket::from(far.into_std().unwrap());
    let (mut got, mut pipe) = (Vec::new(), Pipes::with(ALL).take().unwrap());
    far.send(b"before").unwrap();
    far.send_out_of_band(b"!").unwrap();
    far.send(b"behind").unwrap();
    while got.len() < 12 {
        poll_fn(|cx| pipe.poll_fill(Plain::Tcp(&from), cx, 100, &mut got)).await.unwrap();
        pipe.empty_into(&mut got).unwrap();
    }
    assert_eq!(got, b"beforebehind");
}
