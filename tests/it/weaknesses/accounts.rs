//! Who signs up, in and out: lines 6, 7, 14, 15, 16, 22 and 23.

use std::time::Duration;

use serde_json::json;
use sidegate::store::UserChange;
use sidegate::types::{Email, UserId};

use super::{reset, reset_token, set_roles, sign_in};
use crate::support::{Gate, PASSWORD, Upstream};

/// oauth2-proxy CVE-2026-40574: `a@evil.com@ok.com` passed a domain list that looked at the text's end. Here a stranger
/// would sign up where only a company's people may.
#[test]
fn weakness_06_a_domain_list_compares_the_one_domain_of_an_address() {
    let gate = Gate::with(
        "signup.allowed_domains = [\"ok.com\", \"bücher.example\"]\nlimits.signup = \"1000/1h\"\n",
    );
    for email in [
        "a@evil.com@ok.com",
        "a@ok.com@evil.com",
        "a@@ok.com",
        "a@evil.com,b@ok.com",
        "a@evil.com b@ok.com",
        "<a@evil.com>a@ok.com",
        "a@evil.com\\u0000@ok.com",
        "a@evil.com\\r\\n@ok.com",
        "a@evil.com%40ok.com",
        "a@evil.com#@ok.com",
        "a@evil.com\u{ff20}ok.com",
        "a@evilok.com",
        "a@sub.ok.com",
        "a@ok.com.evil.com",
        "a@.ok.com",
        "a@ok.com..",
        "a@[ok.com]",
        "@ok.com",
        "ok.com",
    ] {
        let answer = gate.sign_up(email);
        assert!(matches!(answer.status, 400 | 422), "{email}: {answer:?}");
    }
    assert_eq!(Gate::wait(gate.services().accounts.count()).unwrap(), 0);
    for email in ["a@ok.com", "b@OK.com", "c@xn--bcher-kva.example"] {
        assert_eq!(gate.sign_up(email).status, 200, "{email}");
    }
}

/// oauth2-proxy CVE-2026-34454: a session cookie survived a new sign-in. Here somebody who plants their own cookies in a
/// browser would share the session that its owner then begins.
#[test]
fn weakness_07_each_sign_in_starts_a_session_of_its_own_and_ends_the_one_it_replaces() {
    let gate = Gate::start();
    let planted = gate.member("mallory@example.com");
    gate.sign_up("jack@example.com");
    for cookie in [
        planted.header(),
        format!("access_token={}", planted.access),
        format!("refresh_token={}", planted.refresh),
    ] {
        let own = sign_in(&gate, "jack@example.com", PASSWORD, &format!("Cookie: {cookie}\r\n")).cookies();
        assert_ne!((&own.access, &own.refresh), (&planted.access, &planted.refresh));
        let with = |cookie: &str| gate.get("/auth/me", &format!("Cookie: {cookie}\r\n"));
        assert_eq!(with(&own.header()).json()["uid"], 2);
        assert_eq!(with(&planted.header()).status, 401, "{cookie:.20}: what was planted is dead");
        let renewal = format!("Cookie: refresh_token={}\r\n", planted.refresh);
        assert_eq!(gate.post("/auth/refresh", "", &renewal).status, 401);
        assert_eq!(gate.get("/", &renewal).status, 401);
    }
    let sessions = Gate::wait(gate.services().store.sessions_of(UserId::new(2).unwrap())).unwrap();
    let ids: std::collections::HashSet<_> = sessions.iter().map(|session| session.id).collect();
    assert_eq!(ids.len(), 3, "no id is used twice");
}

/// The same where the two cookies are of two sessions: neither of them may survive in that browser.
#[test]
fn weakness_07_a_sign_in_and_a_sign_out_end_both_sessions_where_the_cookies_name_two() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    for signs_out in [false, true] {
        let (one, other) =
            (gate.member(&format!("mallory{signs_out}@example.com")), gate.sign_in("jack@example.com"));
        let mixed = format!("Cookie: access_token={}; refresh_token={}\r\n", one.access, other.refresh);
        let answer = if signs_out {
            gate.post("/auth/signout", "", &mixed)
        } else {
            sign_in(&gate, "jack@example.com", PASSWORD, &mixed)
        };
        assert_eq!(answer.status, 200);
        for cookies in [one, other] {
            let cookie = format!("Cookie: {}\r\n", cookies.header());
            assert_eq!(gate.get("/", &cookie).status, 401, "signs out: {signs_out}");
            assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401, "signs out: {signs_out}");
        }
    }
}

/// tinyauth CVE-2026-32246, Kratos CVE-2024-45042: a sign-in that waited for its second factor was taken for a whole one
/// elsewhere. There is no second factor here; whatever else the gate hands out or names opens nothing but its own door.
#[test]
fn weakness_14_nothing_but_a_finished_sign_in_yields_a_token_that_opens_anything() {
    let gate = Gate::start();
    let signed_up = gate.sign_up("jack@example.com");
    assert_eq!(signed_up.all("set-cookie").len(), 0, "who has signed up has not signed in");
    let cookies = gate.sign_in("jack@example.com");
    let session = Gate::wait(gate.services().store.sessions_of(UserId::new(1).unwrap())).unwrap().remove(0);
    let link = reset_token(&gate, 1);
    let page = gate.get(&format!("/auth/reset?token={link}"), "Accept: text/html\r\n");
    assert_eq!((page.status, page.all("set-cookie").len()), (200, 0));
    for (what, token) in [
        ("a reset link's token", link.clone()),
        ("a session's id", session.id.to_string()),
        ("a refresh token's claims", cookies.refresh.split('.').nth(1).unwrap().to_owned()),
        ("a user's number", "1".to_owned()),
        ("the password", PASSWORD.replace(' ', "_")),
    ] {
        for cookie in [
            format!("access_token={token}"),
            format!("refresh_token={token}"),
            format!("access_token={token}; refresh_token={token}"),
        ] {
            let cookie = format!("Cookie: {cookie}\r\n");
            assert_eq!(gate.get("/", &cookie).status, 401, "{what}");
            assert_eq!(gate.get("/auth/me", &cookie).status, 401, "{what}");
            assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401, "{what}");
        }
    }
    // And each kind of token at the other one's door.
    for cookie in [format!("access_token={}", cookies.refresh), format!("refresh_token={}", cookies.access)] {
        assert_eq!(gate.get("/", &format!("Cookie: {cookie}\r\n")).status, 401, "{cookie:.20}");
    }
    for token in [&cookies.access, &cookies.refresh] {
        assert_eq!(reset(&gate, token, "a quite different one").status, 400);
        assert_eq!(gate.get("/", &format!("Authorization: Bearer {token}\r\n")).status, 401);
    }
    assert_eq!(gate.upstream.bytes(), 0);
    let done = reset(&gate, &link, "a quite different one");
    let device = done.cookie("device_token").unwrap();
    assert_eq!(
        (done.status, done.all("set-cookie").len()),
        (200, 1),
        "who has set a password signs in with it, in a browser that is known"
    );
    for name in ["access_token", "refresh_token", "device_token"] {
        let cookie = format!("Cookie: {name}={device}\r\n");
        assert_eq!(gate.get("/", &cookie).status, 401, "a device's token as {name}");
        assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401, "a device's token as {name}");
    }
    assert_eq!(gate.upstream.bytes(), 0);
}

/// tinyauth CVE-2026-33544: sign-ins under way at one time shared an object and swapped users. Here somebody would be
/// somebody else for as long as their session lasts.
#[test]
fn weakness_15_parallel_sign_ins_and_requests_never_swap_identities() {
    const USERS: usize = 16;
    let upstream = Upstream::answering(|exchange| {
        let body = exchange.seen.header("x-user-id").unwrap_or_default();
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        true
    });
    let gate = Gate::before(upstream, "limits.signup = \"1000/1h\"\npasswords.queue = 256\n");
    let email = |user: usize| format!("user{user}@example.com");
    let uids: Vec<u64> =
        (0..USERS).map(|user| gate.sign_up(&email(user)).json()["uid"].as_u64().unwrap()).collect();
    std::thread::scope(|scope| {
        for client in 0..64 {
            let (gate, uids) = (&gate, &uids);
            scope.spawn(move || {
                let user = client % USERS;
                let uid = uids[user];
                let answer = sign_in(gate, &email(user), PASSWORD, "");
                assert_eq!((answer.status, &answer.json()["uid"]), (200, &json!(uid)), "{answer:?}");
                let mut cookies = answer.cookies();
                for round in 0..6 {
                    let cookie = format!("Cookie: {}\r\n", cookies.header());
                    let told = gate.get(&format!("/{user}"), &cookie).text();
                    assert_eq!(told, uid.to_string());
                    assert_eq!(gate.get("/auth/me", &cookie).json()["email"], email(user));
                    if round % 2 == 0 {
                        let renewed = gate.post("/auth/refresh", "", &cookie);
                        assert_eq!(renewed.json()["uid"], uid);
                        cookies = renewed.cookies();
                    }
                }
            });
        }
    });
    for seen in gate.upstream.requests() {
        let user: usize = seen.line().split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        assert_eq!(seen.header("x-user-id"), Some(uids[user].to_string()), "{}", seen.head);
    }
}

/// tinyauth CVE-2026-32245, Pocket ID CVE-2026-28513: a code was good for another client or another user than it was made
/// for. Here one user's link would set another one's password, or an old one would after the address went to others.
#[test]
fn weakness_16_a_one_time_link_is_bound_to_its_user_their_address_and_its_purpose_and_is_used_once() {
    const NEW: &str = "a quite different one";
    let gate = Gate::with("limits.signup = \"1000/1h\"\n");
    for email in ["jack@example.com", "jill@example.com", "joan@example.com"] {
        gate.sign_up(email);
    }
    let jills = reset_token(&gate, 2);
    // Whatever else the request says of whom it is about.
    let body = json!({"token": jills, "password": NEW, "uid": 1, "email": "jack@example.com", "sub": "1"});
    assert_eq!(gate.post("/auth/password/reset?uid=1", &body.to_string(), "X-User-Id: 1\r\n").status, 200);
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, "").status, 200);
    assert_eq!(sign_in(&gate, "jack@example.com", NEW, "").status, 401);
    assert_eq!(sign_in(&gate, "jill@example.com", NEW, "").status, 200);
    assert_eq!(reset(&gate, &jills, "and another one").status, 400, "once");
    // The address that the link was sent to is somebody else's by now.
    let moved = reset_token(&gate, 1);
    let change = UserChange { email: Email::parse("jacques@example.com"), ..UserChange::default() };
    Gate::wait(gate.services().accounts.change(UserId::new(1).unwrap(), change)).unwrap();
    assert_eq!(reset(&gate, &moved, NEW).status, 400);
    let removed = reset_token(&gate, 3);
    Gate::wait(gate.services().accounts.remove(UserId::new(3).unwrap())).unwrap().unwrap();
    gate.sign_up("joan@example.com");
    assert_eq!(reset(&gate, &removed, NEW).status, 400, "the new owner of an address is another user");
    assert_eq!(sign_in(&gate, "joan@example.com", PASSWORD, "").status, 200);
}

/// `PocketBase` CVE-2024-38351, CVE-2026-44166: somebody signed up with a victim's address and kept their way in when the
/// victim came. Here the address's owner takes the account over by a link, and nothing of before is left.
#[test]
fn weakness_22_taking_an_account_over_ends_sessions_links_and_passwords_of_before() {
    let gate = Gate::start();
    let hijacker = gate.member("victim@example.com");
    let elsewhere = gate.sign_in("victim@example.com");
    let older = reset_token(&gate, 1);
    let renewed =
        gate.post("/auth/refresh", "", &format!("Cookie: refresh_token={}\r\n", elsewhere.refresh)).cookies();
    let link = reset_token(&gate, 1);
    assert_eq!(reset(&gate, &link, "the victim's own password").status, 200);
    for cookies in [&hijacker, &elsewhere, &renewed] {
        let cookie = format!("Cookie: {}\r\n", cookies.header());
        assert_eq!(gate.get("/", &cookie).status, 401);
        assert_eq!(gate.get("/auth/me", &cookie).status, 401);
        assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401);
    }
    assert_eq!(reset(&gate, &older, "the hijacker's").status, 400);
    assert_eq!(reset(&gate, &link, "the hijacker's").status, 400);
    assert_eq!(sign_in(&gate, "victim@example.com", PASSWORD, "").status, 401);
    let sign_up = gate.sign_up("Victim@example.com");
    assert_eq!(sign_up.status, 409, "nor is there a second account for the address");
    assert_eq!(sign_in(&gate, "victim@example.com", "the victim's own password", "").status, 200);
}

/// Pocket ID CVE-2026-43983: a refresh skipped what a sign-in checks. CVE-2026-28512: `https://ok@evil` led elsewhere.
/// Here somebody who was kept out would stay in for ninety days, and a link to the sign-in page would lead astray.
#[test]
fn weakness_23_a_refresh_checks_what_a_sign_in_checks_and_next_knows_no_user_info() {
    let gate = Gate::with("identity.roles = \"X-User-Roles\"\n");
    let cookies = gate.member("jack@example.com");
    let cookie = format!("Cookie: refresh_token={}\r\n", cookies.refresh);
    set_roles(&gate, 1, &["admin"]);
    assert_eq!(gate.get("/", &cookie).status, 200);
    assert_eq!(
        gate.upstream.last().header("x-user-roles").as_deref(),
        Some("admin"),
        "roles are the present ones"
    );
    set_roles(&gate, 1, &[]);
    assert_eq!(gate.get("/", &cookie).status, 200);
    assert_eq!(gate.upstream.last().header("x-user-roles").as_deref(), Some(""));
    let accounts = &gate.services().accounts;
    Gate::wait(accounts.set_active(UserId::new(1).unwrap(), false)).unwrap().unwrap();
    assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401);
    assert_eq!(gate.get("/", &cookie).status, 401);
    Gate::wait(accounts.set_active(UserId::new(1).unwrap(), true)).unwrap().unwrap();
    gate.clock.advance(Duration::from_mins(30));
    assert_eq!(gate.post("/auth/refresh", "", &cookie).status, 401, "what ended stays so");

    let browser = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n";
    let public = gate.address;
    for next in [
        format!("http://{public}@evil.example/"),
        "https://ok@evil.example/".to_owned(),
        format!("//{public}@evil.example/"),
        "//ok:x@evil.example".to_owned(),
        "/\\ok@evil.example/".to_owned(),
        "@evil.example".to_owned(),
    ] {
        let next = next.replace(':', "%3A").replace('@', "%40").replace('/', "%2F");
        let form = format!("email=jack%40example.com&password=correct+horse+battery&next={next}");
        let answer = gate.post_as("application/x-www-form-urlencoded", "/auth/signin", &form, browser);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{next}");
    }
}
