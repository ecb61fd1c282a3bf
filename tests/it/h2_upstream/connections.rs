//! Few connections carry many streams, and no more at once than the upstream allows.

use std::time::Duration;

use http_body_util::BodyExt as _;

use super::server::{Server, Terms};
use super::{connect, empty, gate, request};
use crate::support::Gate;

/// Answers after every other stream that is to be there has come.
fn meeting(terms: Terms, count: usize) -> Server {
    let (sender, _) = tokio::sync::watch::channel(0);
    Server::on(terms, move |mut call| {
        let sender = sender.clone();
        async move {
            sender.send_modify(|met| *met += 1);
            let _ = sender.subscribe().wait_for(|met| *met >= count).await;
            call.send(200, "met");
        }
    })
}

fn all_at_once(gate: &Gate, count: usize) {
    let cookies = gate.member("jack@example.com");
    Gate::wait(async {
        // A gate's client may have 128 streams.
        let mut answers = tokio::task::JoinSet::new();
        for _ in 0..count.div_ceil(100) {
            let mut client = connect(gate).await;
            for _ in 0..count.min(100) {
                let asked = request(gate, &cookies, "GET", "/").body(empty()).unwrap();
                let answer = client.send_request(asked);
                answers.spawn(async move {
                    answer.await.unwrap().into_body().collect().await.unwrap().to_bytes()
                });
            }
        }
        while let Some(body) = answers.join_next().await {
            assert_eq!(body.unwrap(), "met");
        }
    });
}

#[test]
fn many_streams_share_few_connections_from_the_first_burst_on() {
    let server = meeting(Terms::default(), 300);
    let gate = gate(&server, "server.workers = 1");
    all_at_once(&gate, 300);
    assert_eq!((server.requests().len(), server.most()), (300, 300));
    assert_eq!(server.connections(), 3, "a hundred streams each");
}

#[test]
fn the_upstreams_limit_of_streams_holds_from_the_first_request_on() {
    let server = meeting(Terms { streams: 7, ..Terms::default() }, 50);
    let gate = gate(&server, "server.workers = 1");
    all_at_once(&gate, 50);
    assert_eq!(server.requests().len(), 50, "nothing was refused and sent again");
    assert_eq!(server.connections(), 8);
    // Those that were opened for the burst go when it is over.
    server.until("the others close", |server| server.closed() == 7);
}

#[test]
fn requests_one_after_the_other_use_one_connection() {
    let server = Server::start();
    let gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    (0..50).for_each(|_| assert_eq!(gate.get("/", &cookie).status, 200));
    assert_eq!(server.connections(), 1);
}

/// nginx ends a connection after a thousand, and with it what is on its way there.
#[test]
fn a_connection_is_left_before_upstreams_that_count_end_it() {
    let server = Server::start();
    let gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    for (count, connections) in [(900, 1), (900, 2), (1, 3)] {
        for _ in 0..count {
            let body = "Content-Length: 1\r\n\r\nx";
            connection.write(format!("POST / HTTP/1.1\r\nHost: {}\r\n{cookie}{body}", gate.address));
            assert_eq!(connection.answer().status, 200);
        }
        assert_eq!(server.connections(), connections);
    }
    server.until("those that were left close", |server| server.closed() == 2);
}

/// Perhaps there is nobody at the other end any more, and TCP does not know.
#[test]
fn after_a_request_that_got_no_answer_the_next_goes_over_another_connection() {
    let server = Server::answering(async |mut call| {
        if call.connection == 1 {
            call.is_reset().await;
        } else {
            call.send(200, "fine");
        }
    });
    let gate = gate(&server, "server.workers = 1\nupstream.response_timeout = \"300ms\"");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/", &cookie).status, 504);
    assert_eq!(gate.get("/", &cookie).text(), "fine");
}

#[test]
fn a_gate_that_stops_says_goodbye_to_its_upstream() {
    let server = Server::start();
    let mut gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/", &cookie).status, 200);
    let begun = std::time::Instant::now();
    gate.restart();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.until("the connection closes", |server| server.closed() == 1);
}
