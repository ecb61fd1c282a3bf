//! HTTP itself: what is malformed is refused and its connection closed; both versions on one port; limits.

use crate::support::{Gate, Raw, Upstream, raw::find};

/// Each with a good cookie, so that only its form keeps it out.
#[test]
fn a_malformed_request_is_a_400_and_closes_the_connection() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let host = format!("Host: {}\r\n", gate.address);
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (request, body) in [
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 1\r\n{chunked}"), "0\r\n\r\n"),
        (format!("POST / HTTP/1.1\r\n{host}{chunked}Content-Length: 1\r\n"), "0\r\n\r\n"),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n"), "aa"),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 1\r\n"), "a"),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: -1\r\n"), ""),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 0x1\r\n"), "a"),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n"), "0\r\n\r\n"),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: identity\r\n"), ""),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: \x0bchunked\r\n"), "0\r\n\r\n"),
        (format!("POST / HTTP/1.0\r\n{host}{chunked}"), "0\r\n\r\n"),
        (format!("GET / HTTP/1.1\r\n{host}{host}"), ""),
        ("GET / HTTP/1.1\r\n".to_owned(), ""),
        (format!("GET / HTTP/1.1\r\n{host}X : a\r\n"), ""),
        (format!("GET / HTTP/1.1\r\n{host}X: a\r\n b\r\n"), ""),
        (format!("GET / HTTP/1.1\r\n{host}X: a\rb\r\n"), ""),
        (format!("GET / HTTP/1.1\r\n{host}X: a\0b\r\n"), ""),
        (format!("GET / HTTP/1.1\r\n{host}no colon\r\n"), ""),
        (format!("GET / HTTP/1.1\r\n{host}(x): a\r\n"), ""),
        (format!("GET /\r\n{host}"), ""),
        (format!("GET / HTTP/1.1\r\nHost: a@{}\r\n", gate.address), ""),
    ] {
        let mut connection = gate.connect();
        connection.write(format!("{request}{cookie}\r\n{body}"));
        assert_eq!(connection.answer().status, 400, "{request:?}");
        assert!(connection.is_closed(), "{request:?}");
    }
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn bad_chunks_never_make_a_whole_request() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    for body in [
        "x\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\na\r\n",
    ] {
        let mut connection = gate.connect();
        connection.write(format!(
            "POST / HTTP/1.1\r\nHost: {}\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n{body}",
            gate.address
        ));
        let answer = connection.answer();
        assert!(matches!(answer.status, 400 | 502), "{body:?}: {answer:?}");
        assert!(connection.is_closed(), "{body:?}");
    }
    let whole = gate.upstream.requests().iter().filter(|seen| !seen.body.is_empty()).count();
    assert!(whole <= 4);
}

#[test]
fn what_follows_a_malformed_head_is_not_a_request() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!(
        "POST / HTTP/1.1\r\nHost: {0}\r\n{cookie}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nHost: {0}\r\n{cookie}\r\n",
        gate.address
    ));
    assert_eq!(connection.answer().status, 400);
    assert!(connection.is_closed());
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn a_malformed_head_is_a_400_however_slowly_it_comes() {
    let gate = Gate::with("server.workers = 1");
    let host = format!("Host: {}\r\n", gate.address);
    for pieces in [
        &["GET / HTTP/1.1\r\nX: a\r\n", "\r\n"][..],
        &["GET / HTTP/1.1\r\nX: a\r\n\r", "\n"],
        &["POST / HTTP/1.1\r\n", &host, "Content-Length: 1, 1\r", "\n", "\r\na"],
        &["GET / HTTP/1.1\r\n", &host, "X: a\r\n b\r\n", "\r\n"],
    ] {
        let mut connection = gate.connect();
        for piece in pieces {
            // It may have had enough by now.
            let _ = connection.try_write(piece);
            // The one worker has read the piece by the time it has answered somebody else.
            assert_eq!(gate.get("/auth/healthz", "").status, 200);
        }
        assert_eq!(connection.answer().status, 400, "{pieces:?}");
        assert!(connection.is_closed(), "{pieces:?}");
    }
}

#[test]
fn what_looks_like_a_head_within_trailers_does_not_lead_astray() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let post = format!("POST / HTTP/1.1\r\nHost: {}\r\n{cookie}", gate.address);
    let astray = "POST / HTTP/1.1\nHost: a\nContent-Length: 100000\n\n";
    let twofold = format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    let extension = "x".repeat(15 * 1024);
    for (settings, body) in [
        ("", format!("0\r\nA: b\n\n{astray}\r\n\r\n")),
        ("", format!("0\r\n\n{astray}\r\n\r\n")),
        ("", "0;\nA: b\r\n\r\n".to_owned()),
        ("limits.header_bytes = \"8KiB\"", format!("1;{extension}\r\na\r\n0\r\n\r\n")),
    ] {
        let small;
        let gate = if settings.is_empty() {
            &gate
        } else {
            small = Gate::with(settings);
            &small
        };
        let mut connection = gate.connect();
        let _ = connection.try_write(format!("{post}Transfer-Encoding: chunked\r\n\r\n{body}{twofold}"));
        let mut statuses = Vec::new();
        while let Some(answer) = connection.next_answer() {
            statuses.push(answer.status);
        }
        assert_eq!(statuses.last(), Some(&400), "{statuses:?} {settings}");
        assert!(connection.is_closed());
    }
}

#[test]
fn a_bare_line_feed_may_end_a_line_and_is_never_forwarded() {
    let gate = Gate::start();
    let cookie = gate.signed_in().replace("\r\n", "\n");
    let answer = gate.send(format!("GET / HTTP/1.1\nHost: {}\n{cookie}X: a\n\n", gate.address));
    assert!(matches!(answer.status, 200 | 400));
    for seen in gate.upstream.requests() {
        assert!(!seen.head.replace("\r\n", "").contains('\n'), "{:?}", seen.head);
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    let me = format!("GET /auth/me HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    let post = format!("POST / HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Length: 3\r\n\r\nabc", gate.address);
    connection.write(format!("{me}{post}{me}{post}"));
    for _ in 0..2 {
        assert_eq!(connection.answer().json()["uid"], 1);
        assert_eq!(connection.answer().text(), "hello from upstream");
    }
}

#[test]
fn connect_is_refused() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let request = format!("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n{cookie}\r\n");
    let mut connection = gate.connect();
    connection.write(request);
    assert_eq!(connection.answer().status, 405);
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn an_upload_that_is_refused_may_be_sent_to_its_end() {
    let gate = Gate::start();
    let body = vec![b'x'; 32 << 20];
    for (path, status) in [("/upload", 401), ("/auth/signin", 413), ("/\0", 400)] {
        let mut connection = gate.connect();
        connection.write(format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            gate.address,
            body.len()
        ));
        assert!(connection.try_write(&body).is_ok(), "{path}");
        assert_eq!(connection.answer().status, status, "{path}");
    }
}

#[test]
fn http_1_0_is_served_and_closed() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.0\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    let answer = connection.answer();
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello from upstream"));
    assert!(connection.is_closed());
}

#[test]
fn a_head_may_have_header_bytes_and_no_more() {
    let gate = Gate::with("limits.header_bytes = \"16KiB\"");
    let cookie = gate.signed_in();
    let filler = "x".repeat(14 * 1024);
    assert_eq!(gate.get("/", &format!("{cookie}X: {filler}\r\n")).status, 200);
    let mut connection = gate.connect();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}X: {filler}{filler}\r\n\r\n", gate.address);
    let _ = connection.try_write(request);
    assert_eq!(connection.answer().status, 431);
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let gate = Gate::with("limits.header_timeout = \"200ms\"");
    for begun in ["", "G", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX"] {
        let mut connection = gate.connect();
        connection.write(begun);
        assert!(connection.is_closed(), "{begun:?}");
    }
    // Also not after a first request, however long an idle connection may be kept.
    let mut connection = gate.connect();
    connection.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
    assert_eq!(connection.answer().status, 200);
    connection.write("GET /auth/hea");
    assert!(connection.is_closed());
}

#[test]
fn an_idle_connection_is_kept_for_a_while_and_then_closed() {
    let gate = Gate::with("server.keep_alive = \"300ms\"");
    let mut connection = gate.connect();
    for _ in 0..3 {
        connection.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
        assert_eq!(connection.answer().status, 200);
    }
    assert!(connection.is_closed());
}

#[test]
fn connections_beyond_the_limit_get_a_503_and_room_comes_back() {
    let gate = Gate::with("limits.connections = 2");
    let health = format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address);
    let mut held: Vec<Raw> = (0..2).map(|_| gate.connect()).collect();
    for connection in &mut held {
        connection.write(&health);
        assert_eq!(connection.answer().status, 200);
    }
    let answer = gate.connect().answer();
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")));
    held.clear();
    let start = std::time::Instant::now();
    while gate.send(&health).status != 200 {
        assert!(start.elapsed() < crate::support::PATIENCE);
    }
}

mod http2 {
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use hyper::client::conn::http2::{self, SendRequest};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    use super::*;

    /// RFC 9113 section 6.9.2.
    const WINDOW: u32 = 65_535;

    /// A client that takes `window` bytes of an answer before it has to be asked for more.
    async fn connect<B>(gate: &Gate, window: u32) -> SendRequest<B>
    where
        B: http_body::Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + Unpin + 'static,
    {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }

    #[test]
    fn http_2_by_prior_knowledge_is_served_on_the_same_port() {
        let gate = Gate::start();
        let cookies = gate.member("jack@example.com");
        Gate::wait(async {
            let mut sender = connect(&gate, WINDOW).await;
            // Cookies may come in several headers (RFC 9113 section 8.2.3).
            let request = http::Request::post(format!("http://{}/a?b", gate.address))
                .header("cookie", format!("access_token={}", cookies.access))
                .header("cookie", "a=1")
                .header("cookie", "b=2")
                .header("x-user-id", "7")
                .body(Full::new(Bytes::from_static(b"abc")))
                .unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "hello from upstream");

            let refused =
                http::Request::get(format!("http://{}/", gate.address)).body(Full::default()).unwrap();
            assert_eq!(sender.send_request(refused).await.unwrap().status(), 401);
            let twofold = http::Request::get(format!("http://{}/", gate.address))
                .header("host", "other.example")
                .header("cookie", format!("access_token={}", cookies.access))
                .body(Full::default())
                .unwrap();
            assert_eq!(sender.send_request(twofold).await.unwrap().status(), 400);
        });
        let seen = gate.upstream.request();
        assert_eq!((seen.line(), seen.body.as_slice()), ("POST /a?b HTTP/1.1", &b"abc"[..]));
        assert_eq!(seen.header("cookie").as_deref(), Some("a=1; b=2"));
        assert_eq!(seen.header("host"), Some(gate.address.to_string()));
        assert_eq!(seen.header("x-user-id").as_deref(), Some("1"));
    }

    #[test]
    fn a_body_goes_through_with_any_method_and_no_length() {
        let gate = Gate::start();
        let cookies = gate.member("jack@example.com");
        Gate::wait(async {
            let mut sender = connect(&gate, WINDOW).await;
            for method in ["GET", "POST", "DELETE", "SEARCH"] {
                let body =
                    http_body_util::StreamBody::new(futures_util::stream::iter([Ok::<_, std::io::Error>(
                        http_body::Frame::data(Bytes::from_static(b"abc")),
                    )]));
                let request = http::Request::builder()
                    .method(method)
                    .uri(format!("http://{}/", gate.address))
                    .header("cookie", format!("access_token={}", cookies.access))
                    .body(body)
                    .unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.status(), 200, "{method}");
                response.into_body().collect().await.unwrap();
                assert_eq!(gate.upstream.last().body, b"abc", "{method}");
            }
        });
    }

    /// Seen: nobody asked such an answer's body for more, so that it looked neither at the clock nor after its session.
    #[test]
    fn a_client_that_opens_no_window_holds_nothing_beyond_the_idle_timeout_or_its_session() {
        for (settings, signs_out) in [("upstream.idle_timeout = \"300ms\"", false), ("", true)] {
            let (gave_up, given_up) = std::sync::mpsc::channel();
            let gave_up = std::sync::Mutex::new(gave_up);
            let upstream = Upstream::answering(move |exchange| {
                exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
                let chunk = vec![b'x'; 64 * 1024];
                while std::io::Write::write_all(&mut exchange.stream, &chunk).is_ok() {}
                gave_up.lock().unwrap().send(()).unwrap();
                false
            });
            let gate = Gate::before(upstream, settings);
            let cookies = gate.member("jack@example.com");
            Gate::wait(async {
                let mut sender = connect(&gate, 1024).await;
                let request = http::Request::get(format!("http://{}/", gate.address))
                    .header("cookie", cookies.header())
                    .body(Full::<Bytes>::default())
                    .unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.status(), 200);
                if signs_out {
                    let cookie = format!("Cookie: {}\r\n", cookies.header());
                    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
                }
                let patience =
                    if signs_out { std::time::Duration::from_secs(2) } else { crate::support::PATIENCE };
                given_up.recv_timeout(patience).unwrap();
                drop(response);
            });
        }
    }

    #[test]
    fn an_idle_http_2_connection_is_told_goodbye() {
        let gate = Gate::with("server.keep_alive = \"300ms\"");
        let mut connection = gate.connect();
        connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        let rest = connection.rest();
        // GOAWAY is frame type 7.
        assert!(find(&rest, b"\x07\0\0\0\0\0").is_some(), "{rest:?}");
    }
}
