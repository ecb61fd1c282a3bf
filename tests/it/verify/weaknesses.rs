//! What went wrong in comparable systems where a front proxy asks: a test for each line of the list that is about it.

use super::{NAVIGATION, ask, gate};
use crate::support::Gate;

/// oauth2-proxy CVE-2025-54576: a public-route pattern saw path and query.
#[test]
fn weakness_01_a_query_opens_nothing_of_a_sub_request() {
    let gate = gate("");
    for target in ["/admin?x=/public/", "/private?/public/x", "/admin?next=https://a.example/public/x"] {
        assert_eq!(ask(&gate, &format!("GET {target}"), "").status, 401, "{target}");
    }
}

/// oauth2-proxy CVE-2025-64484: one spelling of an identity header was stripped. Here none of them comes back.
#[test]
fn weakness_02_what_a_client_claims_is_not_repeated_to_the_proxy() {
    let gate = gate("");
    let claims = "X-User-Id: 99\r\nx_user_id: 98\r\nX.User.Id: 97\r\nX-User-Email: a@b\r\n";
    for (original, headers, uid) in
        [("GET /public/x", String::new(), ""), ("GET /private", gate.signed_in(), "1")]
    {
        let answer = ask(&gate, original, &format!("{claims}{headers}"));
        assert_eq!((answer.status, answer.header("x-user-id")), (200, Some(uid)));
        assert!(answer.headers.iter().all(|(_, value)| !["99", "98", "97"].contains(&value.as_str())));
        assert_eq!(answer.header("x-user-email"), None);
    }
}

/// oauth2-proxy CVE-2026-40575: a rule was judged on a client's own `X-Forwarded-Uri`. Here it counts from nobody by default,
/// and what a client adds to a trusted proxy's word makes it ambiguous.
#[test]
fn weakness_03_a_clients_own_forwarded_uri_opens_nothing() {
    let untrusted = Gate::with("[[rules]]\npath = \"/public/*\"\nallow = \"anyone\"");
    assert_eq!(ask(&untrusted, "GET /public/x", "").status, 403);
    assert_eq!(
        untrusted.get("/private", "X-Forwarded-Uri: /public/x\r\nX-Original-URL: /public/x\r\n").status,
        401
    );
    let trusted = gate("");
    assert_eq!(
        trusted.get("/private", "X-Forwarded-Uri: /public/x\r\nX-Original-URL: /public/x\r\n").status,
        401
    );
    assert_eq!(ask(&trusted, "GET /private", "X-Forwarded-Uri: /public/x\r\n").status, 403);
    assert_eq!(ask(&trusted, "GET /private", "X-Original-URL: /public/x\r\n").status, 403);
    assert_eq!(ask(&trusted, "POST /read/x", "X-Forwarded-Method: GET\r\n").status, 403);
}

/// oauth2-proxy CVE-2026-34457: a health checker's User-Agent opened any path.
#[test]
fn weakness_04_no_user_agent_opens_a_path() {
    let gate = gate("");
    for agent in ["kube-probe/1.31", "GoogleHC/1.0", "ELB-HealthChecker/2.0"] {
        assert_eq!(ask(&gate, "GET /private", &format!("User-Agent: {agent}\r\n")).status, 401, "{agent}");
    }
}

/// oauth2-proxy CVE-2026-41059: `#` and `%23` were cut differently by gate and upstream. The front proxy may forward what is
/// cut here.
#[test]
fn weakness_05_a_fragment_is_cut_and_an_escaped_one_is_not() {
    let gate = gate("");
    for (target, status) in [
        ("/private#/public/x", 401),
        ("/private#/../public/x", 401),
        ("/private%23/../public/x", 401),
        ("/public/%2e%2e/admin/x%23", 401),
        ("/public/x#y", 200),
        ("/public/x#/../../admin/x", 401),
        ("/public/x#/../../gone/x", 403),
    ] {
        assert_eq!(ask(&gate, &format!("GET {target}"), "").status, status, "{target}");
    }
}

/// Oathkeeper CVE-2026-33494, Pomerium CVE-2023-33189: policy saw the raw path, the upstream a cleaned one.
#[test]
fn weakness_17_an_odd_path_opens_nothing_and_is_judged_by_its_strictest_reading() {
    let gate = gate("");
    let cookie = gate.signed_in();
    for (target, nobody, signed_in) in [
        ("/public/../private", 401, 200),
        ("/public/%2e%2e/private", 401, 200),
        ("/public/..%2fprivate", 401, 200),
        ("/public/%252e%252e/private", 401, 200),
        ("/public/..;/private", 401, 200),
        ("/public//x", 401, 200),
        ("/public/x%5c..", 401, 200),
        ("//public/x", 401, 200),
        ("/public/../admin/x", 401, 403),
        ("/public/..%2fgone/x", 403, 403),
        ("/public/../auth/me", 403, 403),
        ("/public/%ff", 401, 200),
        ("/public/%zz", 401, 200),
    ] {
        assert_eq!(ask(&gate, &format!("GET {target}"), "").status, nobody, "{target}");
        assert_eq!(ask(&gate, &format!("GET {target}"), &cookie).status, signed_in, "{target}");
    }
}

/// Oathkeeper CVE-2026-33495, caddy-security CVE-2024-21498: `X-Forwarded-Host` of anybody built links.
#[test]
fn weakness_19_no_forwarded_host_leads_a_browser_away() {
    let gate = gate("");
    for headers in [
        "X-Forwarded-Host: evil.example\r\n",
        "X-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n",
        "X-Forwarded-Prefix: //evil.example\r\n",
    ] {
        let told = format!("X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /x\r\n{headers}{NAVIGATION}");
        let answer = gate.get("/auth/verify", &told);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/auth/login?next=%2Fx")),
            "{headers}"
        );
    }
}

/// oauth2-proxy CVE-2020-5233 and others: open redirects.
#[test]
fn weakness_08_next_is_a_path_of_this_site() {
    let gate = gate("");
    for target in
        ["//evil.example", "/\\evil.example", "/%2f/evil.example", "/%5cevil.example", "/./%2fevil.example"]
    {
        let answer = ask(&gate, &format!("GET {target}"), NAVIGATION);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/auth/login?next=%2F")),
            "{target}"
        );
    }
}
