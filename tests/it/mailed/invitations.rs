//! Invitations: an operator makes a user, and whoever reads the address's mail chooses the password.

use std::time::Duration;

use sidegate::accounts::{AddUser, InviteError};
use sidegate::types::{Email, Username};

use super::*;

fn jack() -> AddUser {
    let (email, username) = (Email::parse(JACK).unwrap(), Username::parse("jack").unwrap());
    AddUser { email, username, password: None, roles: Vec::new() }
}

#[test]
fn an_invitation_sets_the_first_password_within_7_days_and_proves_the_address() {
    let house = House::asking();
    Gate::wait(house.gate.services().accounts.invite(jack())).unwrap();
    let token = house.token(JACK, "/auth/reset");
    assert_eq!(house.sign_in(JACK, PASSWORD), 401);
    house.gate.clock.advance(Duration::from_hours(7 * 24) - Duration::from_millis(1));
    assert_eq!(house.reset(&token, NEW).status, 200);
    assert!(house.is_proven(1));
    assert_eq!(house.sign_in(JACK, NEW), 200);
    assert_eq!(house.reset(&token, PASSWORD).status, 400);
}

#[test]
fn who_lets_it_lie_asks_for_a_link_of_their_own() {
    let house = House::asking();
    Gate::wait(house.gate.services().accounts.invite(jack())).unwrap();
    let token = house.token(JACK, "/auth/reset");
    house.gate.clock.advance(Duration::from_hours(7 * 24));
    assert_eq!(house.reset(&token, NEW).status, 400);
    house.forgot(JACK);
    assert_eq!(house.reset(&house.token(JACK, "/auth/reset"), NEW).status, 200);
}

#[test]
fn an_operator_is_told_that_a_mail_was_not_taken() {
    let house = House::asking();
    house.post.refuse_next(2, "550 no such mailbox");
    let outcome = Gate::wait(house.gate.services().accounts.invite(jack()));
    let Err(InviteError::Undelivered { user, cause, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(user.id.number(), 1);
    assert!(cause.to_string().contains("550"), "{cause}");
}

#[test]
fn without_a_mail_server_nobody_is_made() {
    let gate = Gate::start();
    let outcome = Gate::wait(gate.services().accounts.invite(jack()));
    assert!(matches!(outcome, Err(InviteError::NoMail)), "{outcome:?}");
    assert_eq!(Gate::wait(gate.services().accounts.count()).unwrap(), 0);
}
