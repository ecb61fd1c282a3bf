//! The known browser: counted by itself, so that nobody else's wrong passwords keep its owner out. It opens nothing.

use std::time::Duration;

use serde_json::json;
use sidegate::types::UserId;

use crate::support::process::Process;
use crate::support::{Answer, Gate, PASSWORD, Upstream};

const TWO: &str = "limits.signin_failures = \"2/15m\"\n";
const FORM: &str = "application/x-www-form-urlencoded";
const BROWSER: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n";

fn sign_in(gate: &Gate, email: &str, password: &str, headers: &str) -> Answer {
    gate.post("/auth/signin", &json!({"email": email, "password": password}).to_string(), headers)
}

fn device(answer: &Answer) -> String {
    answer.cookie("device_token").expect("a device cookie")
}

fn with(device: &str) -> String {
    format!("Cookie: device_token={device}\r\n")
}

/// Signs up and in; the device cookie of that browser.
fn known(gate: &Gate, email: &str) -> String {
    assert_eq!(gate.sign_up(email).status, 200);
    device(&sign_in(gate, email, PASSWORD, ""))
}

/// The line of the `Set-Cookie`.
fn line(answer: &Answer) -> String {
    answer.all("set-cookie").into_iter().find(|line| line.starts_with("device_token=")).unwrap().to_owned()
}

#[test]
fn no_stranger_behind_the_same_address_keeps_a_known_browser_out() {
    let gate = Gate::with(TWO);
    let jack = known(&gate, "jack@example.com");
    for _ in 0..30 {
        sign_in(&gate, "jack@example.com", "wrong", "");
        sign_in(&gate, "somebody@example.com", "wrong", "");
    }
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, "").status, 429);
    for _ in 0..5 {
        assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, &with(&jack)).status, 200);
    }
    // Theirs for another account is worth nothing.
    gate.clock.advance(Duration::from_hours(24));
    let jill = known(&gate, "jill@example.com");
    for _ in 0..30 {
        sign_in(&gate, "jack@example.com", "wrong", "");
    }
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, &with(&jill)).status, 429);
}

#[test]
fn a_known_browser_has_its_own_attempts_and_is_a_stranger_after_them() {
    let gate = Gate::with(TWO);
    let jack = known(&gate, "jack@example.com");
    let statuses: Vec<_> =
        (0..5).map(|_| sign_in(&gate, "jack@example.com", "wrong", &with(&jack)).status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 429], "two of its own, then a stranger's two");
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, &with(&jack)).status, 429);
    gate.clock.advance(Duration::from_mins(15));
    // Its own attempts cost a stranger's nothing.
    for _ in 0..2 {
        assert_eq!(sign_in(&gate, "jack@example.com", "wrong", &with(&jack)).status, 401);
    }
    for _ in 0..2 {
        assert_eq!(sign_in(&gate, "jack@example.com", "wrong", "").status, 401);
    }
}

#[test]
fn parallel_guesses_of_a_known_browser_gain_nothing() {
    let gate = Gate::with("limits.signin_failures = \"3/15m\"\n");
    let jack = known(&gate, "jack@example.com");
    let guess = || sign_in(&gate, "jack@example.com", "wrong", &with(&jack)).status;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..16).map(|_| scope.spawn(guess)).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 6, "{statuses:?}");
}

/// Seen: with 40 tokens, made while the address was one's own, 80 of 80 guesses at its later owner's password were let
/// through.
#[test]
fn weakness_22_browsers_that_were_known_before_an_addresss_owner_came_are_strangers_to_them() {
    let gate = Gate::with(TWO);
    gate.sign_up("victim@example.com");
    let tokens: Vec<_> =
        (0..4).map(|_| device(&sign_in(&gate, "victim@example.com", PASSWORD, ""))).collect();
    let cookies = gate.sign_in("victim@example.com").header();
    let change = json!({"email": "mine@example.com", "password": PASSWORD}).to_string();
    let away = gate.call("PATCH", "/auth/me", &change, &format!("Cookie: {cookies}\r\n"));
    assert_eq!(away.status, 200);
    assert_eq!(gate.sign_up("victim@example.com").status, 200);
    let guesses = tokens.iter().flat_map(|token| [token, token]);
    let statuses: Vec<_> =
        guesses.map(|token| sign_in(&gate, "victim@example.com", "wrong", &with(token)).status).collect();
    assert_eq!(statuses, [401, 401, 429, 429, 429, 429, 429, 429], "a stranger's two for all of them");
}

/// Seen: any number could be had, and each had attempts of its own.
#[test]
fn weakness_22_all_known_browsers_of_an_account_together_have_ten_times_the_attempts_of_one() {
    let gate = Gate::with("limits.signin_failures = \"1/15m\"\n");
    gate.sign_up("jack@example.com");
    let tokens: Vec<_> = (0..12).map(|_| device(&sign_in(&gate, "jack@example.com", PASSWORD, ""))).collect();
    let statuses: Vec<_> =
        tokens.iter().map(|token| sign_in(&gate, "jack@example.com", "wrong", &with(token)).status).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [401, 429], "then it is a stranger's one");
}

/// Seen: a browser that somebody had used once stayed known for 180 days, whatever became of the password.
#[test]
fn weakness_22_a_new_password_makes_strangers_of_all_browsers_but_the_one_that_set_it() {
    let gate = Gate::with(TWO);
    let (new, newer) = ("another good password", "yet another password");
    let (old, this) = (known(&gate, "jack@example.com"), gate.sign_in("jack@example.com").header());
    let own = device(&sign_in(&gate, "jack@example.com", PASSWORD, ""));
    let knows = |token: &str, password: &str| {
        let answer = sign_in(&gate, "jack@example.com", password, &with(token));
        assert_eq!(answer.status, 200);
        answer.cookie("device_token").is_none()
    };
    assert!(knows(&old, PASSWORD) && knows(&own, PASSWORD));
    let change = json!({"current": PASSWORD, "new": new}).to_string();
    let changed = gate.post("/auth/password", &change, &format!("Cookie: {this}; device_token={own}\r\n"));
    assert_eq!(changed.status, 200);
    let own = device(&changed);
    assert!(knows(&own, new) && !knows(&old, new));
    let link = Gate::wait(gate.services().accounts.reset_link(UserId::new(1).unwrap())).unwrap().unwrap();
    let body = json!({"token": link.url.reveal().split_once('=').unwrap().1, "password": newer}).to_string();
    assert_eq!(gate.post("/auth/password/reset", &body, "").status, 200);
    assert!(!knows(&own, newer), "the very answer makes it known again");
    // A void one has no attempts of its own.
    let statuses: Vec<_> =
        (0..3).map(|_| sign_in(&gate, "jack@example.com", "wrong", &with(&own)).status).collect();
    assert_eq!(statuses, [401, 401, 429]);
}

/// Seen: strangers' guesses kept the owner of an account out of it right after a reset, in the browser that made it.
#[test]
fn the_browser_that_set_a_new_password_by_a_link_is_known_by_it() {
    for (kind, headers) in [("application/json", ""), (FORM, BROWSER)] {
        let gate = Gate::with(TWO);
        known(&gate, "jack@example.com");
        for _ in 0..3 {
            sign_in(&gate, "jack@example.com", "wrong", "");
        }
        let link = Gate::wait(gate.services().accounts.reset_link(UserId::new(1).unwrap())).unwrap().unwrap();
        let token = link.url.reveal().split_once('=').unwrap().1.to_owned();
        let body = match kind {
            FORM => format!("token={token}&password=another+good+password"),
            _ => json!({"token": token, "password": "another good password"}).to_string(),
        };
        let answer = gate.post_as(kind, "/auth/password/reset", &body, headers);
        let own = device(&answer);
        assert_eq!(answer.cookie("access_token"), None, "it signs nobody in");
        assert_eq!(sign_in(&gate, "jack@example.com", "another good password", "").status, 429);
        assert_eq!(sign_in(&gate, "jack@example.com", "another good password", &with(&own)).status, 200);
    }
}

#[test]
fn another_address_of_ones_own_leaves_this_browser_known() {
    let gate = Gate::with(TWO);
    let jack = known(&gate, "jack@example.com");
    let cookies = gate.sign_in("jack@example.com").header();
    let patch = |change: serde_json::Value| {
        let headers = format!("Cookie: {cookies}; device_token={jack}\r\n");
        gate.call("PATCH", "/auth/me", &change.to_string(), &headers)
    };
    assert_eq!(patch(json!({"username": "jack"})).cookie("device_token"), None);
    let token = device(&patch(json!({"email": "new@example.com", "password": PASSWORD})));
    let again = sign_in(&gate, "new@example.com", PASSWORD, &with(&token));
    assert_eq!((again.status, again.cookie("device_token")), (200, None));
}

#[test]
fn a_sign_in_that_renews_the_hash_sets_it_anew_in_the_same_answer() {
    let gate = Gate::start();
    let jack = known(&gate, "jack@example.com");
    // Of the same password, in another way than is configured.
    let elsewhere = Gate::with("passwords.iterations = 3\n");
    elsewhere.sign_up("jack@example.com");
    let hash = |gate: &Gate| {
        Gate::wait(gate.services().store.user(UserId::new(1).unwrap())).unwrap().unwrap().password.unwrap()
    };
    let (present, other) = (hash(&gate), hash(&elsewhere));
    let store = gate.services().store.clone();
    assert!(Gate::wait(store.renew_password_hash(UserId::new(1).unwrap(), present, other)).unwrap());
    let first = sign_in(&gate, "jack@example.com", PASSWORD, &with(&jack));
    let renewed = device(&first);
    let again = sign_in(&gate, "jack@example.com", PASSWORD, &with(&renewed));
    assert_eq!((again.status, again.cookie("device_token")), (200, None));
}

/// The user is looked up before the attempt is counted, but only for whom sends such a cookie, and nobody can tell.
#[test]
fn weakness_22_with_a_cookie_that_is_nobodys_unknown_addresses_are_answered_as_known_ones() {
    let gate = Gate::with(TWO);
    let jill = known(&gate, "jill@example.com");
    gate.sign_up("jack@example.com");
    let answers = |email: &str| -> Vec<_> {
        let answers = (0..3).map(|_| sign_in(&gate, email, "wrong", &with(&jill)));
        answers
            .map(|answer| {
                let lines = answer.head.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
                (answer.status, lines.map(str::to_owned).collect::<Vec<_>>(), answer.text())
            })
            .collect()
    };
    assert_eq!(answers("jack@example.com"), answers("nobody@example.com"));
}

#[test]
fn it_is_set_where_there_is_no_good_one_for_this_account() {
    let gate = Gate::start();
    let jack = known(&gate, "jack@example.com");
    let jill = known(&gate, "jill@example.com");
    let set = |cookie: &str| {
        sign_in(&gate, "JACK@example.com", PASSWORD, &format!("Cookie: {cookie}\r\n")).cookie("device_token")
    };
    assert_eq!(set(&format!("device_token={jack}")), None);
    assert_eq!(set(&format!("device_token={jack}; device_token={jack}")), None);
    for none in [
        "theme=dark".to_owned(),
        "device_token=".to_owned(),
        "device_token=garbage".to_owned(),
        format!("device_token={jill}"),
        format!("device_token={jack}; device_token={jill}"),
        format!("device_token={jack}A"),
    ] {
        assert!(set(&none).is_some(), "{none}");
    }
    gate.clock.advance(Duration::from_hours(180 * 24));
    assert!(set(&format!("device_token={jack}")).is_some(), "its time is over");
    // A failure sets none.
    assert_eq!(sign_in(&gate, "jack@example.com", "wrong", "").cookie("device_token"), None);
}

#[test]
fn a_sign_up_from_a_page_makes_the_browser_known_and_so_does_a_form() {
    let gate = Gate::start();
    let form = "email=jack%40example.com&username=jack&password=correct+horse+battery";
    let answer = gate.post_as(FORM, "/auth/signup", form, BROWSER);
    assert_eq!(answer.status, 303);
    let jack = device(&answer);
    let again = gate.post_as(FORM, "/auth/signin", form, &format!("{BROWSER}{}", with(&jack)));
    assert_eq!((again.status, again.cookie("device_token")), (303, None));
    assert_eq!(
        gate.post_as(FORM, "/auth/signin", form, BROWSER).cookie("device_token").map(|t| t.len()),
        Some(64)
    );
}

#[test]
fn it_opens_nothing_outlives_a_sign_out_and_a_restart_and_no_backend_sees_or_sets_it() {
    let upstream = Upstream::answering(|exchange| {
        exchange.write(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: device_token=evil; Path=/auth\r\nSet-Cookie: theme=dark\r\n\r\n",
        );
        true
    });
    let mut gate = Gate::before(upstream, TWO);
    let jack = known(&gate, "jack@example.com");
    assert_eq!(gate.get("/auth/me", &with(&jack)).status, 401);
    assert_eq!(gate.get("/", &with(&jack)).status, 401);
    assert_eq!(gate.post("/auth/refresh", "", &with(&jack)).status, 401);
    let cookies = gate.sign_in("jack@example.com").header();
    let answer = gate.get("/", &format!("Cookie: {cookies}; device_token={jack}; a=1\r\n"));
    assert_eq!((answer.status, answer.all("set-cookie")), (200, vec!["theme=dark"]));
    assert_eq!(gate.upstream.last().all("cookie"), ["a=1"]);
    let out = gate.post("/auth/signout", "", &format!("Cookie: {cookies}; device_token={jack}\r\n"));
    assert_eq!((out.status, out.cookie("device_token")), (200, None));
    gate.restart();
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, &with(&jack)).cookie("device_token"), None);
}

#[test]
fn it_has_a_path_of_its_own_and_else_what_the_other_cookies_have() {
    let https = "server.public_url = \"https://app.example.com\"\n";
    for (extra, expected) in [
        ("", "; HttpOnly; SameSite=Lax; Path=/auth; Max-Age=15552000"),
        (
            &format!("{https}cookies.host_prefix = true\n"),
            "; HttpOnly; SameSite=Lax; Secure; Path=/auth; Max-Age=15552000",
        ),
        (
            &format!("{https}cookies.domain = \"example.com\"\ncookies.same_site = \"strict\"\n"),
            "; HttpOnly; SameSite=Strict; Secure; Path=/auth; Domain=example.com; Max-Age=15552000",
        ),
    ] {
        let gate = Gate::with(extra);
        gate.sign_up("jack@example.com");
        let set = line(&sign_in(&gate, "jack@example.com", PASSWORD, ""));
        let (_, attributes) = set.split_at(set.find(';').unwrap());
        assert_eq!(attributes, expected, "{extra}");
    }
    let gate = Gate::with("cookies.device = \"\"\n");
    let jack = gate.sign_up("jack@example.com");
    assert_eq!(jack.status, 200);
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD, "").all("set-cookie").len(), 2);
}

#[test]
fn it_is_in_no_log_line() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut process = Process::serve(folder.path(), &upstream.url(), "log.level = \"trace\"\n");
    let post = |path: &str, json: &str, headers: &str| {
        let mut connection = process.connect();
        connection.write(format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{json}",
            process.address,
            json.len()
        ));
        connection.answer()
    };
    let body = format!(r#"{{"email":"jack@example.com","username":"jack","password":"{PASSWORD}"}}"#);
    assert_eq!(post("/auth/signup", &body, "").status, 200);
    let jack = device(&post("/auth/signin", &body, ""));
    assert_eq!(post("/auth/signin", &body, &with(&jack)).status, 200);
    process.terminate();
    let lines = process.rest();
    assert!(!lines.is_empty() && lines.iter().all(|line| !line.contains(&jack)), "{lines:#?}");
}
