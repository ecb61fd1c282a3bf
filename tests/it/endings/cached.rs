//! A verification that is cached saves a signature check and nothing else: one test for each reason for refusal, each of
//! which first sees the token let in twice by the same connection, and so by the same worker's cache. That a retired key
//! is one of the reasons is tested with the rotation of keys.

use std::time::Duration;

use super::Way;
use crate::support::{Answer, Cookies, Gate, Raw};

/// A gate with a connection over which the token has been let in twice.
struct Cached {
    gate: Gate,
    connection: Raw,
    cookies: Cookies,
    older: String,
}

impl Cached {
    fn start() -> Self {
        let gate = Gate::with("identity.roles = \"X-User-Roles\"");
        let first = gate.member("jack@example.com");
        let refresh = format!("Cookie: refresh_token={}\r\n", first.refresh);
        let cookies = gate.post("/auth/refresh", "", &refresh).cookies();
        assert_eq!(gate.get("/auth/me", &format!("Cookie: {}\r\n", cookies.header())).status, 200);
        gate.clock.advance(Duration::from_secs(11));
        let connection = gate.connect();
        let mut cached = Self { gate, connection, cookies, older: first.refresh };
        for _ in 0..2 {
            assert_eq!(cached.ask().status, 200);
        }
        cached
    }

    fn ask(&mut self) -> Answer {
        let (address, access) = (self.gate.address, &self.cookies.access);
        self.connection
            .write(format!("GET / HTTP/1.1\r\nHost: {address}\r\nCookie: access_token={access}\r\n\r\n"));
        self.connection.answer()
    }

    fn is_refused(&mut self, detail: &str) {
        let reached = self.gate.upstream.bytes();
        // Twice: what was cached is not so once more.
        for _ in 0..2 {
            let answer = self.ask();
            assert_eq!((answer.status, answer.detail().as_str()), (401, detail));
        }
        assert_eq!(self.gate.upstream.bytes(), reached);
    }

    fn after(way: Way) {
        let mut cached = Self::start();
        way.end(&cached.gate, &cached.cookies, &cached.older);
        cached.is_refused("Invalid token");
    }
}

#[test]
fn a_cached_token_is_refused_from_the_millisecond_on_that_it_expires() {
    let mut cached = Cached::start();
    // It was made eleven seconds ago.
    cached.gate.clock.advance(Duration::from_millis(900_000 - 11_000 - 1));
    assert_eq!(cached.ask().status, 200);
    cached.gate.clock.advance(Duration::from_millis(1));
    cached.is_refused("Token has expired");
}

#[test]
fn a_cached_token_is_refused_once_its_session_was_signed_out() {
    Cached::after(Way::SignOut);
}

#[test]
fn a_cached_token_is_refused_once_its_session_was_revoked() {
    Cached::after(Way::RevokeById);
}

#[test]
fn a_cached_token_is_refused_once_its_refresh_token_was_stolen() {
    Cached::after(Way::Replay);
}

#[test]
fn a_cached_token_is_refused_once_its_user_was_disabled_and_stays_so_when_they_are_let_in_again() {
    let mut cached = Cached::start();
    Way::Disable.end(&cached.gate, &cached.cookies, &cached.older);
    cached.is_refused("Invalid token");
    Gate::wait(cached.gate.services().accounts.set_active(super::jack(), true)).unwrap().unwrap();
    cached.is_refused("Invalid token");
}

#[test]
fn a_cached_token_is_refused_once_its_user_was_removed() {
    Cached::after(Way::Remove);
}

#[test]
fn a_cached_token_is_refused_once_its_user_has_another_password() {
    Cached::after(Way::PasswordReset);
}

#[test]
fn a_cached_token_is_refused_once_its_users_roles_are_others_and_its_renewal_says_the_new_ones() {
    let mut cached = Cached::start();
    Way::ChangeRoles.end(&cached.gate, &cached.cookies, &cached.older);
    cached.is_refused("Token has expired");
    let both = format!("Cookie: {}\r\n", cached.cookies.header());
    assert_eq!(cached.gate.get("/", &both).status, 200);
    assert_eq!(cached.gate.upstream.last().header("x-user-roles").as_deref(), Some("editor"));
}

#[test]
fn a_cached_bearer_is_refused_once_its_session_is_over_as_a_cookie_is() {
    let gate = Gate::with("tokens.delivery = \"body\"");
    gate.sign_up("jack@example.com");
    let body = format!(r#"{{"email":"jack@example.com","password":"{}"}}"#, crate::support::PASSWORD);
    for way in [Way::RevokeByUser, Way::Disable] {
        let token = gate.post("/auth/signin", &body, "").json()["access_token"].as_str().unwrap().to_owned();
        let mut connection = gate.connect();
        let mut ask = || {
            let request =
                format!("GET / HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n", gate.address);
            connection.write(request);
            connection.answer()
        };
        assert_eq!((ask().status, ask().status), (200, 200));
        way.end(&gate, &Cookies { access: String::new(), refresh: String::new() }, "");
        assert_eq!((ask().status, ask().detail().as_str()), (401, "Invalid token"), "{way:?}");
    }
}

/// What is cached is the whole token: one that differs in a byte is another one, however much of it is known.
#[test]
fn a_cached_token_lets_no_other_one_in() {
    let mut cached = Cached::start();
    let good = cached.cookies.access.clone();
    let reached = cached.gate.upstream.bytes();
    for other in [format!("{good}A"), good[..good.len() - 1].to_owned(), good.replacen("ey", "eY", 1)] {
        cached.cookies.access = other;
        cached.is_refused("Invalid token");
    }
    assert_eq!(cached.gate.upstream.bytes(), reached);
    cached.cookies.access = good;
    assert_eq!(cached.ask().status, 200);
}
