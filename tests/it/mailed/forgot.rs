//! A forgotten password: whoever asks is told the same, and only whoever reads the address's mail can set a new one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

#[test]
fn whoever_asks_is_told_the_same_and_a_known_address_gets_a_link() {
    let house = House::with("");
    let cookies = cookie(&house.gate.member(JACK).header());
    let mut told = BTreeSet::from([whole(&house.forgot(JACK))]);
    // What is done behind two answers may change places: the letter first.
    let first = house.token(JACK, "/auth/reset");
    told.extend(
        ["JACK@EXAMPLE.COM", "nobody@example.com", "none at all", "a@b@c"]
            .map(|email| whole(&house.forgot(email))),
    );
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told.first().unwrap().starts_with("200"));
    let token = house.token(JACK, "/auth/reset");
    assert_eq!(house.reset(&first, NEW).status, 400, "the newer one took its place");
    assert_eq!(house.reset(&token, NEW).status, 200);
    assert_eq!(house.gate.get("/", &cookies).status, 401, "every session of before has ended");
    assert_eq!((house.sign_in(JACK, PASSWORD), house.sign_in(JACK, NEW)), (401, 200));
    assert!(house.is_proven(1), "who reads its mail has the address");
    assert_eq!(house.reset(&token, "and another one").status, 400);
}

#[test]
fn a_missing_address_is_told_and_nothing_else_is() {
    let house = House::with("");
    for body in ["", "{}", r#"{"email":""}"#, r#"{"email":null}"#] {
        let answer = house.gate.post("/auth/password/forgot", body, "");
        assert_eq!((answer.status, answer.detail().as_str()), (400, "Email is required."), "{body}");
    }
    assert_eq!(house.gate.post("/auth/password/forgot", r#"{"email":5}"#, "").status, 422);
}

#[test]
fn a_link_is_good_for_30_minutes() {
    let house = House::with("");
    house.gate.sign_up(JACK);
    for (after, status) in
        [(Duration::from_mins(30), 400), (Duration::from_mins(30) - Duration::from_millis(1), 200)]
    {
        house.forgot(JACK);
        let token = house.token(JACK, "/auth/reset");
        house.gate.clock.advance(after);
        assert_eq!(house.reset(&token, NEW).status, status);
    }
}

/// `Host` and `X-Forwarded-Host` are anybody's.
#[test]
fn weakness_19_links_are_built_from_public_url_alone() {
    let house = House::with("");
    house.gate.sign_up(JACK);
    let body = json!({"email": JACK}).to_string();
    for host in [
        "Host: evil.example\r\n",
        "Host: app.example.com\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n",
    ] {
        let answer = house.gate.send(format!(
            "POST /auth/password/forgot HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        if answer.status == 200 {
            let text = house.post.letter_to(JACK).text();
            assert!(
                text.contains(&format!("{PUBLIC}/auth/reset?token=")) && !text.contains("evil"),
                "{text}"
            );
        }
    }
}

#[test]
fn a_mail_says_nothing_that_whoever_caused_it_chose() {
    let house = House::asking();
    let body =
        json!({"email": JACK, "username": "Win at https://evil.example", "password": PASSWORD}).to_string();
    assert_eq!(house.gate.post("/auth/signup", &body, "").status, 200);
    let first = house.post.letter_to(JACK);
    house.gate.post("/auth/signup", &body, "");
    let second = house.post.letter_to(JACK);
    house.forgot(JACK);
    for letter in [first, second, house.post.letter_to(JACK)] {
        assert!(!String::from_utf8_lossy(&letter.data).contains("evil"), "{}", letter.text());
    }
}

#[test]
fn the_link_of_an_operator_still_works_and_proves_nothing() {
    let house = House::asking();
    let (_, proof) = house.unproven(JACK);
    let accounts = &house.gate.services().accounts;
    let link = Gate::wait(accounts.reset_link(UserId::new(1).unwrap())).unwrap().unwrap();
    let token = link.url.reveal().split_once("token=").unwrap().1.to_owned();
    assert_eq!(house.reset(&token, NEW).status, 200);
    assert!(!house.is_proven(1));
    assert_bad_token(&house.verify_by_password(&proof, NEW));
}

#[test]
fn a_mail_server_that_refuses_changes_no_answer() {
    let house = House::with("");
    house.gate.sign_up(JACK);
    house.post.refuse_next(1, "550 no such mailbox");
    assert_eq!(house.forgot(JACK).status, 200);
    assert_eq!(house.forgot(JACK).status, 200);
    house.post.letter_to(JACK);
}

/// Weakness 13: seen in two ways, since all mails to one address had one counter.
#[test]
fn weakness_13_no_strangers_mails_keep_a_reset_link_from_its_owner() {
    let house = House::with("limits.signup = \"10000/1h\"\n");
    house.gate.sign_up(JACK);
    for _ in 0..8 {
        let body = json!({"email": JACK}).to_string();
        assert_eq!(house.gate.post("/auth/email/resend", &body, "").status, 200);
    }
    for _ in 0..6 {
        assert!(house.post.letter_to(JACK).text().contains("/auth/verify-email"));
    }
    house.forgot(JACK);
    house.token(JACK, "/auth/reset");

    let house = House::with("signup.email_verification = true\nlimits.signup = \"10000/1h\"\n");
    let (jack, token) = house.unproven(JACK);
    assert_eq!(house.verify(&token, &jack).status, 200);
    for _ in 0..8 {
        house.gate.sign_up(JACK);
    }
    for _ in 0..6 {
        assert!(house.post.letter_to(JACK).text().contains("There is an account"));
    }
    house.forgot(JACK);
    house.token(JACK, "/auth/reset");
}

/// What strangers asked for is in the mailbox, and its last link works.
#[test]
fn weakness_13_whoever_asks_for_resets_of_others_leaves_them_a_link() {
    let house = House::with("limits.signup = \"10000/1h\"\n");
    house.gate.sign_up(JACK);
    for _ in 0..12 {
        house.forgot(JACK);
    }
    let mut links: Vec<_> = (0..6).map(|_| house.token(JACK, "/auth/reset")).collect();
    house.post.none_for(JACK);
    assert!(links.drain(..).any(|token| house.reset(&token, NEW).status == 200));
}
