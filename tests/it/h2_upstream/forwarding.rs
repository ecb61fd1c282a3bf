//! What an HTTP/2 upstream is told, and what of its answer goes back.

use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::server::Server;
use super::{connect, data, empty, full, gate, request, trailers, written};
use crate::support::Gate;

#[test]
fn method_path_and_query_go_through_byte_for_byte() {
    let server = Server::start();
    let gate = gate(&server, "");
    let cookie = gate.signed_in();
    for target in ["/", "/a%20b?c=%zz&d=;", "/a//b/../c", "/%2e%2e/x?", "/a;b=c|d{e}", "/?next=http://x/"] {
        for method in ["GET", "PROPFIND", "X-OWN", "DELETE"] {
            let asked = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
            assert_eq!(gate.send(asked).text(), "hello from upstream", "{method} {target}");
            let seen = server.last();
            let got = seen.uri.path_and_query().unwrap().as_str();
            assert_eq!((seen.method.as_str(), got), (method, target));
        }
    }
    assert_eq!(gate.get("/a?b#c", &cookie).status, 200);
    assert_eq!(server.last().uri.path_and_query().unwrap(), "/a?b");
    let asked = format!("OPTIONS * HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address);
    assert_eq!(gate.send(asked).status, 200);
    assert_eq!(server.last().uri.path(), "*");
}

#[test]
fn a_request_has_an_authority_a_scheme_and_no_header_of_a_connection() {
    let server = Server::start();
    let gate = gate(&server, "");
    let headers = format!(
        "{}Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip, trailers\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAAA\r\nX-Kept: a\r\nX-kept: b\r\nCookie: theme=dark\r\nAuthorization: Basic eA==\r\n",
        gate.signed_in()
    );
    assert_eq!(gate.get("/", &headers).status, 200);
    let seen = server.last();
    assert_eq!(seen.uri.scheme_str(), Some("http"));
    assert_eq!(seen.uri.authority().map(ToString::to_string), Some(gate.address.to_string()));
    for gone in [
        "host",
        "connection",
        "x-hop",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "http2-settings",
        "expect",
    ] {
        assert!(!seen.headers.contains_key(gone), "{gone}: {seen:?}");
    }
    assert_eq!(seen.headers["te"], "trailers");
    assert_eq!(seen.headers.get_all("x-kept").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(seen.headers["authorization"], "Basic eA==");
    assert_eq!(seen.headers["cookie"], "theme=dark");
    assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen.headers["x-forwarded-host"], gate.address.to_string().as_str());
    assert_eq!(seen.headers["x-request-id"].len(), 32);
    assert_eq!(gate.get("/", "").status, 401);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_authority_is_the_upstreams_own_where_the_settings_say_so_or_nobody_named_one() {
    let server = Server::start();
    let mut gate = gate(&server, "");
    let cookie = gate.signed_in();
    let of = |server: &Server| server.last().uri.authority().unwrap().to_string();
    for head in ["GET / HTTP/1.1\r\nHost: \r\n", "GET / HTTP/1.0\r\n"] {
        assert_eq!(gate.send(format!("{head}{cookie}\r\n")).status, 200, "{head}");
        assert_eq!(of(&server), server.address.to_string(), "{head}");
    }
    let asked = format!("GET / HTTP/1.1\r\nHost: App.Example:8000\r\n{cookie}\r\n");
    assert_eq!(gate.send(&asked).status, 200);
    assert_eq!(of(&server), "App.Example:8000");
    gate.restart_with(&format!("upstream.url = \"{}\"\nupstream.host_header = \"upstream\"", server.url()));
    assert_eq!(gate.send(&asked).status, 200);
    assert_eq!(of(&server), server.address.to_string());
    assert_eq!(server.last().headers["x-forwarded-host"], "App.Example:8000");
}

#[test]
fn the_upstream_sees_one_identity_whatever_the_client_claims() {
    let server = Server::start();
    let gate = gate(&server, "");
    gate.member("first@example.com");
    let cookies = gate.member("second@example.com");
    let claims = "X-User-Id: 1\r\nx-user-id: 7\r\nX_User_Id: 1\r\nX.User.Id: 1\r\nX-USER-ID: 1\r\n\
                  X-User-Email: a@b\r\nX_User_Name: root\r\nX-User-Roles: admin\r\nx~user!token: t\r\n\
                  X_Forwarded_For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nConnection: X-User-Id, keep-alive\r\n";
    let cookie = format!("Cookie: a=1; {}; b=2\r\n", cookies.header());
    assert_eq!(gate.get("/", &format!("{claims}{cookie}")).status, 200);
    one_identity(&server);

    Gate::wait(async {
        let mut client = connect(&gate).await;
        let mut asked = request(&gate, &cookies, "GET", "/").header("cookie", "a=1").header("cookie", "b=2");
        for line in claims.lines().filter(|line| !line.starts_with("Connection")) {
            let (name, value) = line.split_once(": ").unwrap();
            asked = asked.header(name, value);
        }
        let response = client.send_request(asked.body(empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
    });
    one_identity(&server);
}

fn one_identity(server: &Server) {
    let seen = server.last();
    assert_eq!(seen.headers.get_all("x-user-id").iter().collect::<Vec<_>>(), ["2"]);
    assert_eq!(seen.headers["cookie"], "a=1; b=2");
    let all = format!("{:?}", seen.headers);
    for trace in [
        "x_user",
        "x.user",
        "x~user",
        "x-user-email",
        "x-user-roles",
        "x-user-token",
        "access_token",
        "1.2.3.4",
    ] {
        assert!(!all.contains(trace), "{trace}: {all}");
    }
}

#[test]
fn identity_claims_in_trailers_go_as_well() {
    let (sender, received) = std::sync::mpsc::channel();
    let server = Server::answering(move |mut call| {
        let sender = sender.clone();
        async move {
            sender.send(call.read().await).unwrap();
            call.send(200, "ok");
        }
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    let answer = gate.send(format!(
        "POST /upload HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-User-Id, X_User_Id, X-Forwarded-For, X-Checksum\r\n\r\n3\r\nabc\r\n0\r\n\
         X-User-Id: 1\r\nX_User_Id: 1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Checksum: ok\r\nCookie: access_token=x\r\n\r\n",
        gate.address,
        cookies.header()
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (body, fields) = received.recv().unwrap();
    assert_eq!((body.as_slice(), fields), (&b"abc"[..], super::headers(&[("x-checksum", "ok")])));

    Gate::wait(async {
        let mut client = connect(&gate).await;
        let (write, body) = written();
        write.send(data("abc")).unwrap();
        let claims = [("x-user-id", "1"), ("x_user_id", "1"), ("x.user.id", "1"), ("x-checksum", "ok")];
        write.send(trailers(&claims)).unwrap();
        let asked = request(&gate, &cookies, "POST", "/").body(body).unwrap();
        assert_eq!(client.send_request(asked).await.unwrap().status(), 200);
    });
    let (body, fields) = received.recv().unwrap();
    assert_eq!((body.as_slice(), fields), (&b"abc"[..], super::headers(&[("x-checksum", "ok")])));
}

#[test]
fn bodies_go_through_with_any_method_with_a_length_or_without() {
    let server = Server::answering(async |mut call| {
        let (body, _) = call.read().await;
        let length =
            call.seen.headers.get("content-length").map(|length| length.to_str().unwrap().to_owned());
        let mut stream = call.begin(200, &[]);
        stream
            .send_data(Bytes::from(format!("{}/{length:?}", String::from_utf8(body).unwrap())), true)
            .unwrap();
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    for method in ["GET", "POST", "DELETE", "SEARCH"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: {}\r\n{cookie}", gate.address);
        let sized = gate.send(format!("{head}Content-Length: 3\r\n\r\nabc"));
        assert_eq!(sized.text(), "abc/Some(\"3\")", "{method}");
        let chunked = gate.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
        assert_eq!(chunked.text(), "abc/None", "{method}");
    }
    Gate::wait(async {
        let mut client = connect(&gate).await;
        for method in ["GET", "POST", "DELETE", "SEARCH"] {
            let asked = request(&gate, &cookies, method, "/").body(full("abc")).unwrap();
            let response = client.send_request(asked).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(body.starts_with(b"abc/"), "{method}: {body:?}");
        }
    });
}

#[test]
fn head_and_bodiless_answers_keep_their_length_and_have_no_body() {
    let server = Server::answering(async |mut call| match call.seen.uri.path() {
        "/head" => call.head_alone(200, &[("content-length", "5")]),
        "/304" => call.head_alone(304, &[("etag", "\"x\"")]),
        "/204" => call.head_alone(204, &[]),
        _ => call.head_alone(200, &[]),
    });
    let gate = gate(&server, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    for (method, path, status, length) in [
        ("HEAD", "/head", 200, Some("5")),
        ("GET", "/304", 304, None),
        ("GET", "/204", 204, None),
        ("GET", "/empty", 200, Some("0")),
    ] {
        connection.write(format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        let answer = connection.answer_to(method);
        assert_eq!((answer.status, answer.header("content-length")), (status, length), "{path}");
    }
}

#[test]
fn the_answer_goes_back_as_it_was_less_the_gates_own_cookies() {
    let server = Server::answering(async |mut call| {
        let fields = [
            ("x-odd", "a"),
            ("server", "pot"),
            ("set-cookie", "access_token=evil; Path=/"),
            ("set-cookie", "theme=dark"),
            ("set-cookie", "refresh_token=evil"),
            ("location", "/x"),
            ("content-length", "3"),
        ];
        let mut stream = call.begin(418, &fields);
        stream.send_data(Bytes::from_static(b"abc"), true).unwrap();
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    let answer = gate.get("/", &format!("Cookie: {}\r\n", cookies.header()));
    assert_eq!((answer.status, answer.text().as_str()), (418, "abc"));
    assert!(answer.head.starts_with("HTTP/1.1 418"), "{}", answer.head);
    for (name, value) in [("x-odd", "a"), ("server", "pot"), ("location", "/x"), ("content-length", "3")] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let set: Vec<_> =
        answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).collect();
    assert_eq!(set.len(), 1, "{set:?}");
    assert_eq!(set[0].1, "theme=dark");
}

#[test]
fn an_upgrade_is_refused_and_nothing_of_it_is_forwarded() {
    let server = Server::start();
    let gate = gate(&server, "");
    let cookie = gate.signed_in();
    let answer = gate.get(
        "/ws",
        &format!("{cookie}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"),
    );
    assert_eq!((answer.status, answer.header("content-type")), (501, Some("application/problem+json")));
    assert!(answer.detail().contains("WebSocket"), "{answer:?}");
    assert_eq!((server.requests().len(), server.connections()), (0, 0));
    // Nobody's business but the gate's: what is never tunnelled is cut out, as towards HTTP/1.1.
    assert_eq!(gate.get("/", &format!("{cookie}Connection: Upgrade\r\nUpgrade: h2c\r\n")).status, 200);
}

#[test]
fn an_upstream_that_speaks_http_2_stands_beside_one_that_does_not() {
    let server = Server::start();
    let gate = Gate::with(&format!(
        "[upstreams.rpc]\nurl = \"{}\"\n[[rules]]\npath = \"/rpc/*\"\nupstream = \"rpc\"\nstrip_prefix = \"/rpc\"\n\
         allow = \"signed-in\"",
        server.url()
    ));
    let first = gate.member("jack@example.com");
    let refresh = format!("Cookie: refresh_token={}\r\n", first.refresh);
    let cookie = gate.post("/auth/refresh", "", &refresh).cookies().header();
    let mut connection = gate.connect();
    for number in 0..3 {
        let asked =
            |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", gate.address);
        connection.write(asked(&format!("/rpc/x%20y?{number}")));
        assert_eq!(connection.answer().status, 200);
        let seen = server.last();
        assert_eq!(seen.uri.path_and_query().unwrap().as_str(), format!("/x%20y?{number}"));
        assert_eq!(seen.headers["x-user-id"], "1");
        if number == 0 {
            // The first sight of a renewed pair is noted on this way, too (contract section 5).
            let begun = std::time::Instant::now();
            let uid = sidegate::types::UserId::new(1).unwrap();
            while Gate::wait(gate.services().sessions.of(uid)).unwrap()[0].presented.is_empty() {
                assert!(begun.elapsed() < crate::support::PATIENCE, "nobody noted it");
                std::thread::yield_now();
            }
        }
        connection.write(asked(&format!("/{number}")));
        assert_eq!(connection.answer().status, 200);
        assert_eq!(gate.upstream.last().line(), format!("GET /{number} HTTP/1.1"));
    }
}

/// As before an upstream of HTTP/1.1 (`data_plane/signatures`).
#[test]
fn date_server_via_and_location_are_the_upstreams_words() {
    const WRITTEN: [(&str, &str); 5] = [
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("server", "Garden/1.0"),
        ("via", "1.0 fred, 1.1 p.example.net"),
        ("via", "HTTP/2 other"),
        ("location", "http://127.0.0.1:9/there?a=b%20c#d"),
    ];
    let server = Server::answering(async |mut call| {
        call.read().await;
        let fields = if call.seen.uri.path() == "/signed" { &WRITTEN[..] } else { &[] };
        call.begin(302, fields).send_data(Bytes::new(), true).unwrap();
    });
    let gate = gate(&server, "");
    let cookies = gate.member("jack@example.com");
    let names = ["date", "server", "via", "location"];
    let assert_are = |path: &str, mut seen: Vec<(String, String)>| {
        seen.retain(|(name, _)| names.contains(&name.as_str()));
        seen.sort();
        let mut written = WRITTEN.map(|(name, value)| (name.to_owned(), value.to_owned()));
        written.sort();
        if path == "/signed" {
            assert_eq!(seen, written);
        } else {
            assert!(seen.len() <= 1 && seen.iter().all(|(name, _)| name == "date"), "{seen:?}");
        }
    };
    for path in ["/signed", "/unsigned"] {
        let answer = gate.get(path, &format!("Cookie: {}\r\n", cookies.header()));
        assert_eq!(answer.status, 302);
        let seen = answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        assert_are(path, seen.collect());
    }
    Gate::wait(async {
        let mut client = connect(&gate).await;
        for path in ["/signed", "/unsigned"] {
            let asked = request(&gate, &cookies, "GET", path).body(empty()).unwrap();
            let answer = client.send_request(asked).await.unwrap();
            let seen = answer.headers().iter();
            let seen = seen.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
            assert_are(path, seen.collect());
        }
    });
}
