//! What tokens say and what is remembered of them: lines 12, 18 and 27.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{set_roles, sign_in};
use crate::support::process::sidegate;
use crate::support::{Answer, Gate, PASSWORD, Raw};

const RULES: &str = "[[rules]]\npath = \"/admin/*\"\nallow = \"signed-in\"\nroles = [\"admin\"]\n\
                     [[rules]]\npath = \"/read/*\"\nmethods = [\"GET\"]\nallow = \"signed-in\"\n\
                     [[rules]]\npath = \"/read/*\"\nallow = \"deny\"";

fn ask(gate: &Gate, connection: &mut Raw, line: &str, cookie: &str) -> Answer {
    connection.write(format!(
        "{line} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nCookie: {cookie}\r\n\r\n",
        gate.address
    ));
    connection.answer()
}

/// Authelia GHSA-x883-2vmg-xwf7, Pomerium CVE-2021-41230: a role that was taken away worked until a cache or a token ran
/// out. Here a dismissed administrator would have a quarter of an hour.
#[test]
fn weakness_12_a_role_that_was_taken_away_opens_nothing_from_the_next_request_on() {
    let gate = Gate::with(RULES);
    let first = gate.member("jack@example.com");
    set_roles(&gate, 1, &["admin"]);
    let cookies = gate.get("/admin/x", &format!("Cookie: {}\r\n", first.header())).cookies();
    let mut kept: Vec<_> = (0..8).map(|_| gate.connect()).collect();
    for connection in &mut kept {
        for _ in 0..2 {
            assert_eq!(ask(&gate, connection, "GET /admin/x", &cookies.header()).status, 200);
        }
    }
    set_roles(&gate, 1, &["editor"]);
    let reached = gate.upstream.requests().len();
    for connection in &mut kept {
        // Renewed in passing, it says what is so now; alone, it is out of date.
        assert_eq!(ask(&gate, connection, "GET /admin/x", &cookies.header()).status, 403);
        let alone = ask(&gate, connection, "GET /admin/x", &format!("access_token={}", cookies.access));
        assert_eq!((alone.status, alone.detail().as_str()), (401, "Token has expired"));
    }
    assert_eq!(gate.upstream.requests().len(), reached);
}

/// Oathkeeper CVE-2026-33496, CVE-2021-32701: what had been verified for one rule was taken from a cache for another one.
/// Here who may read `/` would be let into `/admin/`.
#[test]
fn weakness_18_what_is_cached_of_a_token_decides_nothing_that_depends_on_the_request() {
    let gate = Gate::with(RULES);
    let (jack, jill) = (gate.member("jack@example.com"), gate.member("jill@example.com"));
    let mut connection = gate.connect();
    for _ in 0..3 {
        for (line, status) in [
            ("GET /", 200),
            ("GET /admin/x", 403),
            ("GET /read/x", 200),
            ("POST /read/x", 403),
            ("GET /read/x", 200),
            ("GET /admin/x", 403),
            ("GET /", 200),
        ] {
            let answer = ask(&gate, &mut connection, line, &jack.header());
            assert_eq!(answer.status, status, "{line}");
        }
        // The other parts of a known token don't make another one known.
        let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
        let (jacks, jills) = (parts(&jack.access), parts(&jill.access));
        for mixed in [
            format!("{}.{}.{}", jacks[0], jills[1], jacks[2]),
            format!("{}.{}.{}", jacks[0], jacks[1], jills[2]),
            format!("{}.{}.", jacks[0], jacks[1]),
        ] {
            let answer = ask(&gate, &mut connection, "GET /", &format!("access_token={mixed}"));
            assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"));
        }
        assert_eq!(ask(&gate, &mut connection, "GET /", &jill.header()).status, 200);
        assert_eq!(gate.upstream.last().header("x-user-id").as_deref(), Some("2"));
    }
}

/// vouch-proxy, the FastAPI project: a cookie copied before the sign-out worked after it.
#[test]
fn weakness_27_a_cookie_that_is_replayed_after_signing_out_opens_nothing() {
    let mut gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: {}\r\n", cookies.header());
    assert_eq!(gate.get("/", &cookie).status, 200);
    assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    for _ in 0..2 {
        let answer = gate.get("/", &cookie);
        assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"));
        assert_eq!(gate.get("/auth/me", &cookie).detail(), "Invalid token");
        assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401);
        gate.restart();
    }
}

/// The template project: each kind of token was taken for the other one, and one that could not be read was a 500.
#[test]
fn weakness_27_neither_token_passes_for_the_other_and_a_bad_one_is_never_a_500() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let odd = [
        &cookies.access[..cookies.access.len() - 1],
        "null",
        "undefined",
        "Bearer x",
        "..",
        "a.b.c",
        "eyJhbGciOiJIUzI1NiJ9.bnVsbA.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.W10.AAAA",
        "\u{1f600}",
        "%00",
        "\"",
    ];
    for access in odd.iter().copied().chain([cookies.refresh.as_str()]) {
        for path in ["/", "/auth/me"] {
            let answer = gate.get(path, &format!("Cookie: access_token={access}\r\n"));
            assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"), "{path} {access}");
        }
    }
    for refresh in odd.iter().copied().chain([cookies.access.as_str()]) {
        let cookie = format!("Cookie: refresh_token={refresh}\r\n");
        for answer in [gate.post("/auth/refresh", "", &cookie), gate.get("/", &cookie)] {
            assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"), "{refresh}");
        }
    }
    assert_eq!(gate.upstream.bytes(), 0);
}

/// Both projects: who left the configuration as it came signed with a key that everybody could read.
#[test]
fn weakness_27_there_is_no_default_key() {
    let (one, other) = (Gate::start(), Gate::start());
    let kid = |gate: &Gate| gate.get("/auth/jwks.json", "").json()["keys"][0]["kid"].clone();
    assert_ne!(kid(&one), kid(&other));
    let cookies = one.member("jack@example.com");
    assert_eq!(other.get("/", &format!("Cookie: {}\r\n", cookies.header())).status, 401);
    let folder = tempfile::tempdir().unwrap();
    let settings = "upstream.url = \"http://127.0.0.1:9\"\ntokens.algorithm = \"HS256\"\n";
    std::fs::write(folder.path().join("sidegate.toml"), settings).unwrap();
    let said = sidegate(folder.path()).arg("check").output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    assert!(text.contains("tokens.secret"), "{text}");
}

/// Both projects answered up to thirty times faster where there was no such user. A coarse look; statistics are with the limits.
#[test]
fn weakness_27_an_unknown_address_takes_as_long_as_a_wrong_password() {
    let gate = Gate::with("passwords.memory = \"8MiB\"\nlimits.signin_failures = \"1000/15m\"\n");
    gate.sign_up("jack@example.com");
    let ask = |email: &str| {
        let start = Instant::now();
        let answer = sign_in(&gate, email, "not the password", "");
        assert_eq!(answer.json()["detail"], json!("Invalid email or password."));
        start.elapsed()
    };
    // The quickest of each, asked in turns: what else the machine does only makes them slower.
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..20 {
        known = known.min(ask("jack@example.com"));
        unknown = unknown.min(ask("nobody@example.com"));
    }
    assert!(known < unknown * 2 && unknown < known * 2, "{known:?} and {unknown:?}");
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, "").status, 200);
}
