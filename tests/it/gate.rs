//! Who may pass: not one byte reaches the upstream without a good token, and with one the upstream is told who it
//! is, whatever the client says (contract sections 5 and 6).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sidegate::types::UserId;

use crate::support::{Answer, Gate};

/// Asks for a protected path with this cookie header and makes sure that nothing reached the upstream.
fn refused(gate: &Gate, cookie: &str) -> Answer {
    let answer = gate.get("/secret", &format!("Cookie: {cookie}\r\n"));
    assert_eq!(answer.status, 401, "{cookie}: {answer:?}");
    assert_eq!(answer.header("www-authenticate"), Some("Cookie"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!((gate.upstream.connections(), gate.upstream.bytes()), (0, 0), "{cookie}");
    answer
}

/// A token with its header replaced and its signature kept or dropped.
fn with_header(token: &str, header: &str, signature: bool) -> String {
    let parts: Vec<_> = token.split('.').collect();
    format!("{}.{}.{}", BASE64.encode(header), parts[1], if signature { parts[2] } else { "" })
}

#[test]
fn no_byte_reaches_the_upstream_without_a_good_token() {
    let gate = Gate::with("tokens.silent_refresh = false");
    let other = Gate::start();
    let (mine, theirs) = (gate.member("jack@example.com"), other.member("jack@example.com"));

    let none = gate.get("/secret", "");
    assert_eq!((none.status, none.detail().as_str()), (401, "Not authenticated"));
    assert_eq!(refused(&gate, "theme=dark").detail(), "Not authenticated");
    assert_eq!(refused(&gate, "access_token=").detail(), "Not authenticated");
    for garbage in ["x", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", &"A".repeat(9000)] {
        assert_eq!(refused(&gate, &format!("access_token={garbage}")).detail(), "Invalid token");
    }
    assert_eq!(refused(&gate, &format!("access_token={}", theirs.access)).detail(), "Invalid token");
    assert_eq!(refused(&gate, &format!("access_token={}", mine.refresh)).detail(), "Invalid token");
    for header in
        [r#"{"alg":"none"}"#, r#"{"alg":"none","typ":"at+jwt"}"#, r#"{"alg":"HS256","typ":"at+jwt"}"#]
    {
        for signature in [false, true] {
            let forged = with_header(&mine.access, header, signature);
            assert_eq!(
                refused(&gate, &format!("access_token={forged}")).detail(),
                "Invalid token",
                "{header}"
            );
        }
    }
    let doubled = format!("access_token={}; access_token=x", mine.access);
    assert_eq!(refused(&gate, &doubled).detail(), "Not authenticated");
    let doubled =
        gate.get("/", &format!("Cookie: access_token={}\r\nCookie: access_token=x\r\n", mine.access));
    assert_eq!(doubled.status, 401);
    let bearer = gate.get("/", &format!("Authorization: Bearer {}\r\n", mine.access));
    assert_eq!(bearer.status, 401, "cookie delivery takes no bearer");

    gate.clock.advance(Duration::from_mins(15));
    assert_eq!(refused(&gate, &format!("access_token={}", mine.access)).detail(), "Token has expired");
}

#[test]
fn a_token_is_good_until_its_very_second() {
    let gate = Gate::with("tokens.silent_refresh = false");
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: access_token={}\r\n", cookies.access);
    gate.clock.advance(Duration::from_millis(15 * 60 * 1000 - 1));
    assert_eq!(gate.get("/", &cookie).status, 200);
    gate.clock.advance(Duration::from_millis(1));
    assert_eq!(gate.get("/", &cookie).status, 401, "a cached verification must not outlive the token");
}

#[test]
fn a_signed_out_token_opens_nothing_also_after_a_restart() {
    let mut gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    // Both workers have it in their caches.
    (0..8).for_each(|_| assert_eq!(gate.get("/", &cookie).status, 200));
    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    let reached = gate.upstream.bytes();
    (0..8).for_each(|_| assert_eq!(gate.get("/", &cookie).status, 401));
    gate.restart();
    assert_eq!(gate.get("/", &cookie).status, 401);
    assert_eq!(gate.upstream.bytes(), reached);
}

#[test]
fn a_disabled_user_is_kept_out_from_the_next_request_on() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    assert_eq!(gate.get("/", &cookie).status, 200);
    let reached = gate.upstream.bytes();
    let uid = UserId::new(1).unwrap();
    Gate::wait(gate.services().accounts.set_active(uid, false)).unwrap().unwrap();
    assert_eq!(gate.get("/", &cookie).status, 401);
    assert_eq!(gate.get("/auth/me", &cookie).status, 401);
    assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401);
    assert_eq!(gate.upstream.bytes(), reached);
    let body = format!(r#"{{"email":"jack@example.com","password":"{}"}}"#, crate::support::PASSWORD);
    let answer = gate.post("/auth/signin", &body, "");
    assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid email or password."));
}

#[test]
fn the_upstream_sees_one_identity_whatever_the_client_claims() {
    let gate = Gate::start();
    gate.member("first@example.com");
    let cookies = gate.member("second@example.com");
    let claims = "X-User-Id: 1\r\nx-user-id: 7\r\nX_User_Id: 1\r\nX.User.Id: 1\r\nX-USER-ID: 1\r\n\
                  X-User-Email: a@b\r\nX_User_Name: root\r\nX-User-Roles: admin\r\nx~user!token: t\r\n\
                  Connection: X-User-Id, keep-alive\r\n";
    let cookie =
        format!("Cookie: a=1; access_token={}; refresh_token={}; b=2\r\n", cookies.access, cookies.refresh);
    assert_eq!(gate.get("/", &format!("{claims}{cookie}")).status, 200);

    let seen = gate.upstream.request();
    assert_eq!(seen.header("x-user-id").as_deref(), Some("2"));
    assert_eq!(seen.header("cookie").as_deref(), Some("a=1; b=2"));
    let lower = seen.head.to_ascii_lowercase();
    for trace in
        ["x_user", "x.user", "x~user", "x-user-email", "x-user-roles", "x-user-token", "access_token"]
    {
        assert!(!lower.contains(trace), "{trace}: {}", seen.head);
    }
    assert!(!seen.head.contains(&cookies.access) && !seen.head.contains(&cookies.refresh));
}

#[test]
fn identity_claims_in_trailers_go_as_well() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let answer = gate.send(format!(
        "POST /upload HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-User-Id, X_User_Id, X-Forwarded-For, X-Checksum\r\n\r\n3\r\nabc\r\n0\r\n\
         X-User-Id: 1\r\nX_User_Id: 1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Checksum: ok\r\nCookie: access_token=x\r\n\r\n",
        gate.address,
        cookies.header()
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = gate.upstream.request();
    assert_eq!(seen.body, b"abc");
    assert_eq!(seen.trailers.to_ascii_lowercase(), "x-checksum: ok\r\n");
}

#[test]
fn roles_and_token_are_told_where_the_settings_name_a_header() {
    let gate = Gate::with(
        "identity.roles = \"X-Roles\"\nidentity.user_id = \"X-Uid\"\nidentity.token = \"X-Token\"",
    );
    let cookies = gate.member("jack@example.com");
    let claims = format!(
        "X-Roles: admin\r\nX-Token: x\r\nx_uid: 9\r\nX-User-Id: 9\r\nCookie: {}\r\n",
        cookies.header()
    );
    assert_eq!(gate.get("/", &claims).status, 200);
    let seen = gate.upstream.request();
    assert_eq!(seen.header("x-roles").as_deref(), Some(""));
    assert_eq!(seen.header("x-uid").as_deref(), Some("1"));
    assert_eq!(seen.header("x-token"), Some(cookies.access));
    assert_eq!(seen.header("x-user-id"), None);
}

#[test]
fn a_navigation_is_sent_to_sign_in_and_told_the_way_back() {
    let gate = Gate::start();
    for (path, headers, next) in [
        ("/a/b?c=d&e=f", "Sec-Fetch-Mode: navigate\r\n", "%2Fa%2Fb%3Fc%3Dd%26e%3Df"),
        ("/", "Accept: text/html,*/*\r\n", "%2F"),
        ("//evil.example/", "Accept: text/html\r\n", "%2F"),
    ] {
        let answer = gate.get(path, headers);
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.header("location"), Some(&*format!("/auth/login?next={next}")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for headers in ["Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n", "Accept: */*\r\n", ""] {
        assert_eq!(gate.get("/", headers).status, 401, "{headers}");
    }
    let posted =
        gate.post_as("application/x-www-form-urlencoded", "/save", "a=b", "Sec-Fetch-Mode: navigate\r\n");
    assert_eq!(posted.status, 401);
    assert!(posted.header("content-type").unwrap().starts_with("text/html"), "a person waits for a page");
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn grpc_is_refused_in_its_own_words() {
    let gate = Gate::start();
    let answer = gate.post_as("application/grpc+proto", "/pkg.Service/Call", "", "TE: trailers\r\n");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("grpc-status"), Some("16"));
    assert_eq!(answer.body, b"");
}

#[test]
fn a_path_that_becomes_the_gates_by_decoding_is_nothing() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    for path in ["/%61uth/me", "/auth%2Fme", "//auth/me", "/x/../auth/me", "/%2561uth/me", "/auth/nothing"] {
        let answer = gate.get(path, &format!("Cookie: {}\r\n", cookies.header()));
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn two_authorization_headers_are_ambiguous() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let headers =
        format!("Cookie: {}\r\nAuthorization: Basic a\r\nAuthorization: Basic b\r\n", cookies.header());
    assert_eq!(gate.get("/", &headers).status, 400);
    assert_eq!(gate.upstream.connections(), 0);
}

#[test]
fn in_body_delivery_the_bearer_opens_and_the_upstream_never_sees_it() {
    let gate = Gate::with("tokens.delivery = \"body\"");
    gate.sign_up("jack@example.com");
    let body = format!(r#"{{"email":"jack@example.com","password":"{}"}}"#, crate::support::PASSWORD);
    let answer = gate.post("/auth/signin", &body, "");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(answer.cookie("access_token"), None);
    assert_eq!(gate.get("/", &format!("Authorization: bearer {token}\r\n")).status, 200);
    assert_eq!(gate.upstream.request().header("authorization"), None);
    let by_cookie = gate.get("/", &format!("Cookie: access_token={token}\r\n"));
    assert_eq!(by_cookie.status, 401);
    assert_eq!(by_cookie.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn a_cross_site_write_is_refused_and_a_read_is_not() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    let own = format!("Origin: http://{}\r\n", gate.address);
    for (headers, status) in [
        ("", 200),
        ("Sec-Fetch-Site: same-origin\r\n", 200),
        ("Sec-Fetch-Site: none\r\n", 200),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: http://127.0.0.1:5500\r\n", 200),
        ("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n", 403),
        (&own, 200),
        ("Origin: http://127.0.0.1:8000\r\n", 200),
        ("Origin: http://127.0.0.1:5500\r\n", 200),
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin: http://127.0.0.1:5500\r\nOrigin: http://127.0.0.1:5500\r\n", 403),
    ] {
        for method in ["POST", "DELETE", "PROPFIND"] {
            let request = format!(
                "{method} / HTTP/1.1\r\nHost: {}\r\n{cookie}{headers}Content-Length: 0\r\n\r\n",
                gate.address
            );
            assert_eq!(gate.send(request).status, status, "{method} {headers}");
        }
        assert_eq!(gate.get("/", &format!("{cookie}{headers}")).status, 200, "{headers}");
        let upgrade = format!("{cookie}{headers}Connection: Upgrade\r\nUpgrade: websocket\r\n");
        assert_eq!(gate.get("/", &upgrade).status, status, "upgrade: {headers}");
    }
}

#[test]
fn an_expired_access_token_is_renewed_in_passing() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(Duration::from_mins(16));
    let cookie = format!("Cookie: {}\r\n", cookies.header());

    let foreign = gate.post("/", "", &format!("{cookie}Sec-Fetch-Site: cross-site\r\n"));
    assert_eq!(foreign.status, 403, "a request refused as cross-site spends no token");
    assert_eq!(gate.upstream.connections(), 0);

    let answer = gate.get("/", &cookie);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let renewed = answer.cookies();
    assert_ne!(renewed.refresh, cookies.refresh);
    assert_eq!(gate.get("/", &format!("Cookie: {}\r\n", renewed.header())).status, 200);
    let seen = gate.upstream.last();
    assert_eq!((seen.header("x-user-id").as_deref(), seen.header("cookie")), (Some("1"), None));

    // The first use of the new pair is noted without making the request wait.
    let (uid, start) = (UserId::new(1).unwrap(), std::time::Instant::now());
    while Gate::wait(gate.services().store.sessions_of(uid)).unwrap()[0].presented.is_empty() {
        assert!(start.elapsed() < crate::support::PATIENCE);
    }
    // A stranger's refresh token found later ends the session for both.
    gate.clock.advance(Duration::from_mins(16));
    assert_eq!(gate.get("/", &cookie).status, 401);
    assert_eq!(gate.get("/", &format!("Cookie: {}\r\n", renewed.header())).status, 401);
}
