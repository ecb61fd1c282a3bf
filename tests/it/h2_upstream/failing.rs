//! How an HTTP/2 upstream fails, and what the client is told: never that half an answer is a whole one.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use http_body_util::BodyExt as _;

use super::server::{Goodbye, Server};
use super::{connect, data, empty, gate, request, written};
use crate::support::{Gate, PATIENCE};

#[test]
fn an_upstream_that_is_down_is_a_502_and_one_that_is_slow_a_504() {
    let server = Server::answering(async |mut call| _ = call.is_reset().await);
    let gate = gate(&server, "upstream.response_timeout = \"300ms\"");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/", &cookie).status, 504);
    assert_eq!(gate.post("/", "{}", &cookie).status, 504);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gate = Gate::with(&format!("upstream.url = \"h2c://{closed}\""));
    let answer = gate.get("/", &gate.signed_in());
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("application/problem+json")));
}

#[test]
fn an_upstream_that_does_not_speak_http_2_is_a_502_and_a_silent_one_a_504() {
    for (greeting, status) in [("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", 502), ("", 504)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || {
                    let _ = stream.write_all(greeting.as_bytes());
                    while let Ok(1..) = stream.read(&mut [0; 1024]) {}
                });
            }
        });
        let settings = format!("upstream.url = \"h2c://{address}\"\nupstream.connect_timeout = \"300ms\"");
        let gate = Gate::with(&settings);
        assert_eq!(gate.get("/", &gate.signed_in()).status, status, "{greeting:?}");
    }
}

/// Many who wait for one connection that can't be made are told so together.
#[test]
fn a_burst_before_a_silent_upstream_waits_for_one_time_limit_and_not_for_one_each() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = format!(
        "server.workers = 1\nupstream.url = \"h2c://{}\"\nupstream.connect_timeout = \"400ms\"",
        listener.local_addr().unwrap()
    );
    let gate = Gate::with(&settings);
    let cookie = gate.signed_in();
    let begun = std::time::Instant::now();
    let mut connections: Vec<_> = (0..30)
        .map(|_| {
            let mut connection = gate.connect();
            connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
            connection
        })
        .collect();
    for connection in &mut connections {
        assert_eq!(connection.answer().status, 504);
    }
    assert!(begun.elapsed() < PATIENCE / 4, "{:?}", begun.elapsed());
}

#[test]
fn a_reset_before_the_head_is_a_502_and_the_connection_lives_on() {
    let server = Server::answering(async |mut call| match call.seen.uri.path() {
        "/reset" => call.answer.send_reset(Reason::INTERNAL_ERROR),
        "/no-error" => call.answer.send_reset(Reason::NO_ERROR),
        _ => call.send(200, "fine"),
    });
    let gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    for path in ["/reset", "/no-error"] {
        assert_eq!(gate.get(path, &cookie).status, 502, "{path}");
        assert_eq!(gate.post(path, "{}", &cookie).status, 502, "{path}");
    }
    assert_eq!(server.requests().len(), 4, "nothing was tried twice");
    assert_eq!(gate.get("/", &cookie).text(), "fine");
    assert_eq!(server.connections(), 1);
}

/// `NO_ERROR` and `CANCEL` are what libraries take for an end in silence.
#[test]
fn a_reset_in_the_middle_of_an_answer_is_never_a_whole_one() {
    let go = tokio::sync::watch::Sender::new(0);
    let goes = go.clone();
    let server = Server::answering(move |mut call| {
        let mut gone = goes.subscribe();
        async move {
            let reason = match call.seen.uri.path() {
                "/no-error" => Reason::NO_ERROR,
                "/cancel" => Reason::CANCEL,
                _ => Reason::INTERNAL_ERROR,
            };
            let mut stream = call.begin(200, &[]);
            stream.send_data(Bytes::from_static(b"half"), false).unwrap();
            gone.changed().await.unwrap();
            stream.send_reset(reason);
        }
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    for path in ["/no-error", "/cancel", "/internal"] {
        let mut connection = gate.connect();
        connection.write(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        assert_eq!(connection.head().status, 200, "{path}");
        assert_eq!(connection.exactly(9), b"4\r\nhalf\r\n", "{path}");
        go.send_modify(|count| *count += 1);
        assert_eq!(connection.rest(), b"", "{path}");
        Gate::wait(async {
            let mut client = connect(&gate).await;
            let asked = request(&gate, &cookies, "GET", path).body(empty()).unwrap();
            let mut body = client.send_request(asked).await.unwrap().into_body();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
            go.send_modify(|count| *count += 1);
            // hyper takes a `NO_ERROR` for an end, so that none may come.
            assert!(body.frame().await.unwrap().is_err(), "{path}");
        });
    }
}

#[test]
fn an_answer_that_is_shorter_or_longer_than_it_said_is_never_a_whole_one() {
    let server = Server::answering(async |mut call| {
        let length = if call.seen.uri.path() == "/short" { "9" } else { "1" };
        let mut stream = call.begin(200, &[("content-length", length)]);
        stream.send_data(Bytes::from_static(b"half"), true).unwrap();
    });
    let gate = gate(&server, "");
    let cookie = gate.signed_in();
    for path in ["/short", "/long"] {
        let mut connection = gate.connect();
        connection.write(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        let rest = String::from_utf8(connection.rest()).unwrap();
        assert!(
            rest.starts_with("HTTP/1.1 502") || !rest.contains("half") || path == "/short",
            "{path}: {rest}"
        );
    }
}

#[test]
fn two_lengths_are_a_502() {
    let server = Server::answering(async |mut call| {
        let mut stream = call.begin(200, &[("content-length", "4"), ("content-length", "9")]);
        let _ = stream.send_data(Bytes::from_static(b"half"), true);
    });
    let gate = gate(&server, "");
    assert_eq!(gate.get("/", &gate.signed_in()).status, 502);
}

/// RFC 9113 section 8.1: the answer is whole, and the rest of the upload is not wanted.
#[test]
fn an_early_answer_to_an_upload_is_whole_also_where_the_stream_is_reset_behind_it() {
    let server = Server::answering(async |mut call| {
        if call.seen.uri.path() == "/grpc" {
            call.head_alone(200, &[("content-type", "application/grpc"), ("grpc-status", "8")]);
        } else {
            call.send(413, "too large");
        }
        // Dropping what was not read resets the stream with `NO_ERROR`, behind the answer.
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    for _ in 0..20 {
        let mut connection = gate.connect();
        connection.write(format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Length: 1000000\r\n\r\n",
            gate.address,
            cookies.header()
        ));
        let _ = connection.try_write(vec![b'x'; 10_000]);
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text().as_str()), (413, "too large"));
    }
    Gate::wait(async {
        let mut client = connect(&gate).await;
        for _ in 0..20 {
            let (write, body) = written();
            write.send(data("x")).unwrap();
            let asked = request(&gate, &cookies, "POST", "/grpc").body(body).unwrap();
            let response = client.send_request(asked).await.unwrap();
            assert_eq!(response.headers()["grpc-status"], "8");
            assert!(http_body::Body::is_end_stream(response.body()), "a trailers-only answer is one frame");
        }
    });
}

#[test]
fn what_a_goodbye_or_a_refusal_left_unprocessed_is_sent_again() {
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refusals);
    let server = Server::answering(move |mut call| {
        let first =
            call.seen.uri.path() == "/refuse" && counted.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        async move {
            if first {
                call.answer.send_reset(Reason::REFUSED_STREAM);
            } else {
                call.send(200, "fine");
            }
        }
    });
    let gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/refuse", &cookie).text(), "fine");
    let bodiless = format!("DELETE /refuse HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    assert_eq!(gate.send(bodiless).text(), "fine", "nothing was done: any method may be repeated");
    // What has a body is gone with it.
    assert_eq!(gate.post("/refuse", "{}", &cookie).status, 502);
    assert_eq!(refusals.load(Ordering::SeqCst), 5);
}

#[test]
fn a_connection_that_says_goodbye_or_dies_takes_no_new_request() {
    let server = Server::answering(async |mut call| match call.seen.uri.path() {
        "/graceful" => {
            call.goodbye();
            call.send(200, "last");
        }
        "/silent" => call.dies(Goodbye::Silent).await,
        "/abrupt" => call.dies(Goodbye::Abrupt).await,
        _ => call.send(200, "fine"),
    });
    let gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/graceful", &cookie).text(), "last");
    server.until("the connection closes", |server| server.closed() == 1);
    assert_eq!(gate.get("/", &cookie).text(), "fine");
    assert_eq!(server.connections(), 2);
    for path in ["/silent", "/abrupt"] {
        assert_eq!(gate.post(path, "{}", &cookie).status, 502, "{path}");
        assert_eq!(gate.get("/", &cookie).text(), "fine");
    }
}

#[test]
fn a_safe_request_that_met_a_dead_connection_is_retried_once_and_no_other() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let server = Server::answering(move |mut call| {
        let dies =
            call.seen.uri.path() == "/dies" && counted.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        async move {
            if dies {
                call.dies(Goodbye::Silent).await;
            } else {
                call.send(200, "fine");
            }
        }
    });
    let gate = gate(&server, "server.workers = 1");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/", &cookie).text(), "fine");
    assert_eq!(gate.get("/dies", &cookie).text(), "fine");
    assert_eq!((seen.load(Ordering::SeqCst), server.connections()), (2, 2));
    let unsafe_one = format!("DELETE /dies HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    assert_eq!(gate.send(unsafe_one).status, 502, "perhaps it was done");
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}
