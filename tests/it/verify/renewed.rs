//! Renewal by a sub-request: the access token alone, and never a rotation, for the proxy may drop its cookies.

use std::time::Duration;

use sidegate::store::Session;
use sidegate::types::UserId;

use super::{ask, ask_original, gate};
use crate::support::{Answer, Cookies, Gate};

/// By then the access token has expired, and the refresh token has not.
const LAPSED: Duration = Duration::from_mins(16);

fn record(gate: &Gate) -> Session {
    let mut sessions = Gate::wait(gate.services().store.sessions_of(UserId::new(1).unwrap())).unwrap();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions.remove(0)
}

fn verify(gate: &Gate, cookies: &Cookies) -> Answer {
    ask(gate, "GET /private", &format!("Cookie: {}\r\n", cookies.header()))
}

fn refresh(gate: &Gate, token: &str) -> Answer {
    gate.post("/auth/refresh", "", &format!("Cookie: refresh_token={token}\r\n"))
}

#[test]
fn an_expired_access_token_is_renewed_alone_in_one_cookie() {
    let gate = gate("");
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    for cookie in [cookies.header(), format!("refresh_token={}", cookies.refresh)] {
        let answer = ask(&gate, "GET /private", &format!("Cookie: {cookie}\r\n"));
        assert_eq!((answer.status, answer.header("x-user-id"), answer.body.len()), (200, Some("1"), 0));
        let set = answer.header("set-cookie").unwrap();
        assert!(
            set.starts_with("access_token=") && set.contains("HttpOnly") && set.contains("Max-Age=900"),
            "{set}"
        );
        let renewed = format!("Cookie: access_token={}\r\n", answer.cookie("access_token").unwrap());
        assert_eq!(ask(&gate, "GET /private", &renewed).status, 200);
        assert_eq!(gate.get("/private", &renewed).status, 200, "it is good for everything");
    }
    assert_eq!(record(&gate).generation, 1, "nothing rotated");
}

#[test]
fn a_proxy_that_drops_the_cookie_logs_nobody_out() {
    let gate = gate("");
    let cookies = gate.member("jack@example.com");
    for _ in 0..5 {
        gate.clock.advance(LAPSED);
        assert_eq!(verify(&gate, &cookies).status, 200);
    }
    assert_eq!(refresh(&gate, &cookies.refresh).status, 200, "it was never rotated");
}

/// The access token is the presented pair's: were it the current one's, its use would make a replay of the refresh token that
/// is all its holder has.
#[test]
fn an_older_refresh_token_stays_good_after_a_renewal_by_it() {
    let gate = gate("");
    let old = gate.member("jack@example.com");
    // The answer with the new pair is lost.
    assert_eq!(refresh(&gate, &old.refresh).status, 200);
    for _ in 0..3 {
        gate.clock.advance(LAPSED);
        let renewed = verify(&gate, &old).cookie("access_token").unwrap();
        let answer = ask(&gate, "GET /private", &format!("Cookie: access_token={renewed}\r\n"));
        assert_eq!(answer.status, 200);
    }
    let current = refresh(&gate, &old.refresh);
    assert_eq!((current.status, record(&gate).generation), (200, 2));
}

#[test]
fn a_stolen_refresh_token_ends_the_session_here_too() {
    let gate = gate("");
    let stolen = gate.member("jack@example.com");
    let owner = refresh(&gate, &stolen.refresh).cookies();
    // A sub-request presents the successor, by its refresh token alone.
    let presented = format!("Cookie: refresh_token={}\r\n", owner.refresh);
    assert_eq!(ask(&gate, "GET /private", &presented).status, 200);
    gate.clock.advance(Duration::from_secs(11));
    let thief = ask(&gate, "GET /private", &format!("Cookie: refresh_token={}\r\n", stolen.refresh));
    assert_eq!((thief.status, thief.header("set-cookie")), (401, None));
    assert_eq!(verify(&gate, &owner).status, 401, "the session is over");
}

#[test]
fn a_renewal_checks_what_a_sign_in_checks() {
    let gate = gate("");
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    let foreign = format!("Cookie: {}\r\nSec-Fetch-Site: cross-site\r\n", cookies.header());
    let answer = ask(&gate, "POST /private", &foreign);
    assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "a foreign write spends no token");
    let answer = ask(&gate, "GET /admin/x", &format!("Cookie: {}\r\n", cookies.header()));
    assert_eq!((answer.status, answer.all("set-cookie").len()), (403, 1), "renewed, without the role");
    Gate::wait(gate.services().accounts.set_active(UserId::new(1).unwrap(), false)).unwrap().unwrap();
    let answer = verify(&gate, &cookies);
    assert_eq!((answer.status, answer.header("set-cookie")), (401, None));
}

#[test]
fn nothing_is_renewed_where_that_is_off_or_the_token_is_no_good() {
    let off = gate("tokens.silent_refresh = false\n");
    let cookies = off.member("jack@example.com");
    off.clock.advance(LAPSED);
    assert_eq!(verify(&off, &cookies).status, 401);
    let gate = gate("");
    assert_eq!(ask(&gate, "GET /private", "Cookie: refresh_token=nonsense\r\n").status, 401);
    let cookies = gate.member("jack@example.com");
    let twice = format!("Cookie: refresh_token={}; refresh_token=x\r\n", cookies.refresh);
    assert_eq!(ask(&gate, "GET /private", &twice).status, 401);
    gate.clock.advance(Duration::from_hours(31 * 24));
    assert_eq!(verify(&gate, &cookies).status, 401);
}

#[test]
fn a_cookie_is_secure_where_the_proxy_says_that_the_browser_came_by_tls() {
    let gate = Gate::with(super::ORIGINAL);
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(LAPSED);
    for (proto, secure) in [("https", true), ("http", false)] {
        let headers = format!("Cookie: {}\r\nX-Forwarded-Proto: {proto}\r\n", cookies.header());
        let set = ask_original(&gate, "GET /private", &headers).header("set-cookie").unwrap().to_owned();
        assert_eq!(set.contains("; Secure"), secure, "{set}");
    }
}
