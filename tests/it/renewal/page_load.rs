//! Requests whose access token has run out go through, and the upstream learns of no token.

use std::collections::HashSet;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{LAPSED, assert_unseen, echoing, get, record};
use crate::support::{Answer, Gate, Upstream};

#[test]
fn forty_parallel_requests_of_one_page_share_one_rotation_and_all_go_through() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let requests: Vec<_> = (0..40).map(|_| scope.spawn(|| get(&gate, &cookies))).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    }
    let pairs: Vec<_> = answers.iter().map(Answer::cookies).collect();
    let successors: HashSet<_> = pairs.iter().map(|pair| &pair.refresh).collect();
    assert_eq!((successors.len(), record(&gate).generation), (1, 2));
    let seen = gate.upstream.requests();
    assert_eq!(seen.len(), 40);
    assert!(seen.iter().all(|seen| seen.header("x-user-id").as_deref() == Some("1")));
    assert_unseen(&gate, &pairs.iter().chain([&cookies]).collect::<Vec<_>>());
    // Whichever answer a browser took last, its pair is good.
    for pair in [&pairs[0], &pairs[39]] {
        let answer = get(&gate, pair);
        assert!(answer.status == 200 && answer.all("set-cookie").is_empty(), "{answer:?}");
    }
}

#[test]
fn without_an_access_token_a_good_refresh_cookie_is_enough() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    for headers in ["", "access_token=; ", "access_token=\"\"; "] {
        let answer = gate.get("/", &format!("Cookie: {headers}refresh_token={}\r\n", cookies.refresh));
        assert_eq!(answer.status, 200, "{headers}");
        assert_unseen(&gate, &[&cookies, &answer.cookies()]);
    }
    assert_eq!(record(&gate).generation, 2, "the later ones are answered with the pair of the first");
}

#[test]
fn an_upgrade_renews_and_its_101_carries_the_new_pair() {
    let gate = Gate::before(echoing(), "");
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let mut tunnel = gate.connect();
    tunnel.write(format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n",
        gate.address,
        cookies.header()
    ));
    let answer = tunnel.answer();
    assert_eq!((answer.status, answer.header("cache-control")), (101, Some("no-store")));
    let renewed = answer.cookies();
    tunnel.write("hello");
    assert_eq!(tunnel.exactly(5), b"hello");
    let seen = gate.upstream.request();
    assert_eq!((seen.header("x-user-id").as_deref(), seen.header("cookie")), (Some("1"), None));
    assert_unseen(&gate, &[&cookies, &renewed]);
    assert_eq!(get(&gate, &renewed).status, 200);
}

#[test]
fn a_tunnel_that_was_opened_by_a_renewal_ends_with_its_session() {
    let gate = Gate::before(echoing(), "");
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let mut tunnel = gate.tunnel(&format!("Cookie: {}\r\n", cookies.header()));
    let signed_out = gate.post("/auth/signout", "", &format!("Cookie: {}\r\n", cookies.header()));
    let ended = std::time::Instant::now();
    assert_eq!(signed_out.status, 200);
    assert!(tunnel.is_closed());
    assert!(ended.elapsed() < std::time::Duration::from_secs(2), "{:?}", ended.elapsed());
}

#[test]
fn a_streamed_upload_renews_before_its_body_has_come_and_loses_none_of_it() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let mut upload = gate.connect();
    upload.write(format!(
        "POST /upload HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nTransfer-Encoding: chunked\r\n\
         Trailer: Cookie, X-Sum\r\n\r\n5\r\nfirst\r\n",
        gate.address,
        cookies.header()
    ));
    let start = std::time::Instant::now();
    while record(&gate).generation < 2 {
        assert!(start.elapsed() < crate::support::PATIENCE);
    }
    let chunk = "x".repeat(10_000);
    (0..100).for_each(|_| upload.write(format!("2710\r\n{chunk}\r\n")));
    upload.write(format!("0\r\nCookie: {}\r\nX-Sum: 1\r\n\r\n", cookies.header()));
    let answer = upload.answer();
    assert_eq!(answer.status, 200);
    let seen = gate.upstream.request();
    assert_eq!((seen.body.len(), seen.header("x-user-id").as_deref()), (1_000_005, Some("1")));
    assert_eq!(seen.trailers.to_ascii_lowercase(), "x-sum: 1\r\n");
    assert_unseen(&gate, &[&cookies, &answer.cookies()]);
}

#[test]
fn the_upstream_sees_no_token_however_the_cookies_are_spelt() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let (access, refresh) = (&cookies.access, &cookies.refresh);
    for headers in [
        format!("cookie: a=1;access_token={access};refresh_token={refresh};b=2"),
        format!("COOKIE: a=1; access_token = {access}; refresh_token\t=\t{refresh}; b=2"),
        format!("Cookie: a=1; refresh_token=\"{refresh}\"; b=2"),
        format!("Cookie: a=1; refresh_token={refresh}\r\nCookie: refresh_token={refresh}; b=2"),
        format!(
            "Cookie: a=1\r\nCookie: access_token={access}\r\nCookie: refresh_token={refresh}\r\ncookie: b=2"
        ),
        format!("Cookie: ;; a=1; ;refresh_token={refresh};;refresh_token; b=2; refresh_token={refresh}"),
    ] {
        let answer = gate.get("/", &format!("{headers}\r\n"));
        assert_eq!(answer.status, 200, "{headers}");
        let seen = gate.upstream.last();
        assert!(!seen.head.contains("_token"), "{}", seen.head);
        let kept = seen.header("cookie").unwrap();
        assert!(kept.contains("a=1") && kept.contains("b=2"), "{kept}");
        assert_unseen(&gate, &[&cookies, &answer.cookies()]);
    }
}

#[test]
fn nothing_is_renewed_where_the_settings_say_so() {
    let gate = Gate::with("tokens.silent_refresh = false");
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let expired = get(&gate, &cookies);
    assert_eq!((expired.status, expired.detail().as_str()), (401, "Token has expired"));
    let missing = gate.get("/", &format!("Cookie: refresh_token={}\r\n", cookies.refresh));
    assert_eq!((missing.status, missing.detail().as_str()), (401, "Not authenticated"));
    assert!(expired.all("set-cookie").is_empty() && missing.all("set-cookie").is_empty());
    assert_eq!((gate.upstream.bytes(), record(&gate).generation), (0, 1));
}

#[test]
fn what_another_site_sends_and_what_asks_for_json_spends_no_token() {
    let gate = Gate::before(echoing(), "");
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    let upgrade = "Connection: Upgrade\r\nUpgrade: shout\r\n";
    for answer in [
        gate.post("/", "{}", &format!("{cookie}{foreign}")),
        gate.get("/", &format!("{cookie}{foreign}{upgrade}")),
        gate.get("/", &format!("{cookie}Origin: http://evil.example\r\n{upgrade}")),
        gate.post("/auth/refresh", "", &format!("{cookie}{foreign}")),
    ] {
        assert_eq!((answer.status, answer.all("set-cookie").len()), (403, 0), "{answer:?}");
    }
    let me = gate.get("/auth/me", &cookie);
    assert_eq!((me.status, me.detail().as_str(), me.all("set-cookie").len()), (401, "Token has expired", 0));
    assert_eq!((gate.upstream.bytes(), record(&gate).generation), (0, 1));
}

#[test]
fn an_answer_that_carries_a_session_is_kept_by_no_cache_whatever_the_upstream_says() {
    let upstream = Upstream::answering(|exchange| {
        exchange.write(
            "HTTP/1.1 200 OK\r\nCache-Control: public\r\nCache-Control: max-age=3600\r\nCDN-Cache-Control: max-age=60\r\n\
             Example-CDN-Cache-Control: public\r\nSurrogate-Control: max-age=60\r\nEdge-Control: max-age=60\r\nX-Accel-Expires: 60\r\n\
             Content-Length: 2\r\n\r\nok",
        );
        true
    });
    let gate = Gate::before(upstream, "");
    let cookies = gate.member("jack@example.com");
    // What has precedence over `Cache-Control` in a cache of its kind: RFC 9213, Edge Architecture 1.0, Akamai, nginx.
    let others = [
        "cdn-cache-control",
        "example-cdn-cache-control",
        "surrogate-control",
        "edge-control",
        "x-accel-expires",
    ];
    let as_sent = get(&gate, &cookies);
    assert_eq!(as_sent.all("cache-control"), ["public", "max-age=3600"]);
    assert!(others.iter().all(|name| as_sent.header(name).is_some()), "{as_sent:?}");
    gate.clock.advance(LAPSED);
    let renewed = get(&gate, &cookies);
    assert_eq!(renewed.all("cache-control"), ["no-store"]);
    assert!(others.iter().all(|name| renewed.header(name).is_none()), "{renewed:?}");
    assert_eq!(renewed.all("set-cookie").len(), 2);
}

/// As browsers load a page: over one connection, whose requests meet in one worker.
#[test]
fn forty_streams_of_one_http_2_connection_share_one_rotation() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let successors: HashSet<String> = Gate::wait(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut loading = tokio::task::JoinSet::new();
        for number in 0..40 {
            let request = http::Request::get(format!("http://{}/{number}", gate.address))
                .header("cookie", format!("access_token={}", cookies.access))
                .header("cookie", format!("refresh_token={}", cookies.refresh))
                .body(Empty::new())
                .unwrap();
            let mut sender = sender.clone();
            loading.spawn(async move { sender.send_request(request).await.unwrap() });
        }
        loading
            .join_all()
            .await
            .iter()
            .map(|answer| {
                assert_eq!(answer.status(), 200);
                let set = answer.headers().get_all("set-cookie").iter().filter_map(|set| set.to_str().ok());
                let mut refresh = set.filter_map(|set| set.strip_prefix("refresh_token="));
                refresh.next().unwrap().split(';').next().unwrap().to_owned()
            })
            .collect()
    });
    assert_eq!((successors.len(), record(&gate).generation), (1, 2));
    assert_eq!(gate.upstream.requests().len(), 40);
    assert_unseen(&gate, &[&cookies]);
}
