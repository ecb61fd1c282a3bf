//! Reset links (contract sections 2, 4 and 5): made for an operator, used once by whoever they were handed to.

use std::fs;
use std::time::Duration;

use serde_json::json;
use sidegate::types::UserId;

use crate::support::{Answer, Gate, PASSWORD};

const BROWSER: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n";
const FORM: &str = "application/x-www-form-urlencoded";
const NEW: &str = "a quite different one";
const BAD: &str =
    "This link is not valid: it was used, has expired or was replaced by a newer one. Ask for a new one.";

/// What an operator would hand on for the user of this number.
fn link(gate: &Gate, uid: u64) -> String {
    let link = Gate::wait(gate.services().accounts.reset_link(UserId::new(uid).unwrap())).unwrap().unwrap();
    link.url.reveal().to_owned()
}

fn token(link: &str) -> &str {
    link.split_once("/auth/reset?token=").unwrap().1
}

fn reset(gate: &Gate, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    gate.post("/auth/password/reset", &body.to_string(), "")
}

fn assert_bad(answer: &Answer) {
    assert_eq!((answer.status, answer.detail().as_str()), (400, BAD));
    assert_eq!(answer.json()["code"], "bad_reset_token");
    assert_eq!(answer.all("set-cookie").len(), 0);
}

fn sign_in(gate: &Gate, password: &str) -> u16 {
    let body = json!({"email": "jack@example.com", "password": password});
    gate.post("/auth/signin", &body.to_string(), "").status
}

fn me(gate: &Gate, cookies: &str) -> u16 {
    gate.get("/auth/me", &format!("Cookie: {cookies}\r\n")).status
}

#[test]
fn a_link_sets_a_password_and_every_session_of_before_ends_at_once_and_for_good() {
    let mut gate = Gate::start();
    let (first, other) = (gate.member("jack@example.com"), gate.sign_in("jack@example.com"));
    let jill = gate.member("jill@example.com").header();
    let link = link(&gate, 1);
    let answer = reset(&gate, token(&link), NEW);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"status": "ok", "message": "The new password is set. Every session of this account has ended."})
    );
    let names: Vec<_> =
        answer.all("set-cookie").iter().map(|cookie| cookie.split('=').next().unwrap()).collect();
    assert_eq!(names, ["device_token"], "whoever has the link knows the password: they sign in");
    for cookies in [first.header(), other.header()] {
        assert_eq!(me(&gate, &cookies), 401);
        assert_eq!(gate.get("/", &format!("Cookie: {cookies}\r\n")).status, 401);
        assert_eq!(gate.post("/auth/refresh", "", &format!("Cookie: {cookies}\r\n")).status, 401);
    }
    assert_eq!((sign_in(&gate, PASSWORD), sign_in(&gate, NEW)), (401, 200));
    assert_eq!(me(&gate, &jill), 200);
    gate.restart();
    assert_eq!(me(&gate, &first.header()), 401);
    assert_eq!(gate.post("/auth/refresh", "", &format!("Cookie: {}\r\n", other.header())).status, 401);
    assert_eq!((sign_in(&gate, PASSWORD), sign_in(&gate, NEW), me(&gate, &jill)), (401, 200, 200));
    assert_bad(&reset(&gate, token(&link), "and another one"));
}

/// Seen: a sign-in whose password had been found right before the reset started its session after it.
#[test]
fn a_sign_in_under_way_with_the_old_password_survives_no_reset() {
    // Each hash takes a while, so that many sign-ins are between their look-up and their session.
    let gate = Gate::with("passwords.memory = \"8MiB\"\npasswords.workers = 4\n");
    gate.sign_up("jack@example.com");
    let body = json!({"email": "jack@example.com", "password": PASSWORD}).to_string();
    for round in 0..3 {
        let link = link(&gate, 1);
        let entered: Vec<_> = std::thread::scope(|scope| {
            let entering: Vec<_> =
                (0..16).map(|_| scope.spawn(|| gate.post("/auth/signin", &body, ""))).collect();
            assert_eq!(reset(&gate, token(&link), NEW).status, 200);
            entering.into_iter().map(|entering| entering.join().unwrap()).collect()
        });
        for answer in entered.iter().filter(|answer| answer.status == 200) {
            assert_eq!(me(&gate, &answer.cookies().header()), 401, "in round {round}");
        }
        assert_eq!(reset(&gate, token(&self::link(&gate, 1)), PASSWORD).status, 200);
    }
}

#[test]
fn a_link_works_once() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    assert_eq!(reset(&gate, token(&link), NEW).status, 200);
    assert_bad(&reset(&gate, token(&link), "and another one"));
    assert_eq!(sign_in(&gate, NEW), 200);
}

#[test]
fn of_parallel_uses_of_one_link_one_wins() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    let won: Vec<_> = std::thread::scope(|scope| {
        let uses: Vec<_> = (0..12)
            .map(|number| {
                let (gate, link) = (&gate, &link);
                scope.spawn(move || {
                    let password = format!("the password of {number}");
                    let answer = reset(gate, token(link), &password);
                    if answer.status != 200 {
                        assert_bad(&answer);
                    }
                    (answer.status == 200).then_some(password)
                })
            })
            .collect();
        uses.into_iter().filter_map(|used| used.join().unwrap()).collect()
    });
    let [password] = &won[..] else { panic!("{won:?}") };
    assert_eq!((sign_in(&gate, password), sign_in(&gate, PASSWORD)), (200, 401));
}

#[test]
fn a_link_is_good_for_half_an_hour_and_longer_than_a_restart() {
    let mut gate = Gate::start();
    gate.sign_up("jack@example.com");
    let late = link(&gate, 1);
    gate.clock.advance(Duration::from_mins(30));
    assert_bad(&reset(&gate, token(&late), NEW));
    assert_eq!(sign_in(&gate, PASSWORD), 200);
    let in_time = link(&gate, 1);
    gate.restart();
    gate.clock.advance(Duration::from_mins(30) - Duration::from_millis(1));
    assert_eq!(reset(&gate, token(&in_time), NEW).status, 200);
}

#[test]
fn a_newer_link_voids_an_older_one_of_the_same_user_alone() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    gate.sign_up("jill@example.com");
    let (old, other, new) = (link(&gate, 1), link(&gate, 2), link(&gate, 1));
    assert_bad(&reset(&gate, token(&old), NEW));
    for link in [new, other] {
        assert_eq!(reset(&gate, token(&link), NEW).status, 200);
    }
    assert!(Gate::wait(gate.services().accounts.reset_link(UserId::new(9).unwrap())).unwrap().is_none());
}

/// One and the same answer, so that nothing is learnt from it.
#[test]
fn what_is_no_token_is_answered_like_a_used_one() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    let good = token(&link);
    for bad in ["x", &"A".repeat(43), &good[1..], &format!("{good}="), &good.to_uppercase(), &link] {
        assert_bad(&reset(&gate, bad, NEW));
    }
    assert_eq!(reset(&gate, good, NEW).status, 200);
}

#[test]
fn a_password_that_breaks_the_rules_leaves_the_link_as_it_was() {
    let gate = Gate::with("passwords.block_common = true\n");
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    let token = token(&link);
    for (body, status, detail) in [
        (json!({"token": token}), 400, "Token and password are required."),
        (json!({"password": NEW}), 400, "Token and password are required."),
        (json!({"token": token, "password": ""}), 400, "Token and password are required."),
        (json!({"token": token, "password": "short"}), 422, "The password must have at least 8 characters."),
        (
            json!({"token": token, "password": "password1"}),
            422,
            "This password is one of the most used ones. Choose another.",
        ),
        (
            json!({"token": token, "password": "x".repeat(1025)}),
            422,
            "The password must have at most 1024 bytes.",
        ),
        (json!({"token": 1, "password": NEW}), 422, "The field `token` must be a string."),
    ] {
        let answer = gate.post("/auth/password/reset", &body.to_string(), "");
        assert_eq!((answer.status, answer.detail().as_str()), (status, detail), "{body:.60}");
    }
    assert_eq!(sign_in(&gate, PASSWORD), 200);
    assert_eq!(reset(&gate, token, NEW).status, 200);
}

#[test]
fn a_disabled_user_may_get_a_password_and_stays_kept_out() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let (before, jack) = (link(&gate, 1), UserId::new(1).unwrap());
    Gate::wait(gate.services().accounts.set_active(jack, false)).unwrap().unwrap();
    // Seen: who held an older link than the disabling had the account once it was enabled again.
    assert_eq!(reset(&gate, token(&before), NEW).status, 400);
    assert_eq!(reset(&gate, token(&link(&gate, 1)), NEW).status, 200);
    assert_eq!((sign_in(&gate, PASSWORD), sign_in(&gate, NEW)), (401, 401));
    Gate::wait(gate.services().accounts.set_active(jack, true)).unwrap().unwrap();
    assert_eq!((sign_in(&gate, PASSWORD), sign_in(&gate, NEW)), (401, 200));
}

/// It came by an operator's hand, not by mail.
#[test]
fn a_link_of_an_operators_proves_no_address() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    assert_eq!(reset(&gate, token(&link(&gate, 1)), NEW).status, 200);
    let user = Gate::wait(gate.services().accounts.user(UserId::new(1).unwrap())).unwrap().unwrap();
    assert!(!user.email_verified);
}

#[test]
fn guesses_are_limited_by_address_and_good_links_are_none() {
    let gate = Gate::with("limits.signin_failures = \"1/15m\"\n");
    gate.sign_up("jack@example.com");
    for _ in 0..12 {
        assert_eq!(reset(&gate, token(&link(&gate, 1)), NEW).status, 200);
    }
    for _ in 0..10 {
        assert_bad(&reset(&gate, &"A".repeat(43), NEW));
    }
    let good = link(&gate, 1);
    let answer = reset(&gate, token(&good), NEW);
    assert_eq!((answer.status, answer.detail().as_str()), (429, "Too many attempts. Try again later."));
    assert_eq!(answer.header("retry-after"), Some("90"));
    gate.clock.advance(Duration::from_secs(90));
    assert_eq!(reset(&gate, token(&good), NEW).status, 200, "a refused attempt uses nothing up");
}

#[test]
fn a_link_is_made_of_the_public_url_alone() {
    let gate = Gate::with("server.public_url = \"https://app.example.com\"\n");
    gate.sign_up("jack@example.com");
    let link = Gate::wait(gate.services().accounts.reset_link(UserId::new(1).unwrap())).unwrap().unwrap();
    let url = link.url.reveal();
    assert!(url.starts_with("https://app.example.com/auth/reset?token="), "{url}");
    assert_eq!(url.len(), "https://app.example.com/auth/reset?token=".len() + 43);
    assert_eq!(link.expires, gate.clock.now().plus(Duration::from_mins(30)));
    assert_eq!(format!("{link:?}").find(token(url)), None);
}

#[test]
fn links_and_their_use_are_audited_without_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let gate = Gate::with(&format!("log.audit = \"{}\"\n", file.display()));
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    assert_bad(&reset(&gate, "none", NEW));
    assert_eq!(reset(&gate, token(&link), NEW).status, 200);
    let lines: Vec<serde_json::Value> =
        fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = lines[1]["time"].clone();
    assert_eq!(
        lines[1..],
        [
            json!({"time": at, "event": "reset_link_made", "uid": 1}),
            json!({"time": at, "event": "password_reset", "uid": 1, "address": "127.0.0.1"}),
        ]
    );
}

#[test]
fn a_person_sets_a_password_by_the_page_and_is_led_to_sign_in() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    let token = token(&link);
    // Programs open links before people do.
    for _ in 0..3 {
        let page = gate.get(&format!("/auth/reset?token={token}"), BROWSER);
        assert_eq!(page.status, 200);
        assert_page(&page);
        assert!(page.text().contains(&format!("name=\"token\" value=\"{token}\"")), "{}", page.text());
        assert!(page.text().contains("action=\"/auth/password/reset\""));
        assert!(page.text().contains("autocomplete=\"new-password\""));
    }
    let submit = |password: &str| {
        let form = format!("token={token}&password={}", password.replace(' ', "+"));
        gate.post_as(FORM, "/auth/password/reset", &form, BROWSER)
    };
    let again = submit("short");
    assert_eq!(again.status, 422);
    assert_page(&again);
    assert!(again.text().contains("role=\"alert\">The password must have at least 8 characters."));
    assert!(again.text().contains(&format!("name=\"token\" value=\"{token}\"")), "{}", again.text());
    assert!(!again.text().contains("short\""));
    let done = submit(NEW);
    assert_eq!((done.status, done.header("location")), (303, Some("/auth/login?done=reset")));
    assert!(!done.head.contains(token));
    let login = gate.get("/auth/login?done=reset", BROWSER).text();
    assert!(login.contains("Your new password is set. Sign in with it."), "{login}");
    assert!(!gate.get("/auth/login", BROWSER).text().contains("new password"));
    assert_eq!(sign_in(&gate, NEW), 200);
    let used = submit("and another one");
    assert_eq!(used.status, 400);
    assert_page(&used);
    assert!(used.text().contains(BAD) && !used.text().contains("action=\"/auth/password/reset\""));
}

/// `same-origin` sends the address of the page, with the token in it, to this host alone; so no link on it may lead
/// to the upstream, and nothing at all is loaded.
fn assert_page(page: &Answer) {
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; "));
    let text = page.text();
    let leads: Vec<_> =
        ["href=\"", "src=\"", "action=\""].iter().flat_map(|mark| text.split(mark).skip(1)).collect();
    assert!(leads.len() > 1);
    for lead in leads {
        assert!(lead.starts_with("/auth/") || lead.starts_with("data:,\""), "{lead:.60}");
    }
}

#[test]
fn a_link_that_was_cut_says_so_and_shows_no_form() {
    let gate = Gate::start();
    for path in
        ["/auth/reset", "/auth/reset?token=", "/auth/reset?token=AAAA", "/auth/reset?token=%22%3E%3Cb%3E"]
    {
        let page = gate.get(path, BROWSER);
        assert_eq!(page.status, 200);
        assert!(page.text().contains("This link is not complete."), "{}", page.text());
        assert!(!page.text().contains("<b>") && !page.text().contains("/auth/password/reset"));
    }
}

#[test]
fn without_pages_there_is_no_page_and_the_endpoint_works() {
    let gate = Gate::with("pages.enabled = false\n");
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    assert_eq!(gate.get(&format!("/auth/reset?token={}", token(&link)), BROWSER).status, 404);
    assert_eq!(reset(&gate, token(&link), NEW).status, 200);
}

#[test]
fn another_sites_form_uses_no_link() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let link = link(&gate, 1);
    let form = format!("token={}&password=chosen+by+a+stranger", token(&link));
    let foreign = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(gate.post_as(FORM, "/auth/password/reset", &form, foreign).status, 403);
    assert_eq!(reset(&gate, token(&link), NEW).status, 200);
}
