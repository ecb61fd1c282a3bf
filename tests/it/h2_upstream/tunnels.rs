//! Upgrades to an upstream that speaks HTTP/2 by TLS: they need HTTP/1.1, and get connections that offer nothing else.

use super::Site;
use super::server::Server;
use crate::streaming::shouting;

#[test]
fn a_tunnel_goes_through_to_an_upstream_that_prefers_http_2() {
    let site = Site::before(shouting(), Server::start(), &["h2", "http/1.1"], "");
    let cookie = site.gate.signed_in();
    // As the first of all, and when it is known that HTTP/2 is spoken.
    for _ in 0..2 {
        let mut tunnel = site.gate.tunnel(&cookie);
        tunnel.write("hello");
        assert_eq!(tunnel.exactly(5), b"HELLO");
        assert_eq!(site.gate.get("/", &cookie).text(), "hello from upstream");
        // Both live at once.
        tunnel.write("again");
        assert_eq!(tunnel.exactly(5), b"AGAIN");
    }
    assert_eq!(site.front.offers(), ["http/1.1", "h2 http/1.1", "http/1.1"]);
    assert_eq!(site.requests(), (2, 2));
}

/// Its connection waits for the next upgrade; requests have theirs.
#[test]
fn after_an_upgrade_that_was_refused_requests_go_by_http_2_as_before() {
    let site = Site::start(&["h2", "http/1.1"], "");
    let cookie = site.gate.signed_in();
    let upgrade = format!("{cookie}Connection: Upgrade\r\nUpgrade: shout\r\n");
    for _ in 0..3 {
        assert_eq!(site.gate.get("/ws", &upgrade).status, 200);
        assert_eq!(site.gate.get("/", &cookie).status, 200);
        assert_eq!(site.http2.last().uri.path(), "/");
    }
    assert_eq!(site.requests(), (3, 3));
    assert_eq!(site.front.offers(), ["http/1.1", "h2 http/1.1"]);
}

#[test]
fn an_upgrade_that_an_upstream_of_http_2_alone_refuses_is_a_502_that_says_why() {
    let site = Site::start(&["h2"], "admin.listen = \"127.0.0.1:0\"");
    let cookie = site.gate.signed_in();
    let upgrade = format!("{cookie}Connection: Upgrade\r\nUpgrade: websocket\r\n");
    let answer = site.gate.get("/ws", &upgrade);
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("does not agree to HTTP/1.1"), "{}", answer.text());
    assert_eq!(site.gate.get("/", &cookie).status, 200);
    assert_eq!(site.requests(), (0, 1));
    let counted = site.gate.admin("GET /metrics").text();
    assert!(counted.contains("sidegate_upstream_errors_total{kind=\"tls\"} 1"), "{counted}");
}
