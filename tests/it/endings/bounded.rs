//! What is remembered of ended sessions is bounded by the lifetime of access tokens, and what has run out is swept in
//! small transactions while people sign in.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use sidegate::store::{CreatedUser, MOST_SESSIONS, NewUser, Seen, Session, Started};
use sidegate::types::{Email, Timestamp, Username};

use crate::support::Gate;

/// `access_ttl`, and what another node's clock may be behind.
const REMEMBERED: Duration = Duration::from_secs(15 * 60 + 61);

#[test]
fn a_revocation_is_remembered_until_no_token_can_meet_it_and_no_longer() {
    let mut gate = Gate::start();
    gate.sign_up("jack@example.com");
    let cookies: Vec<_> = (0..20).map(|_| gate.sign_in("jack@example.com")).collect();
    for cookies in &cookies {
        let cookie = format!("Cookie: {}\r\n", cookies.header());
        assert_eq!(gate.post("/auth/signout", "", &cookie).status, 200);
    }
    let remembered = |gate: &Gate| {
        let services = gate.services();
        let kept = Gate::wait(services.store.revoked(Timestamp::from_secs(0))).unwrap().len();
        (services.sessions.revocations().len(), kept)
    };
    assert_eq!(remembered(&gate), (20, 20));
    gate.restart();
    assert_eq!(remembered(&gate), (20, 20), "it is on disk");
    gate.clock.advance(Duration::from_millis(961_000 - 1));
    Gate::wait(gate.services().sessions.sweep_once()).unwrap();
    assert_eq!(remembered(&gate), (20, 20));
    gate.clock.advance(Duration::from_millis(2));
    Gate::wait(gate.services().sessions.sweep_once()).unwrap();
    assert_eq!(remembered(&gate), (0, 0));
    // What is forgotten is not let in again: the tokens have expired, and the sessions are gone.
    for cookies in &cookies {
        assert_eq!(gate.get("/", &format!("Cookie: {}\r\n", cookies.header())).status, 401);
    }
}

/// Seen: where `access_ttl` had been made shorter, a token from before outlived the memory of its session's end, and
/// was let in again a quarter of an hour after its user had signed out.
#[test]
fn a_token_that_was_made_for_longer_lasts_as_long_as_its_revocation_is_remembered_and_no_longer() {
    let mut gate = Gate::with("tokens.access_ttl = \"24h\"");
    gate.sign_up("jack@example.com");
    let (ended, goes_on) = (gate.sign_in("jack@example.com"), gate.sign_in("jack@example.com"));
    gate.restart_with("tokens.access_ttl = \"15m\"");
    let access = |gate: &Gate, token: &str| gate.get("/", &format!("Cookie: access_token={token}\r\n"));
    assert_eq!(access(&gate, &ended.access).status, 200);
    assert_eq!(gate.post("/auth/signout", "", &format!("Cookie: {}\r\n", ended.header())).status, 200);
    gate.clock.advance(REMEMBERED);
    Gate::wait(gate.services().sessions.sweep_once()).unwrap();
    assert_eq!(gate.services().sessions.revocations().len(), 0);
    for token in [&ended.access, &goes_on.access] {
        let answer = access(&gate, token);
        assert_eq!((answer.status, answer.detail().as_str()), (401, "Token has expired"));
    }
    let renewed = gate.get("/", &format!("Cookie: {}\r\n", goes_on.header()));
    assert_eq!(renewed.status, 200, "who is signed in notices nothing");
    assert_eq!(gate.get("/", &format!("Cookie: {}\r\n", ended.header())).status, 401);
}

/// Starts sessions as sign-ins would, many in one transaction; of many users, for each may have so many only.
fn start_many(gate: &Gate, count: usize) {
    let services = gate.services().clone();
    let now = gate.clock.now();
    Gate::wait(async move {
        let mut users = Vec::new();
        for number in 0..count.div_ceil(MOST_SESSIONS) {
            let new = NewUser {
                email: Email::parse(&format!("many{number}@example.com")).unwrap(),
                username: Username::parse("many").unwrap(),
                password: None,
                roles: Vec::new(),
                email_verified: false,
                created: now,
            };
            let created = services.store.create_user(new).await.unwrap();
            let CreatedUser::Created(user) = created else { panic!("{created:?}") };
            users.push(user);
        }
        let mut starting = tokio::task::JoinSet::new();
        for number in 0..count {
            let user = &users[number / MOST_SESSIONS];
            let (store, seen) = (services.store.clone(), Seen::of(user));
            let session = Session {
                id: services.tokens.new_session_id(user.id),
                user: user.id,
                started: now,
                generation: 1,
                issued: now,
                expires: now.plus(Duration::from_hours(1)),
                presented: Vec::new(),
                address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                agent: "Mozilla/5.0".to_owned(),
            };
            starting.spawn(async move { store.start_session(session, seen, None, now).await.unwrap() });
        }
        while let Some(started) = starting.join_next().await {
            assert!(matches!(started.unwrap(), Started::Live { .. }));
        }
    });
}

#[test]
fn thousands_of_sessions_that_ran_out_are_swept_in_small_transactions_while_people_sign_in() {
    const MANY: usize = 6000;
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    start_many(&gate, MANY);
    let count = || Gate::wait(gate.services().store.session_count()).unwrap();
    assert_eq!(count(), MANY as u64);
    let before = gate.services().store.commits();
    gate.clock.advance(Duration::from_hours(2));
    let start = Instant::now();
    let mut signed_in = 0;
    // The keeper sweeps by itself; nobody has to wait for the whole of it.
    while count() > signed_in {
        let asked = Instant::now();
        let cookies = gate.sign_in("jack@example.com");
        assert!(asked.elapsed() < Duration::from_secs(2), "a sign-in took {:?}", asked.elapsed());
        assert_eq!(gate.get("/", &format!("Cookie: {}\r\n", cookies.header())).status, 200);
        signed_in += 1;
        assert!(start.elapsed() < crate::support::PATIENCE, "{} are left", count());
    }
    let commits = gate.services().store.commits() - before;
    assert!(commits >= (MANY / 500) as u64, "{commits} transactions for {MANY} sessions");
    assert_eq!(count(), signed_in);
}

/// A session that ran out is no revocation that has to be remembered for long: its tokens have expired with it.
#[test]
fn sessions_that_ran_out_are_soon_forgotten() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    start_many(&gate, 1200);
    gate.clock.advance(Duration::from_hours(2));
    Gate::wait(gate.services().sessions.sweep_once()).unwrap();
    let start = Instant::now();
    while gate.services().sessions.revocations().len() < 1200 {
        assert!(start.elapsed() < crate::support::PATIENCE, "tunnels are told of them");
    }
    gate.clock.advance(Duration::from_mins(1));
    Gate::wait(gate.services().sessions.sweep_once()).unwrap();
    assert_eq!(gate.services().sessions.revocations().len(), 0);
    assert_eq!(Gate::wait(gate.services().store.revoked(Timestamp::from_secs(0))).unwrap().len(), 0);
}
