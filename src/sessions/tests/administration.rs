//! What an operator does to sessions and to their users: known to every worker before the operator is told.

use super::*;
use crate::store::{Changed, ImportPolicy, OnConflict, UserChange};

fn to_roles(names: &[&str]) -> UserChange {
    let roles = names.iter().map(|name| Role::parse(name).unwrap()).collect();
    UserChange { roles: Some(roles), ..UserChange::default() }
}

async fn change(house: &House, names: &[&str]) {
    let changed = house.sessions.change_user(user(1).id, to_roles(names)).await.unwrap();
    assert!(matches!(changed, Changed::Done { .. }));
}

#[tokio::test]
async fn tokens_that_say_other_roles_are_refused_at_once_and_after_a_restart() {
    // Pomerium CVE-2021-41230, Authelia GHSA-x883-2vmg-xwf7: a removed role worked until a cache expired.
    let house = House::new().await;
    let (pair, stranger) = (house.sign_in(1).await, house.sign_in(2).await);
    let before = house.sessions.revocations().epoch();
    change(&house, &["admin"]).await;
    assert_ne!(house.sessions.revocations().epoch(), before);
    assert!(!house.lets_in(&pair.access) && house.lets_in(&stranger.access));
    assert!(house.restarted().await.revocations().has_other_rights(user(1).id, says("")));
    let next = house.sessions.refresh(pair.refresh.reveal(), None).await.unwrap();
    assert!(house.lets_in(&next.access));
    assert!(!house.restarted().await.revocations().has_other_rights(user(1).id, says("admin")));
}

#[tokio::test]
async fn a_pair_that_is_answered_once_more_says_the_present_roles_and_is_let_in() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    let second = house.sessions.refresh(first.refresh.reveal(), None).await.unwrap();
    change(&house, &["admin"]).await;
    assert!(!house.lets_in(&second.access));
    // Another tab still has the first pair: it gets the second one again, whose access token is a new one.
    let again = house.sessions.refresh(first.refresh.reveal(), None).await.unwrap();
    assert_eq!((again.session.generation, &again.refresh), (2, &second.refresh));
    assert!(house.lets_in(&again.access));
    assert!(house.lets_in(&house.sessions.refresh(second.refresh.reveal(), None).await.unwrap().access));
    assert_eq!(house.audited(), "");
}

#[tokio::test]
async fn a_change_of_roles_is_remembered_until_the_last_access_token_has_expired() {
    let house = House::new().await;
    let pair = house.sign_in(1).await;
    change(&house, &["admin"]).await;
    for _ in 0..(15 * 60) {
        house.advance(1_000);
        house.sessions.sweep_once().await.unwrap();
        assert!(!house.lets_in(&pair.access));
        let restarted = house.restarted().await.revocations();
        let verified = house.tokens.verify_access(pair.access.token.reveal(), house.clock.now());
        assert!(restarted.has_other_rights(user(1).id, says("")) || verified == Err(TokenFault::Expired));
    }
    house.clock.advance(REMEMBER_SLACK + Duration::from_millis(1));
    assert_eq!(house.sessions.sweep_once().await.unwrap(), 1);
    assert!(house.sessions.revocations().is_empty());
}

#[tokio::test]
async fn changes_of_one_user_are_published_in_the_order_in_which_they_were_made() {
    let house = House::new().await;
    house.sign_in(1).await;
    // The first change is on disk at once, and hears of it late.
    house.store.delays.lock().unwrap().extend([20, 0]);
    let (first, second) = tokio::join!(
        house.sessions.change_user(user(1).id, to_roles(&["a"])),
        house.sessions.change_user(user(1).id, to_roles(&["b"])),
    );
    assert!(first.is_ok() && second.is_ok());
    let roles = house.store.user(user(1).id).await.unwrap().unwrap().roles;
    assert!(!house.sessions.revocations().has_other_rights(user(1).id, says(&Role::joined(&roles))));
}

#[tokio::test]
async fn roles_that_change_during_a_sign_in_are_the_ones_that_its_tokens_say() {
    let house = House::new().await;
    let seen = user(1);
    change(&house, &["admin"]).await;
    let issued = house.sessions.start(&seen, Device::default(), None).await.unwrap();
    let claims = house.tokens.verify_access(issued.access.token.reveal(), NOW).unwrap();
    assert_eq!(Role::joined(&claims.roles), "admin");
    assert_eq!(Role::joined(&issued.user.roles), "admin");
}

#[tokio::test]
async fn a_password_that_changes_during_a_sign_in_gives_no_session_and_ends_none() {
    let house = House::new().await;
    let other = house.sign_in(2).await;
    house.store.edit_user(user(1).id, |user| user.password = Some(Secret::new("another".to_owned())));
    let started = house.sessions.start(&user(1), Device::default(), Some(other.session.id)).await;
    assert!(matches!(started, Err(StartError::PasswordChanged)));
    assert!(house.lets_in(&other.access));
    assert_eq!(house.sessions.count().await.unwrap(), 1);
}

#[tokio::test]
async fn everybodys_sessions_end_even_if_the_disk_is_full() {
    for full in [false, true] {
        let house = House::new().await;
        let (one, two) = (house.sign_in(1).await, house.sign_in(2).await);
        house.fill_disk(full);
        let ended = house.sessions.end_everybody().await;
        assert_eq!(ended.ok(), (!full).then_some(2));
        assert!(!house.lets_in(&one.access) && !house.lets_in(&two.access));
        let told = r#""event":"sessions_revoked","sessions":2}"#;
        assert_eq!(house.audited().contains(told), !full, "{}", house.audited());
    }
}

#[tokio::test]
async fn sessions_that_an_operator_ends_are_audited_as_such() {
    let house = House::new().await;
    let (one, two) = (house.sign_in(1).await, house.sign_in(1).await);
    assert_eq!(house.sessions.of(user(1).id).await.unwrap().len(), 2);
    assert_eq!(house.sessions.list(None, 1).await.unwrap().len(), 1);
    assert!(house.sessions.revoke(one.session.id).await.unwrap());
    assert!(!house.sessions.revoke(one.session.id).await.unwrap());
    assert_eq!(house.sessions.revoke_of(user(1).id).await.unwrap(), 1);
    assert!(!house.lets_in(&one.access) && !house.lets_in(&two.access));
    let lines = house.audited();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.contains(&format!(r#""event":"session_revoked","session":"{}""#, one.session.id)));
    assert!(lines.contains(r#""event":"sessions_revoked","uid":1,"sessions":1}"#), "{lines}");
}

#[tokio::test]
async fn a_removed_users_sessions_end_even_if_the_disk_is_full() {
    for full in [false, true] {
        let house = House::new().await;
        let (pair, stranger) = (house.sign_in(1).await, house.sign_in(2).await);
        house.fill_disk(full);
        assert_eq!(house.sessions.remove_user(user(1).id).await.is_err(), full);
        assert!(!house.lets_in(&pair.access) && house.lets_in(&stranger.access));
    }
}

#[tokio::test]
async fn what_an_import_ends_is_refused_when_it_returns() {
    let house = House::new().await;
    let pair = house.sign_in(1).await;
    let policy = ImportPolicy { on_conflict: OnConflict::Update, skip_bad: false, only_examine: false };
    house.sessions.import_users(Vec::new(), policy).await.unwrap();
    let revocations = house.sessions.revocations();
    assert!(revocations.is_revoked(pair.session.id) && revocations.has_other_rights(user(1).id, says("")));
}

#[tokio::test]
async fn an_operator_who_leaves_in_the_middle_of_a_change_has_made_it() {
    let house = House::new().await;
    house.store.slow.store(true, Ordering::Relaxed);
    let pair = house.sign_in(1).await;
    {
        let mut changing = std::pin::pin!(house.sessions.change_user(user(1).id, to_roles(&["a"])));
        let waker = std::task::Waker::noop();
        assert!(changing.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!house.lets_in(&pair.access));
}

const fn says(roles: &str) -> Says<'_> {
    Says { roles, email: None, username: None, verified: None }
}
