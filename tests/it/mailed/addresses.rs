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
    assert!(!house.gate.tunnel(&jack).is_closed());
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
