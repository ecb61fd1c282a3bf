//! An `https:` upstream says by ALPN what it speaks: each connection is used for what was agreed on when it was opened.

use std::sync::{Arc, Barrier};

use super::Site;
use super::server::{Goodbye, Server};
use crate::support::{Gate, Raw, Upstream};

const BOTH: &[&str] = &["h2", "http/1.1"];

#[test]
fn an_upstream_that_agrees_to_http_2_gets_every_request_over_one_connection() {
    let site = Site::start(BOTH, "");
    let cookie = site.gate.signed_in();
    for number in 0..20 {
        let answer = site.gate.get(&format!("/{number}"), &cookie);
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello from upstream"));
        assert_eq!(site.gate.post("/", "{}", &cookie).status, 200);
    }
    assert_eq!(site.requests(), (0, 40));
    assert_eq!((site.front.offers(), site.http2.connections()), (vec!["h2 http/1.1".to_owned()], 1));
    let seen = site.http2.last();
    assert_eq!(seen.uri.scheme_str(), Some("https"));
    assert_eq!(seen.uri.authority().map(ToString::to_string), Some(site.gate.address.to_string()));
    assert!(!seen.headers.contains_key("host") && !seen.headers.contains_key("connection"), "{seen:?}");
    assert_eq!(seen.headers["x-user-id"], "1");
    // What the client speaks is told, not what the gate does.
    assert_eq!(seen.headers["x-forwarded-proto"], "http");
}

#[test]
fn the_upstreams_own_authority_is_told_where_that_is_asked_for() {
    let site = Site::start(BOTH, "upstream.host_header = \"upstream\"");
    assert_eq!(site.gate.get("/", &site.gate.signed_in()).status, 200);
    let authority = site.http2.last().uri.authority().unwrap().to_string();
    assert_eq!(format!("https://{authority}"), site.front.url());
}

/// Many servers say nothing at all.
#[test]
fn an_upstream_that_agrees_to_http_1_1_or_to_nothing_is_spoken_to_in_http_1_1() {
    for protocols in [&["http/1.1"][..], &[]] {
        let site = Site::start(protocols, "");
        let cookie = site.gate.signed_in();
        for _ in 0..5 {
            assert_eq!(site.gate.get("/", &cookie).status, 200);
        }
        // What only HTTP/2 carries well is forwarded all the same.
        let answer =
            site.gate.post_as("application/grpc", "/a.B/C", "x", &format!("{cookie}TE: trailers\r\n"));
        assert_eq!(answer.status, 200);
        assert_eq!(site.requests(), (6, 0));
        assert_eq!(site.gate.upstream.last().line(), "POST /a.B/C HTTP/1.1");
        assert_eq!(site.front.offers(), ["h2 http/1.1"], "one connection, on which nothing was asked twice");
    }
}

#[test]
fn http2_false_offers_http_1_1_alone() {
    let site = Site::start(BOTH, "upstream.http2 = false");
    let cookie = site.gate.signed_in();
    for _ in 0..3 {
        assert_eq!(site.gate.get("/", &cookie).status, 200);
    }
    assert_eq!((site.requests(), site.front.offers()), ((3, 0), vec!["http/1.1".to_owned()]));
}

fn asked_at_once(gate: &Gate, cookie: &str, count: usize) -> Vec<Raw> {
    let ask = |_| {
        let mut connection = gate.connect();
        connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        connection
    };
    (0..count).map(ask).collect()
}

#[test]
fn a_burst_of_first_requests_shares_one_connection_in_http_2() {
    let site = Site::start(BOTH, "");
    let cookie = site.gate.signed_in();
    for mut connection in asked_at_once(&site.gate, &cookie, 64) {
        assert_eq!(connection.answer().status, 200);
    }
    assert_eq!((site.requests(), site.front.offers().len()), ((0, 64), 1));
}

#[test]
fn a_burst_of_first_requests_does_not_queue_up_before_an_upstream_in_http_1_1() {
    // None is answered before all have come.
    let all = Arc::new(Barrier::new(64));
    let http1 = Upstream::answering(move |exchange| {
        all.wait();
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        true
    });
    let site = Site::before(http1, Server::start(), &["http/1.1"], "");
    let cookie = site.gate.signed_in();
    // Again when it is known.
    for _ in 0..2 {
        for mut connection in asked_at_once(&site.gate, &cookie, 64) {
            assert_eq!(connection.answer().status, 200);
        }
        site.front.cut();
    }
    assert_eq!((site.requests(), site.front.most()), ((128, 0), 64));
}

/// It was started anew with other settings, say.
#[test]
fn an_upstream_that_changes_its_mind_is_followed() {
    let site = Site::start(BOTH, "");
    let cookie = site.gate.signed_in();
    let (mut by_http1, mut by_http2) = (0, 0);
    for protocols in [BOTH, &["http/1.1"], BOTH, &[], &["h2"]] {
        site.front.change(|terms| terms.protocols = protocols);
        site.front.cut();
        // A safe request meets the dead connection and goes again; from there on nothing is left of the old mind.
        assert_eq!(site.gate.get("/", &cookie).status, 200, "{protocols:?}");
        assert_eq!(site.gate.post("/", "{}", &cookie).status, 200, "{protocols:?}");
        let count = if protocols.contains(&"h2") { &mut by_http2 } else { &mut by_http1 };
        *count += 2;
        assert_eq!(site.requests(), (by_http1, by_http2), "{protocols:?}");
    }
    assert!(site.front.offers().iter().all(|offer| offer == "h2 http/1.1"));
}

/// Without a word that it will: what is open is used for as long as it lives.
#[test]
fn a_changed_mind_ends_no_connection_that_was_agreed_on_before() {
    let http2 = Server::answering(async |mut call| {
        if call.seen.uri.path() == "/bye" {
            call.goodbye();
        }
        call.send(200, "fine");
    });
    let site = Site::before(Upstream::start(), http2, BOTH, "");
    let cookie = site.gate.signed_in();
    assert_eq!(site.gate.get("/", &cookie).status, 200);
    site.front.change(|terms| terms.protocols = &["http/1.1"]);
    assert_eq!(site.gate.get("/", &cookie).text(), "fine");
    assert_eq!(site.gate.get("/bye", &cookie).text(), "fine");
    assert_eq!(site.requests(), (0, 3));
    // The goodbye is on its way, and costs no request.
    site.front.until("the new mind is followed", |_| {
        let answer = site.gate.get("/", &cookie);
        assert_eq!(answer.status, 200);
        answer.text() == "hello from upstream"
    });
}

#[test]
fn a_safe_request_that_meets_a_dead_connection_is_sent_again_and_no_other_is() {
    for (method, status) in [("GET", 200), ("POST", 502)] {
        let http2 = Server::answering(async |mut call| match call.seen.uri.path() {
            "/dies" if call.connection == 1 => call.dies(Goodbye::Silent).await,
            _ => call.send(200, "fine"),
        });
        let site = Site::before(Upstream::start(), http2, BOTH, "");
        let cookie = site.gate.signed_in();
        assert_eq!(site.gate.get("/", &cookie).status, 200);
        // Where the next connection is another protocol's, the request is said in that.
        site.front.change(|terms| terms.protocols = &["http/1.1"]);
        let asked = format!(
            "{method} /dies HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Length: 0\r\n\r\n",
            site.gate.address
        );
        assert_eq!(site.gate.send(asked).status, status, "{method}");
        let seen = site.requests();
        assert_eq!(seen, (usize::from(status == 200), 2), "{method}");
        if status == 200 {
            let seen = site.gate.upstream.last();
            assert_eq!(seen.line(), "GET /dies HTTP/1.1");
            assert_eq!(seen.header("host"), Some(site.gate.address.to_string()));
        }
    }
}
