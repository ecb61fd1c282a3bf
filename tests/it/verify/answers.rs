//! What a front proxy is answered: 200 with the identity, 403, or not signed in, in the form that it can use.

use super::{NAVIGATION, ORIGINAL, RULES, ask, ask_original, assert_nothing_forwarded, gate};
use crate::support::Gate;

#[test]
fn who_may_pass_is_told_in_every_identity_header_and_no_body() {
    let gate = gate("identity.roles = \"X-User-Roles\"\nidentity.token = \"X-User-Token\"\n");
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    let answer = ask(&gate, "GET /private?a=b", &cookie);
    assert_eq!((answer.status, answer.body.len(), answer.header("content-length")), (200, 0, Some("0")));
    assert_eq!(answer.header("x-user-id"), Some("1"));
    assert_eq!(answer.header("x-user-roles"), Some(""), "nobody's roles are told, too");
    assert_eq!(answer.header("x-user-token"), Some(cookies.access.as_str()));
    assert_eq!(answer.header("x-user-email"), None, "it is not configured");
    assert_eq!((answer.header("cache-control"), answer.header("set-cookie")), (Some("no-store"), None));
    assert_nothing_forwarded(&gate);
}

/// A proxy that copies a header which is not there may leave what its client claims.
#[test]
fn nobody_is_told_in_empty_headers() {
    let gate = gate("identity.user_id = \"X-Uid\"\nidentity.roles = \"X-User-Roles\"\n");
    let cookie = gate.signed_in();
    for (original, headers) in [
        ("GET /public/x", ""),
        ("GET /public/x", cookie.as_str()),
        ("GET /maybe/x", ""),
        ("GET /maybe/x", "X-Uid: 7\r\nX-User-Roles: admin\r\nCookie: access_token=nonsense\r\n"),
    ] {
        let answer = ask(&gate, original, headers);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{original} {headers}");
        assert_eq!(
            (answer.header("x-uid"), answer.header("x-user-roles")),
            (Some(""), Some("")),
            "{original}"
        );
    }
    assert_eq!(ask(&gate, "GET /maybe/x", &cookie).header("x-uid"), Some("1"));
}

#[test]
fn any_method_may_ask_and_its_body_is_nobodys_business() {
    let gate = gate("");
    let cookie = gate.signed_in();
    let told = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /private\r\n";
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        for (headers, status) in [(cookie.as_str(), 200), ("", 401)] {
            let mut connection = gate.connect();
            connection.write(format!(
                "{method} /auth/verify HTTP/1.1\r\nHost: {}\r\n{told}{headers}\r\n",
                gate.address
            ));
            let answer = connection.answer_to(method);
            assert_eq!(
                (answer.status, answer.header("cache-control")),
                (status, Some("no-store")),
                "{method}"
            );
        }
    }
    // More than any endpoint takes, of no known type; and the original's length without its body.
    let body = "x".repeat(200_000);
    assert_eq!(gate.post_as("text/x", "/auth/verify", &body, &format!("{told}{cookie}")).status, 200);
    let promised = gate.get("/auth/verify", &format!("{told}{cookie}Content-Length: 1000000\r\n"));
    assert_eq!(promised.status, 200, "nobody waits for it");
    assert_nothing_forwarded(&gate);
}

/// To a proxy any 2xx says yes, a preflight's 204 included.
#[test]
fn a_preflight_of_the_original_is_not_answered_in_the_place_of_the_verdict() {
    let gate = gate("");
    let preflight = "Origin: http://127.0.0.1:5500\r\nAccess-Control-Request-Method: POST\r\n\
                     X-Forwarded-Method: OPTIONS\r\nX-Forwarded-Uri: /private\r\n";
    let answer =
        gate.send(format!("OPTIONS /auth/verify HTTP/1.1\r\nHost: {}\r\n{preflight}\r\n", gate.address));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, None));
}

#[test]
fn a_navigation_is_led_to_sign_in_and_back_to_the_original_path() {
    let gate = gate("");
    for (original, next) in [
        ("GET /private?a=b&c=d", "%2Fprivate%3Fa%3Db%26c%3Dd"),
        ("HEAD /", "%2F"),
        ("GET /private#part", "%2Fprivate"),
        ("GET //evil.example/x", "%2F"),
        ("GET /.//evil.example", "%2F"),
    ] {
        let answer = ask(&gate, original, NAVIGATION);
        assert_eq!(answer.status, 303, "{original}");
        assert_eq!(
            answer.header("location"),
            Some(format!("/auth/login?next={next}").as_str()),
            "{original}"
        );
        assert_eq!((answer.header("cache-control"), answer.body.len()), (Some("no-store"), 0));
    }
    for (original, headers) in [
        ("GET /private", ""),
        ("GET /private", "Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n"),
        ("POST /private", NAVIGATION),
        ("GET /private", "Accept: text/html\r\nContent-Type: application/grpc\r\n"),
    ] {
        let answer = ask(&gate, original, headers);
        assert_eq!((answer.status, answer.header("location")), (401, None), "{original} {headers}");
        assert_eq!(answer.header("www-authenticate"), Some("Cookie"), "{original} {headers}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let untold = gate.get("/auth/verify", &format!("X-Forwarded-Uri: /private\r\n{NAVIGATION}"));
    assert_eq!(untold.status, 401, "nobody says that it is a GET");
    let answer = ask(&gate, "POST /private", "Content-Type: application/grpc\r\n");
    assert_eq!((answer.status, answer.header("grpc-status")), (401, Some("16")));
}

#[test]
fn without_pages_nobody_is_led_to_one() {
    for (extra, source) in [(super::TRUSTED, "forwarded"), (ORIGINAL, "original")] {
        let gate = Gate::with(&format!("{extra}pages.enabled = false\n"));
        let answer = if source == "original" {
            ask_original(&gate, "GET /private", NAVIGATION)
        } else {
            ask(&gate, "GET /private", NAVIGATION)
        };
        assert_eq!((answer.status, answer.header("location")), (401, None), "{source}");
    }
}

/// nginx takes 401 and 403 alone for a no, and redirects by itself.
#[test]
fn the_original_source_is_always_answered_401_with_a_location() {
    let gate = Gate::with(&format!("{ORIGINAL}{RULES}"));
    for (original, headers, next) in [
        ("GET /private?a=b", NAVIGATION, "%2Fprivate%3Fa%3Db"),
        ("GET /private", "", "%2Fprivate"),
        (
            "POST /private",
            "Content-Type: application/x-www-form-urlencoded\r\nAccept: text/html\r\n",
            "%2Fprivate",
        ),
        ("GET /private", "Cookie: access_token=nonsense\r\n", "%2Fprivate"),
        ("GET //evil.example", NAVIGATION, "%2F"),
    ] {
        let answer = ask_original(&gate, original, headers);
        assert_eq!(answer.status, 401, "{original} {headers}");
        assert_eq!(
            answer.header("location"),
            Some(format!("/auth/login?next={next}").as_str()),
            "{original}"
        );
        assert_eq!(answer.header("www-authenticate"), Some("Cookie"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let cookie = gate.signed_in();
    assert_eq!(ask_original(&gate, "GET /private", &cookie).header("x-user-id"), Some("1"));
    let denied = ask_original(&gate, "GET /gone/x", &cookie);
    assert_eq!((denied.status, denied.header("location")), (403, None));
}

#[test]
fn in_body_delivery_the_bearer_is_judged() {
    let gate = gate("tokens.delivery = \"body\"\n");
    assert_eq!(gate.sign_up("jack@example.com").status, 200);
    let body = format!(r#"{{"email":"jack@example.com","password":"{}"}}"#, crate::support::PASSWORD);
    let signed_in = gate.post("/auth/signin", &body, "");
    let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
    let answer = ask(
        &gate,
        "POST /private",
        &format!("Authorization: Bearer {token}\r\nSec-Fetch-Site: cross-site\r\n"),
    );
    assert_eq!((answer.status, answer.header("x-user-id")), (200, Some("1")));
    let none = ask(&gate, "GET /private", &format!("Cookie: access_token={token}\r\n"));
    assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Bearer")));
    let twice = format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n");
    assert_eq!(ask(&gate, "GET /private", &twice).status, 400);
}

#[test]
fn nothing_is_below_it_and_no_other_spelling_of_it() {
    let gate = gate("");
    let cookie = format!("{}X-Forwarded-Uri: /public/x\r\n", gate.signed_in());
    for path in [
        "/auth/verify/",
        "/auth/verify/x",
        "/auth//verify",
        "/auth/%76erify",
        "/%61uth/verify",
        "/auth/Verify",
    ] {
        assert_eq!(gate.get(path, &cookie).status, 404, "{path}");
    }
    assert_eq!(gate.get("/auth/verify?x=y", &cookie).status, 200);
}

#[test]
fn a_sub_request_is_answered_alike_on_both_ways() {
    let gate = gate("identity.roles = \"X-User-Roles\"\n");
    let cookie = gate.signed_in();
    for (original, headers) in [
        ("GET /private", cookie.as_str()),
        ("GET /private", ""),
        ("GET /private", NAVIGATION),
        ("GET /public/x", ""),
        ("GET /gone/x", cookie.as_str()),
        ("GET /auth/login", ""),
        ("POST /private", "Content-Type: application/grpc\r\n"),
        ("POST /private", "Content-Type: application/x-www-form-urlencoded\r\nAccept: text/html\r\n"),
    ] {
        let fields = |answer: &crate::support::Answer| {
            let mut fields = answer.headers.clone();
            fields.retain(|(name, _)| name != "date");
            fields.sort();
            (answer.status, fields, answer.body.clone())
        };
        let directly = ask(&gate, original, headers);
        // What asks for trailers is hyper's.
        let by_hyper = ask(&gate, original, &format!("{headers}TE: trailers\r\n"));
        assert_eq!(fields(&directly), fields(&by_hyper), "{original} {headers}");
    }
}

#[test]
fn sub_requests_write_nothing_to_the_store_and_are_counted() {
    let gate = gate("admin.listen = \"127.0.0.1:0\"\n");
    let cookie = gate.signed_in();
    let count = |what: &str| {
        let text = gate.admin("GET /metrics").text();
        let line = text.lines().find(|line| line.starts_with(what)).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let (own, refused) =
        ("sidegate_requests_total{outcome=\"own\"}", "sidegate_requests_total{outcome=\"refused\"}");
    let before = [count("sidegate_store_commits_total"), count(own), count(refused)];
    for _ in 0..10 {
        assert_eq!(ask(&gate, "GET /private", &cookie).status, 200);
        assert_eq!(ask(&gate, "GET /private", "").status, 401);
    }
    let after = [count("sidegate_store_commits_total"), count(own), count(refused)];
    assert_eq!(after, [before[0], before[1] + 10, before[2] + 10]);
}
