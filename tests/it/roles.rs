//! A change of roles, and all else that an operator does to users, as the running server shows it: it holds from the
//! next request on (contract section 5).

use std::io::Read as _;
use std::time::{Duration, Instant};

use sidegate::accounts::{AddError, AddUser, ChangeError, Unfit};
use sidegate::store::UserChange;
use sidegate::types::{Email, Password, Role, UserId, UserRef, Username};

use crate::support::{Answer, Cookies, Gate, PASSWORD, Raw, Upstream};

const TOLD: &str = "identity.roles = \"X-User-Roles\"";

fn roles(names: &[&str]) -> Vec<Role> {
    names.iter().map(|name| Role::parse(name).unwrap()).collect()
}

fn set_roles(gate: &Gate, uid: u64, names: &[&str]) {
    let change = UserChange { roles: Some(roles(names)), ..UserChange::default() };
    Gate::wait(gate.services().accounts.change(UserId::new(uid).unwrap(), change)).unwrap();
}

/// Asks over a connection of its own, so that it is one worker whose cache answers.
fn ask(gate: &Gate, connection: &mut Raw, cookie: &str) -> Answer {
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", gate.address));
    connection.answer()
}

fn told(gate: &Gate) -> String {
    gate.upstream.last().header("x-user-roles").unwrap_or_default()
}

#[test]
fn other_roles_hold_from_the_next_request_on() {
    let gate = Gate::with(TOLD);
    let mut cookies = gate.member("jack@example.com");
    let mut connection = gate.connect();
    for names in [&["admin", "editor"][..], &["editor"], &[], &["admin"]] {
        // Verified and cached by this connection's worker.
        let before = ask(&gate, &mut connection, &cookies.header());
        assert!(before.status == 200 && before.all("set-cookie").is_empty(), "{before:?}");
        set_roles(&gate, 1, names);
        let renewed = ask(&gate, &mut connection, &cookies.header());
        assert_eq!((renewed.status, told(&gate)), (200, names.join(",")));
        assert_eq!(renewed.header("cache-control"), Some("no-store"));
        // And with the renewed tokens nothing is renewed any more.
        cookies = renewed.cookies();
        let after = ask(&gate, &mut connection, &cookies.header());
        assert_eq!((after.status, told(&gate)), (200, names.join(",")));
        assert!(after.all("set-cookie").is_empty(), "{after:?}");
    }
}

#[test]
fn a_token_from_before_a_change_of_roles_alone_is_an_expired_one() {
    let gate = Gate::with(TOLD);
    let cookies = gate.member("jack@example.com");
    let access = format!("access_token={}", cookies.access);
    let mut connection = gate.connect();
    assert_eq!(ask(&gate, &mut connection, &access).status, 200);
    set_roles(&gate, 1, &["admin"]);
    let seen = gate.upstream.requests().len();
    let refused = ask(&gate, &mut connection, &access);
    assert_eq!((refused.status, refused.detail().as_str()), (401, "Token has expired"));
    assert_eq!(gate.upstream.requests().len(), seen);
}

#[test]
fn where_nothing_is_renewed_in_passing_the_client_renews() {
    for settings in ["tokens.silent_refresh = false", "tokens.delivery = \"body\""] {
        let gate = Gate::with(&format!("{TOLD}\n{settings}"));
        gate.sign_up("jack@example.com");
        let body = format!(r#"{{"email":"jack@example.com","password":"{PASSWORD}"}}"#);
        let in_body = settings.contains("body");
        let access = |answer: &Answer| {
            if in_body {
                format!("Authorization: Bearer {}\r\n", answer.json()["access_token"].as_str().unwrap())
            } else {
                format!("Cookie: access_token={}\r\n", answer.cookies().access)
            }
        };
        let refresh = |answer: &Answer| {
            let cookie = answer.all("set-cookie").iter().find_map(|line| {
                line.strip_prefix("refresh_token=").map(|rest| rest.split(';').next().unwrap().to_owned())
            });
            format!("Cookie: refresh_token={}\r\n", cookie.unwrap())
        };
        let signed_in = gate.post("/auth/signin", &body, "");
        assert_eq!(gate.get("/", &access(&signed_in)).status, 200);
        set_roles(&gate, 1, &["admin"]);
        let refused = gate.get("/", &access(&signed_in));
        assert_eq!((refused.status, refused.detail().as_str()), (401, "Token has expired"), "{settings}");
        let renewed = gate.post("/auth/refresh", "", &refresh(&signed_in));
        assert_eq!(renewed.status, 200, "{renewed:?}");
        assert_eq!((gate.get("/", &access(&renewed)).status, told(&gate)), (200, "admin".to_owned()));
    }
}

#[test]
fn a_change_of_roles_outlives_a_restart() {
    let mut gate = Gate::with(TOLD);
    let cookies = gate.member("jack@example.com");
    set_roles(&gate, 1, &["admin"]);
    gate.restart();
    let access = format!("Cookie: access_token={}\r\n", cookies.access);
    assert_eq!(gate.get("/", &access).detail(), "Token has expired");
    let renewed = gate.get("/", &format!("Cookie: {}\r\n", cookies.header()));
    assert_eq!((renewed.status, told(&gate)), (200, "admin".to_owned()));
}

#[test]
fn two_tabs_come_to_the_new_roles_and_neither_is_signed_out() {
    let gate = Gate::with(TOLD);
    let one = gate.member("jack@example.com");
    let with = |cookies: &Cookies| gate.get("/", &format!("Cookie: {}\r\n", cookies.header()));
    // One tab has renewed, the other has not heard of it, and then the roles change.
    let refreshed = gate.post("/auth/refresh", "", &format!("Cookie: refresh_token={}\r\n", one.refresh));
    let two = refreshed.cookies();
    set_roles(&gate, 1, &["admin"]);
    let late = with(&one);
    assert_eq!((late.status, told(&gate)), (200, "admin".to_owned()), "{late:?}");
    let again = late.cookies();
    assert_eq!(again.refresh, two.refresh, "the current pair once more");
    let quiet = with(&again);
    assert!(quiet.status == 200 && quiet.all("set-cookie").is_empty(), "{quiet:?}");
    let other = with(&two);
    assert_eq!((other.status, told(&gate)), (200, "admin".to_owned()));
    assert_eq!(with(&other.cookies()).status, 200);
    assert_eq!(with(&again).status, 200);
}

#[test]
fn a_change_of_roles_closes_that_users_tunnels_and_streams_within_a_second() {
    let upstream = Upstream::answering_heads(|exchange| {
        if exchange.seen.header("upgrade").is_some() {
            exchange
                .write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
        } else {
            exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        }
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = exchange.stream.read(&mut bytes) {
            let bytes = bytes[..count].to_owned();
            exchange.write(bytes);
        }
        false
    });
    let gate = Gate::before(upstream, TOLD);
    let cookie = gate.signed_in();
    let stranger = format!("Cookie: {}\r\n", gate.member("jill@example.com").header());
    let (mut tunnel, mut other, mut stream) = (gate.tunnel(&cookie), gate.tunnel(&stranger), gate.connect());
    stream.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(stream.head().status, 200);
    assert_eq!(stream.exactly(6), b"1\r\na\r\n");
    set_roles(&gate, 1, &["admin"]);
    let changed = Instant::now();
    assert!(tunnel.is_closed());
    let rest = stream.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a stream that was cut is not whole");
    assert!(changed.elapsed() < Duration::from_secs(2), "{:?}", changed.elapsed());
    other.write("still here");
    assert_eq!(other.exactly(10), b"still here");
}

#[test]
fn the_record_of_who_asks_says_the_present_roles() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    set_roles(&gate, 1, &["admin"]);
    let me = gate.get("/auth/me", &cookie);
    assert_eq!((me.status, &me.json()["roles"]), (200, &serde_json::json!(["admin"])));
}

#[test]
fn a_change_of_name_and_address_renews_nothing() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let change = UserChange {
        email: Email::parse("jacques@example.com"),
        username: Username::parse("Jacques"),
        roles: None,
    };
    Gate::wait(gate.services().accounts.change(UserId::new(1).unwrap(), change)).unwrap();
    let answer = gate.get("/", &cookie);
    assert!(answer.status == 200 && answer.all("set-cookie").is_empty());
    assert_eq!(gate.get("/auth/me", &cookie).json()["email"], "jacques@example.com");
    gate.sign_in("jacques@example.com");
}

#[test]
fn a_removed_user_is_out_at_once_and_their_number_is_not_used_again() {
    let gate = Gate::start();
    let cookie = gate.signed_in();
    let accounts = &gate.services().accounts;
    let jack = UserRef::parse("Jack@example.com").unwrap();
    let uid = Gate::wait(accounts.find(&jack)).unwrap().unwrap().id;
    assert_eq!(Gate::wait(accounts.remove(uid)).unwrap().unwrap().id, uid);
    assert!(Gate::wait(accounts.remove(uid)).unwrap().is_none());
    assert_eq!(gate.get("/", &cookie).status, 401);
    assert_eq!(gate.get("/auth/me", &cookie).status, 401);
    assert_eq!(gate.sign_up("jack@example.com").json()["uid"], 2);
    assert_eq!(gate.get("/", &cookie).status, 401, "the old cookie is not the new user's");
    assert_eq!(Gate::wait(accounts.count()).unwrap(), 1);
}

#[test]
fn an_operator_adds_users_by_the_rules_for_passwords_and_not_by_those_for_strangers() {
    let gate = Gate::with(
        "signup.open = false\nsignup.allowed_domains = [\"corp.example\"]\npasswords.block_common = true",
    );
    let accounts = &gate.services().accounts;
    let new = |email: &str, password: Option<&str>| AddUser {
        email: Email::parse(email).unwrap(),
        username: Username::parse("jack").unwrap(),
        password: password.map(|text| Password::parse(text).unwrap()),
        roles: roles(&["b", "a"]),
    };
    let add = |email: &str, password: Option<&str>| Gate::wait(accounts.add(new(email, password)));
    let jack = add("jack@example.com", Some(PASSWORD)).unwrap();
    assert_eq!((jack.id.number(), jack.roles, jack.email_verified), (1, roles(&["a", "b"]), false));
    gate.sign_in("jack@example.com");
    assert!(matches!(add("JACK@example.com", None), Err(AddError::EmailTaken)));
    assert!(matches!(add("a@example.com", Some("short")), Err(AddError::Unfit(Unfit::TooShort { min: 8 }))));
    assert!(matches!(add("a@example.com", Some("password1")), Err(AddError::Unfit(Unfit::Common))));
    let invited = add("jill@example.com", None).unwrap();
    assert!(invited.id.number() == 2 && invited.password.is_none());
    let body = r#"{"email":"jill@example.com","password":"anything at all"}"#;
    assert_eq!(gate.post("/auth/signin", body, "").status, 401);
    let to_jack = UserChange { email: Email::parse("jack@example.com"), ..UserChange::default() };
    assert!(matches!(Gate::wait(accounts.change(invited.id, to_jack)), Err(ChangeError::EmailTaken)));
    let nobody = Gate::wait(accounts.change(UserId::new(9).unwrap(), UserChange::default()));
    assert!(matches!(nobody, Err(ChangeError::NoSuchUser)));
    let listed = Gate::wait(accounts.users(Some(jack.id), 9)).unwrap();
    assert_eq!(listed.iter().map(|user| user.id.number()).collect::<Vec<_>>(), [2]);
}
