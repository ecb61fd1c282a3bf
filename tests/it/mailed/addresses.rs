//! Another address: it is unproven until its own link is used, and the old one is told.

use super::*;
use crate::streaming::shouting;

fn change(house: &House, cookies: &str, email: &str) -> Answer {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    house.gate.call("PATCH", "/auth/me", &body, cookies)
}

#[test]
fn a_changed_address_is_unproven_until_its_own_link_is_used_and_the_old_one_is_told() {
    let house = House::before(shouting(), "signup.email_verification = true\n");
    let (jack, token) = house.unproven(JACK);
    assert_eq!(house.verify(&token, &jack).status, 200);
    let jack = cookie(&house.gate.sign_in(JACK).header());
    let mut tunnel = house.gate.tunnel(&jack);
    assert_eq!(change(&house, &jack, "new@example.com").json()["email"], "new@example.com");
    let told = house.post.letter_to(JACK);
    assert!(told.text().contains("another email address"), "{}", told.text());
    assert!(!told.text().contains("new@example.com") && !told.text().contains("token="));
    assert_unproven(&house.gate.get("/", &jack));
    assert!(tunnel.is_closed(), "what is open under the old one is closed");
    let token = house.proof_token("new@example.com");
    assert_eq!(house.verify(&token, &jack).status, 200);
    let mut tunnel = house.gate.tunnel(&jack);
    tunnel.write("open");
    assert_eq!(tunnel.exactly(4), b"OPEN");
}

/// Seen: the word to the old address was a part of the request's own work, and whoever left in time kept it from its owner.
#[test]
fn who_leaves_in_the_middle_of_a_change_does_not_keep_it_from_the_old_address() {
    use std::task::{Context, Poll, Waker};

    use sidegate::accounts::OwnChange;
    use sidegate::sessions::Actor;
    use sidegate::types::{Email, Password};
    let house = House::with("");
    let (store, accounts) = (house.gate.services().store.clone(), house.gate.services().accounts.clone());
    house.gate.sign_up(JACK);
    let uid = UserId::new(1).unwrap();
    let change = OwnChange {
        username: None,
        email: Some((Email::parse("new@example.com").unwrap(), Password::parse(PASSWORD).unwrap())),
    };
    Gate::wait(async {
        let by = Actor { uid, address: None, device: None };
        let mut work = Box::pin(accounts.change_own(by, change));
        // Leaves at the moment at which the store has the new address.
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                done.unwrap();
                break;
            }
            tokio::task::yield_now().await;
            let user = store.user(uid).await.unwrap().unwrap();
            if user.email.as_str().starts_with("new") {
                break;
            }
        }
        drop(work);
        // The runtime stays for as long as the mail takes.
        tokio::task::spawn_blocking(move || house.post.letter_to(JACK)).await.unwrap();
    });
}

/// Seen: whoever set their address to somebody's and away again, again and again, had as many notices sent there.
#[test]
fn an_address_that_was_never_proven_is_told_of_few_changes() {
    let house = House::with("limits.signup = \"10000/1h\"\n");
    let jack = cookie(&house.gate.member("victim@example.com").header());
    for round in 0..8 {
        assert_eq!(change(&house, &jack, &format!("jack{round}@example.com")).status, 200);
        assert_eq!(change(&house, &jack, "victim@example.com").status, 200);
    }
    for _ in 0..6 {
        house.post.letter_to("victim@example.com");
    }
    house.forgot("victim@example.com");
    assert!(house.post.letter_to("victim@example.com").text().contains("/auth/reset"));
    house.post.none_for("victim@example.com");
}

#[test]
fn a_link_to_the_old_address_does_not_prove_the_new_one() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    assert_eq!(change(&house, &jack, "new@example.com").status, 200);
    house.post.letter_to(JACK);
    assert_bad_token(&house.verify_by_password(&token, PASSWORD));
    house.forgot("new@example.com");
    assert_eq!(house.gate.sign_up(JACK).status, 200, "the old one is free again");
    assert!(!house.is_proven(1));
}

#[test]
fn another_way_to_write_the_same_address_is_told_nobody() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    assert_eq!(change(&house, &jack, "Jack@Example.com").status, 200);
    assert_eq!(house.verify_by_password(&token, PASSWORD).status, 200);
    house.gate.sign_up("last@example.com");
    house.post.letter_to("last@example.com");
    house.post.none_for("jack@example.com");
}

#[test]
fn where_nobody_asks_for_proofs_the_old_address_is_told_all_the_same() {
    let house = House::with("");
    let jack = cookie(&house.gate.member(JACK).header());
    assert_eq!(change(&house, &jack, "new@example.com").status, 200);
    house.post.letter_to(JACK);
    house.forgot("new@example.com");
    assert!(
        house.post.letter_to("new@example.com").text().contains("/auth/reset"),
        "and no link to prove it"
    );
    let jack = cookie(&house.gate.sign_in("new@example.com").header());
    assert_eq!(house.gate.get("/", &jack).status, 200);
}

#[test]
fn an_operators_change_of_an_address_is_told_it_and_the_new_one_gets_a_link() {
    use sidegate::store::UserChange;
    use sidegate::types::Email;
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    assert_eq!(house.verify(&token, &jack).status, 200);
    let accounts = house.gate.services().accounts.clone();
    let change = UserChange { email: Email::parse("new@example.com"), ..UserChange::default() };
    Gate::wait(accounts.change(UserId::new(1).unwrap(), change)).unwrap();
    house.post.letter_to(JACK);
    let token = house.proof_token("new@example.com");
    assert!(!house.is_proven(1));
    assert_eq!(house.verify_by_password(&token, PASSWORD).status, 200);
    assert!(house.is_proven(1));
}
