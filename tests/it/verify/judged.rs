//! The original request is judged as one that came by itself: rules, odd paths, other sites, sessions that ended.

use super::{NAVIGATION, ask, assert_nothing_forwarded, gate};
use crate::support::Gate;

#[test]
fn rules_and_methods_decide_as_they_do_over_a_request_that_is_forwarded() {
    let gate = gate("");
    let cookie = gate.signed_in();
    for (original, nobody, signed_in) in [
        ("GET /public/x?y=/admin/", 200, 200),
        ("DELETE /public/x", 200, 200),
        ("GET /public", 401, 200),
        ("GET /read/x", 200, 200),
        ("HEAD /read/x", 200, 200),
        ("POST /read/x", 401, 200),
        ("get /read/x", 401, 200),
        ("GET /maybe/x", 200, 200),
        ("GET /admin/x", 401, 403),
        ("GET /gone/x", 403, 403),
        ("GET /private?x=/public/", 401, 200),
        ("CONNECT /public/x", 200, 200),
    ] {
        assert_eq!(ask(&gate, original, "").status, nobody, "{original}");
        assert_eq!(ask(&gate, original, &cookie).status, signed_in, "{original}");
    }
    assert_nothing_forwarded(&gate);
}

#[test]
fn with_no_method_told_a_rule_with_methods_does_not_match_and_it_is_a_write() {
    let gate = gate("");
    let cookie = gate.signed_in();
    for (target, headers, status) in [
        ("/read/x", "", 401),
        ("/read/x", cookie.as_str(), 200),
        ("/public/x", "", 200),
        ("/private", &format!("{cookie}Origin: https://evil.example\r\n"), 403),
        ("/private", &format!("{cookie}Sec-Fetch-Site: same-site\r\n"), 403),
        ("/private", &format!("{cookie}Sec-Fetch-Site: same-origin\r\n"), 200),
        ("/private", &format!("{cookie}Origin: http://127.0.0.1:5500\r\n"), 200),
    ] {
        let answer = gate.get("/auth/verify", &format!("X-Forwarded-Uri: {target}\r\n{headers}"));
        assert_eq!(answer.status, status, "{target} {headers}");
    }
}

#[test]
fn a_write_from_another_site_is_403_and_the_host_is_the_originals() {
    let gate = gate("");
    let cookie = gate.signed_in();
    let socket = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (original, site, status) in [
        ("POST /private", "Origin: http://app.example\r\n", 200),
        ("POST /private", "Origin: https://app.example\r\n", 200),
        ("POST /private", "Origin: https://evil.example\r\n", 403),
        ("POST /private", "Origin: null\r\n", 403),
        ("POST /private", "Sec-Fetch-Site: cross-site\r\n", 403),
        ("POST /private", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n", 403),
        ("POST /private", "Origin: http://app.example\r\nOrigin: http://app.example\r\n", 403),
        ("POST /private", "Sec-Fetch-Site: same-origin\r\n", 200),
        ("POST /private", "", 200),
        ("GET /private", "Origin: https://evil.example\r\n", 200),
        ("GET /private", "Origin: https://evil.example\r\nUpgrade: websocket\r\n", 403),
        ("GET /private", &format!("Origin: https://evil.example\r\n{socket}"), 403),
        ("GET /private", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: websocket\r\n", 403),
        ("GET /private", &format!("Origin: http://app.example\r\n{socket}"), 200),
        ("POST /public/x", "Origin: https://evil.example\r\n", 200),
    ] {
        let answer = ask(&gate, original, &format!("{cookie}{site}"));
        assert_eq!(answer.status, status, "{original} {site}");
        assert!(status == 200 || answer.header("x-user-id").is_none());
    }
}

#[test]
fn what_ended_is_nobodys_from_the_next_sub_request_on() {
    let gate = gate("");
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    (0..8).for_each(|_| assert_eq!(ask(&gate, "GET /private", &cookie).status, 200));
    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    (0..8).for_each(|_| assert_eq!(ask(&gate, "GET /private", &cookie).status, 401));
    assert_eq!(ask(&gate, "GET /private", &format!("{cookie}{NAVIGATION}")).status, 303);
}

/// Behind a proxy that asks about everything the sign-in page would lead to itself for ever; and behind one that sends these
/// paths to its backend they would be open.
#[test]
fn the_gates_own_paths_are_nobodys_to_ask_about() {
    let gate = gate("");
    let cookie = gate.signed_in();
    for target in ["/auth/login", "/auth", "/auth/verify", "/%61uth/me", "/x/../auth/me", "//auth/login"] {
        for headers in ["", cookie.as_str(), NAVIGATION] {
            assert_eq!(ask(&gate, &format!("GET {target}"), headers).status, 403, "{target}");
        }
    }
}

/// `localhost` leads to `127.0.0.1` elsewhere; here it would lead a browser to `/auth/verify`.
#[test]
fn a_sub_request_by_way_of_localhost_is_answered_as_any_other() {
    let gate = Gate::with(&format!("{}server.public_url = \"http://127.0.0.1:8000\"\n", super::TRUSTED));
    let told = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /x\r\nX-Forwarded-Host: localhost:8000\r\n";
    let answer = gate.get("/auth/verify", &format!("{told}{NAVIGATION}"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/login?next=%2Fx")));
}
