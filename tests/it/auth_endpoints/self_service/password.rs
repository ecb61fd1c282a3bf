//! `POST /auth/password`.

use std::time::Duration;

use serde_json::json;
use sidegate::store::{CreatedUser, NewUser};
use sidegate::types::{Email, Secret, Timestamp, UserId, Username};

use super::{NEW, WRONG, audited, change_password, events, me, patch_me, programs, refresh, sign_in, told};
use crate::auth_endpoints::cookie;
use crate::support::{Gate, PASSWORD};

#[test]
fn a_changed_password_ends_every_other_session_and_every_link_and_keeps_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = Gate::with(&audited(&folder));
    let (this, other) = (gate.member("jack@example.com"), gate.sign_in("jack@example.com"));
    let jill = gate.member("jill@example.com");
    let uid = UserId::new(1).unwrap();
    let link = Gate::wait(gate.services().accounts.reset_link(uid)).unwrap().unwrap();
    let answer = change_password(&gate, PASSWORD, NEW, &this);
    assert_eq!(
        (answer.status, answer.json()),
        (
            200,
            json!({"status": "ok", "message": "The new password is set. Every other session of this account has ended."})
        )
    );
    assert_eq!(answer.all("set-cookie").len(), 0);
    assert_eq!((me(&gate, &this), me(&gate, &other), me(&gate, &jill)), (200, 401, 200));
    assert_eq!(refresh(&gate, &other), 401);
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 401);
    assert_eq!(sign_in(&gate, "jack@example.com", NEW).status, 200);
    let token = link.url.reveal().split_once('=').unwrap().1.to_owned();
    let body = json!({"token": token, "password": "yet another one"}).to_string();
    assert_eq!(gate.post("/auth/password/reset", &body, "").json()["code"], "bad_reset_token");
    let told: Vec<_> = events(&folder).iter().map(|event| event["event"].clone()).collect();
    assert_eq!(told, ["reset_link_made", "password_changed", "sign_in_failed"]);
    assert_eq!(
        (&events(&folder)[1]["uid"], &events(&folder)[1]["address"]),
        (&json!(1), &json!("127.0.0.1"))
    );
    gate.restart();
    assert_eq!((me(&gate, &this), me(&gate, &other), me(&gate, &jill)), (200, 401, 200));
    assert_eq!((refresh(&gate, &this), refresh(&gate, &other)), (200, 401));
}

#[test]
fn what_is_missing_or_no_good_is_told_and_changes_nothing() {
    let gate = Gate::with("limits.signin_failures = \"100/15m\"\npasswords.block_common = true\n");
    let (jack, other) = (gate.member("jack@example.com"), gate.sign_in("jack@example.com"));
    let long = "x".repeat(1025);
    for (body, status, detail) in [
        (json!({}), 400, "Current and new password are required."),
        (json!({"current": PASSWORD}), 400, "Current and new password are required."),
        (json!({"new": NEW, "current": ""}), 400, "Current and new password are required."),
        (json!({"current": PASSWORD, "new": 5}), 422, "The field `new` must be a string."),
        (json!({"current": PASSWORD, "new": "short"}), 422, "The password must have at least 8 characters."),
        (
            json!({"current": PASSWORD, "new": "password123"}),
            422,
            "This password is one of the most used ones. Choose another.",
        ),
        (json!({"current": PASSWORD, "new": long}), 422, "The password must have at most 1024 bytes."),
        (json!({"current": long, "new": NEW}), 400, WRONG),
        (json!({"current": "wrong", "new": NEW}), 400, WRONG),
        (json!({"current": format!("{PASSWORD} "), "new": NEW}), 400, WRONG),
    ] {
        let answer = gate.post("/auth/password", &body.to_string(), &cookie(&jack.header()));
        assert_eq!(told(&answer), (status, detail.to_owned()), "{body:.80}");
        assert_eq!(answer.all("set-cookie").len(), 0, "{body:.80}");
        assert_eq!(answer.header("www-authenticate"), None, "{body:.80}");
    }
    assert_eq!((me(&gate, &jack), me(&gate, &other)), (200, 200));
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 200);
}

#[test]
fn guesses_in_a_session_count_as_sign_ins_do_and_right_ones_never() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::with(&format!("{}limits.signin_failures = \"3/15m\"\n", audited(&folder)));
    let jack = gate.member("jack@example.com");
    for round in 0..10 {
        let (from, to) = if round % 2 == 0 { (PASSWORD, NEW) } else { (NEW, PASSWORD) };
        assert_eq!(change_password(&gate, from, to, &jack).status, 200, "in round {round}");
    }
    for _ in 0..2 {
        assert_eq!(told(&change_password(&gate, "wrong", NEW, &jack)), (400, WRONG.to_owned()));
    }
    let by_address = patch_me(&gate, &json!({"email": "a@example.com", "password": "wrong"}), &jack);
    assert_eq!(told(&by_address), (400, WRONG.to_owned()));
    let limited = change_password(&gate, PASSWORD, NEW, &jack);
    assert_eq!(told(&limited), (429, "Too many attempts. Try again later.".to_owned()));
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(sign_in(&gate, "jack@example.com", PASSWORD).status, 429, "it is one counter");
    assert_eq!(me(&gate, &jack), 200);
    let refused = events(&folder).into_iter().filter(|event| event["event"] == "password_refused").count();
    assert_eq!(refused, 3);
    gate.clock.advance(Duration::from_secs(wait));
    assert_eq!(change_password(&gate, PASSWORD, NEW, &jack).status, 200);
}

#[test]
fn of_racing_changes_one_wins_and_its_session_is_the_one_that_lives() {
    // Whoever loses guessed wrong, and so do the sign-ins below: that must not come to more than the limit.
    let gate = Gate::with("passwords.memory = \"1MiB\"\nlimits.signin_failures = \"1000/15m\"\n");
    gate.sign_up("jack@example.com");
    let sessions: Vec<_> = (0..6).map(|_| gate.sign_in("jack@example.com")).collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let changes: Vec<_> = sessions
            .iter()
            .enumerate()
            .map(|(number, session)| {
                let gate = &gate;
                scope.spawn(move || {
                    change_password(gate, PASSWORD, &format!("password number {number}"), session)
                })
            })
            .collect();
        changes.into_iter().map(|change| change.join().unwrap()).collect()
    });
    let won: Vec<_> = (0..6).filter(|number| answers[*number].status == 200).collect();
    let [winner] = won[..] else { panic!("{answers:?}") };
    for (number, answer) in answers.iter().enumerate() {
        // Whoever came second no longer knows the password, or is no longer signed in.
        assert!(number == winner || [400, 401].contains(&answer.status), "{answer:?}");
        let password = format!("password number {number}");
        let expected = if number == winner { (200, 200) } else { (401, 401) };
        let found = (me(&gate, &sessions[number]), sign_in(&gate, "jack@example.com", &password).status);
        assert_eq!(found, expected, "{number}");
    }
}

#[test]
fn a_sign_in_under_way_with_the_old_password_survives_no_change() {
    // Each hash takes a while, so that many sign-ins are between their look-up and their session.
    let settings =
        "passwords.memory = \"8MiB\"\npasswords.workers = 4\nlimits.signin_failures = \"1000/15m\"\n";
    let gate = Gate::with(settings);
    let jack = gate.member("jack@example.com");
    for round in 0..3 {
        let (from, to) = if round % 2 == 0 { (PASSWORD, NEW) } else { (NEW, PASSWORD) };
        let entered: Vec<_> = std::thread::scope(|scope| {
            let entering: Vec<_> =
                (0..9).map(|_| scope.spawn(|| sign_in(&gate, "jack@example.com", from))).collect();
            let changed = change_password(&gate, from, to, &jack);
            assert_eq!(changed.status, 200, "{changed:?}");
            entering.into_iter().map(|entering| entering.join().unwrap()).collect()
        });
        for answer in entered.iter().filter(|answer| answer.status == 200) {
            assert_eq!(me(&gate, &answer.cookies()), 401, "in round {round}");
        }
    }
}

#[test]
fn a_hash_from_elsewhere_is_verified_and_one_of_ours_takes_its_place() {
    let gate = Gate::start();
    // What Python's bcrypt 4.0.1 made of "correct horse é".
    let hash = "$2b$04$nwM3PoIkJopZ/h/TjJ0aCefiOcjBuAs01rTm0/f5Yr1FPywlmAYqS";
    let new = NewUser {
        email: Email::parse("jack@example.com").unwrap(),
        username: Username::parse("Jack").unwrap(),
        password: Some(Secret::new(hash.to_owned())),
        roles: Vec::new(),
        email_verified: true,
        created: Timestamp::default(),
    };
    let store = &gate.services().store;
    let Ok(CreatedUser::Created(user)) = Gate::wait(store.create_user(new)) else { panic!() };
    // Signed in before the hash was renewed.
    let device = sidegate::sessions::Device::default();
    let issued = Gate::wait(gate.services().sessions.start(&user, device, None)).unwrap();
    let access = cookie(&format!("access_token={}", issued.access.token.reveal()));
    let change = |body: serde_json::Value| gate.post("/auth/password", &body.to_string(), &access).status;
    assert_eq!(change(json!({"current": "wrong", "new": NEW})), 400);
    assert_eq!(change(json!({"current": "correct horse é", "new": NEW})), 200);
    assert_eq!(sign_in(&gate, "jack@example.com", NEW).status, 200);
}

#[test]
fn a_store_that_fails_changes_nothing_and_says_so() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    Gate::wait(gate.services().store.close()).unwrap();
    let answer = change_password(&gate, PASSWORD, NEW, &jack);
    assert_eq!((answer.status, answer.all("set-cookie").len()), (503, 0));
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn a_program_with_a_bearer_changes_its_password() {
    let (gate, this, other) = programs();
    let body = json!({"current": PASSWORD, "new": NEW}).to_string();
    assert_eq!(gate.post("/auth/password", &body, &this).status, 200);
    assert_eq!((gate.get("/", &this).status, gate.get("/", &other).status), (200, 401));
}
