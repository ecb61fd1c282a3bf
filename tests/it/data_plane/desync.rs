//! Bytes that belong to no answer are nobody's: they are never taken for the answer to the next request, whoever asks.

use std::sync::{Arc, Mutex, mpsc};

use crate::support::{Gate, PATIENCE, Upstream};

use super::stage::{After, Script, Stage};

const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSet-Cookie: theme=evil\r\n\r\nevil";

#[test]
fn what_follows_a_whole_answer_is_not_the_next_one() {
    let heads = [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
        ("POST", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
    ];
    let mut scripts: Vec<_> =
        heads.iter().map(|(_, sent)| Script::new(format!("{sent}{EVIL}"), After::Keep)).collect();
    // Less than an answer, and what is none.
    scripts.extend(heads.iter().map(|(_, sent)| Script::new(format!("{sent}HTTP/1"), After::Keep)));
    scripts.extend(heads.iter().map(|(_, sent)| Script::new(format!("{sent}\0"), After::Keep)));
    let count = scripts.len();
    for stage in Stage::on_both_ways(&scripts, "") {
        for number in 0..count {
            let (method, sent) = heads[number % heads.len()];
            let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
            let asked = stage.request(method, &format!("/{number}"), length);
            for together in [false, true] {
                let mut connection = stage.gate.connect();
                let name = stage.name(&format!("{number}: {method} {sent:?}, both at once: {together}"));
                let next = stage.request("GET", "/plain", "");
                connection.write(if together { format!("{asked}{next}") } else { asked.clone() });
                let answer = connection.answer_to(method);
                assert!(sent.contains(&format!(" {} ", answer.status)), "{name}: {answer:?}");
                if !together {
                    connection.write(next);
                }
                let answer = connection.answer();
                assert_eq!(
                    (answer.status, answer.text().as_str()),
                    (200, "plain"),
                    "{name}: {}",
                    answer.head
                );
                stage.assert_served(&mut connection, &name);
            }
        }
    }
}

#[test]
fn what_comes_on_an_idle_connection_is_not_the_next_answer() {
    let (go, gone) = mpsc::channel::<&'static str>();
    let (done, sent) = mpsc::channel();
    let (gone, done) = (Arc::new(Mutex::new(gone)), Mutex::new(done));
    let upstream = Upstream::answering(move |exchange| {
        // Else it would only come once the gate has acknowledged the answer, which is with the next request.
        exchange.stream.set_nodelay(true).unwrap();
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
        if exchange.seen.line().starts_with("GET /first") {
            let evil = gone.lock().unwrap().recv().unwrap();
            exchange.write(evil);
            done.lock().unwrap().send(()).unwrap();
        }
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    let mut ask = |path: &str, round: usize| {
        connection.write(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text().as_str()), (200, "good"), "{path}: {} {round}", answer.head);
    };
    for round in 0..200 {
        ask("/first", round);
        go.send([EVIL, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 4", "\r\n"][round % 4]).unwrap();
        sent.recv_timeout(PATIENCE).unwrap();
        // Now it is in the gate's socket, whether the gate has looked or not.
        ask("/second", round);
        ask("/third", round);
    }
}

/// A connection that was broken off mid-answer, by its client or by the time limit, has the rest of it still to come.
#[test]
fn the_rest_of_an_answer_that_its_client_left_is_not_the_next_one() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let upstream = Upstream::answering(move |exchange| {
        if exchange.seen.line().starts_with("GET /long") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
            gone.lock().unwrap().recv().unwrap();
            exchange.write(EVIL);
        }
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
        true
    });
    let gate = Gate::before(upstream, "server.workers = 1");
    let cookie = gate.signed_in();
    for _ in 0..10 {
        let mut leaves = gate.connect();
        leaves.write(format!("GET /long HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        assert_eq!(leaves.head().status, 200);
        assert_eq!(leaves.exactly(5), b"begun");
        drop(leaves);
        let answer = gate.get("/next", &cookie);
        assert_eq!((answer.status, answer.text().as_str()), (200, "good"), "{}", answer.head);
        go.send(()).unwrap();
        let answer = gate.get("/next", &cookie);
        assert_eq!((answer.status, answer.text().as_str()), (200, "good"), "{}", answer.head);
    }
}
