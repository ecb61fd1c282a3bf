//! Refreshing: rotation, the grace, theft, and all that a sign-in checks.

use super::*;

async fn refresh(house: &House, issued: &Issued) -> Result<Issued, RefreshError> {
    house.sessions.refresh(issued.refresh.reveal(), None).await
}

#[tokio::test]
async fn each_refresh_rotates() {
    let house = House::new().await;
    let mut pair = house.sign_in(1).await;
    for generation in 2..10 {
        house.advance(60_000);
        let next = refresh(&house, &pair).await.unwrap();
        assert_eq!(next.session.generation, generation);
        assert_ne!(next.refresh, pair.refresh);
        assert_eq!((next.access.lifetime, next.refresh_lifetime), (ACCESS, IDLE));
        assert!(house.lets_in(&next.access));
        pair = next;
    }
    assert_eq!(house.audited(), "");
}

#[tokio::test]
async fn two_hundred_parallel_refreshes_of_one_token_make_one_successor() {
    let house = House::new().await;
    house.store.slow.store(true, Ordering::Relaxed);
    let first = house.sign_in(1).await;
    let racers: Vec<_> = (0..200)
        .map(|_| {
            let (sessions, token) = (house.sessions.clone(), first.refresh.clone());
            tokio::spawn(async move { sessions.refresh(token.reveal(), None).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for racer in racers {
        answers.push(racer.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.refresh == answers[0].refresh));
    assert!(answers.iter().all(|answer| answer.session.generation == 2));
    assert!(answers.iter().all(|answer| house.lets_in(&answer.access)));
    let (record, _) = house.store.session(first.session.id).await.unwrap().unwrap();
    assert_eq!(record.generation, 2);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_however_late() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    let lost = refresh(&house, &first).await.unwrap();
    house.clock.advance(Duration::from_hours(48));
    let again = refresh(&house, &first).await.unwrap();
    assert_eq!(again.refresh, lost.refresh);
    assert_eq!(again.refresh_lifetime, IDLE.checked_sub(Duration::from_hours(48)).unwrap());
    assert!(house.lets_in(&again.access));
}

#[tokio::test]
async fn a_parallel_tab_within_the_grace_gets_the_current_pair() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    let second = refresh(&house, &first).await.unwrap();
    house.present(&second).await;
    let third = refresh(&house, &second).await.unwrap();
    house.advance(10_000);
    assert_eq!(refresh(&house, &first).await.unwrap().refresh, third.refresh);
}

#[tokio::test]
async fn a_refresh_token_used_after_its_successor_was_ends_the_session_and_is_audited() {
    for successor_seen_by in ["the gate", "a refresh"] {
        let house = House::new().await;
        let (first, bystander) = (house.sign_in(1).await, house.sign_in(1).await);
        let second = refresh(&house, &first).await.unwrap();
        let last = match successor_seen_by {
            "the gate" => {
                house.present(&second).await;
                second
            }
            _ => refresh(&house, &second).await.unwrap(),
        };
        house.advance(10_001);
        let (session, user) = (first.session.id, first.user.id);
        let replayed = refresh(&house, &first).await;
        let Err(RefreshError::Replayed { session: ended, user: of }) = replayed else {
            panic!("{replayed:?}")
        };
        assert_eq!((ended, of), (session, user));
        assert!(!house.lets_in(&last.access));
        assert!(house.restarted().await.revocations().is_revoked(session));
        assert!(matches!(refresh(&house, &last).await, Err(RefreshError::Gone)));
        assert!(matches!(refresh(&house, &first).await, Err(RefreshError::Gone)));
        assert!(house.lets_in(&bystander.access), "a theft ends the session that it is of");
        let line = house.audited();
        assert_eq!(line.matches("refresh_replayed").count(), 1, "{line}");
        assert!(line.contains(&session.to_string()) && line.ends_with("}\n"));
    }
}

#[tokio::test]
async fn a_thief_and_the_owner_do_not_both_keep_the_session() {
    let house = House::new().await;
    let stolen = house.sign_in(1).await;
    let thiefs = refresh(&house, &stolen).await.unwrap();
    house.present(&thiefs).await;
    house.clock.advance(ACCESS);
    assert!(matches!(refresh(&house, &stolen).await, Err(RefreshError::Replayed { .. })));
    assert!(matches!(refresh(&house, &thiefs).await, Err(RefreshError::Gone)));
}

#[tokio::test]
async fn the_grace_outlives_a_restart() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    let second = refresh(&house, &first).await.unwrap();
    house.present(&second).await;
    let restarted = house.restarted().await;
    assert_eq!(restarted.refresh(first.refresh.reveal(), None).await.unwrap().refresh, second.refresh);
    house.advance(10_001);
    assert!(matches!(
        restarted.refresh(first.refresh.reveal(), None).await,
        Err(RefreshError::Replayed { .. })
    ));
}

#[tokio::test]
async fn a_replay_ends_the_session_in_memory_even_if_the_disk_is_full() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    let second = refresh(&house, &first).await.unwrap();
    house.present(&second).await;
    house.advance(10_001);
    house.fill_disk(true);
    assert!(matches!(refresh(&house, &first).await, Err(RefreshError::Store(_))));
    assert!(!house.lets_in(&second.access));
    assert_eq!(house.audited().matches("refresh_replayed").count(), 1);
}

#[tokio::test]
async fn the_idle_end_holds_to_the_second() {
    let house = House::new().await;
    let (used, idle) = (house.sign_in(1).await, house.sign_in(2).await);
    house.clock.advance(IDLE.checked_sub(Duration::from_millis(1)).unwrap());
    assert!(refresh(&house, &used).await.is_ok());
    house.advance(1);
    assert!(matches!(refresh(&house, &idle).await, Err(RefreshError::Expired)));
}

#[tokio::test]
async fn the_absolute_end_holds_to_the_second_whatever_the_use() {
    let house = House::new().await;
    let mut pair = house.sign_in(1).await;
    let end = NOW.plus(ABSOLUTE);
    for _ in 0..3 {
        house.clock.advance(Duration::from_hours(29 * 24));
        pair = refresh(&house, &pair).await.unwrap();
    }
    assert_eq!(pair.session.expires, end);
    house.clock.advance(end.since(house.clock.now()).checked_sub(Duration::from_mins(1)).unwrap());
    pair = refresh(&house, &pair).await.unwrap();
    assert_eq!((pair.session.expires, pair.refresh_lifetime), (end, Duration::from_mins(1)));
    assert_eq!(pair.access.lifetime, Duration::from_mins(1), "an access token never outlives its session");
    house.clock.advance(Duration::from_millis(59_999));
    assert!(house.lets_in(&pair.access));
    pair = refresh(&house, &pair).await.unwrap();
    house.advance(1);
    assert!(!house.lets_in(&pair.access));
    assert!(matches!(refresh(&house, &pair).await, Err(RefreshError::Expired)));
}

#[tokio::test]
async fn a_refresh_checks_all_that_a_sign_in_checks() {
    // CVE-2026-43983: a disabled user went on by refreshing.
    let house = House::new().await;
    let (current, rotated) = (house.sign_in(1).await, house.sign_in(1).await);
    refresh(&house, &rotated).await.unwrap();
    house.store.edit_user(user(1).id, |user| user.active = false);
    for pair in [current, rotated] {
        assert!(matches!(refresh(&house, &pair).await, Err(RefreshError::Gone)));
    }
}

#[tokio::test]
async fn a_refresh_tells_the_users_present_roles() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    house.store.edit_user(user(1).id, |user| user.roles = vec![Role::parse("admin").unwrap()]);
    let rotated = refresh(&house, &first).await.unwrap();
    house.store.edit_user(user(1).id, |user| user.roles = vec![Role::parse("editor").unwrap()]);
    let repeated = refresh(&house, &first).await.unwrap();
    for (issued, role) in [(rotated, "admin"), (repeated, "editor")] {
        let claims = house.tokens.verify_access(issued.access.token.reveal(), NOW).unwrap();
        assert_eq!(claims.roles.iter().map(Role::as_str).collect::<Vec<_>>(), [role]);
    }
}

#[tokio::test]
async fn what_is_no_refresh_token_renews_nothing() {
    let house = House::new().await;
    let pair = house.sign_in(1).await;
    for token in ["", "x", "x.y.z", pair.access.token.reveal()] {
        assert!(matches!(house.sessions.refresh(token, None).await, Err(RefreshError::Invalid(_))));
    }
    // A token of a generation that the session never came to, as after going back to an old backup.
    let ahead = house.tokens.mint_refresh(&Session { generation: 2, ..pair.session.clone() }).unwrap();
    assert!(matches!(house.sessions.refresh(ahead.reveal(), None).await, Err(RefreshError::Invalid(_))));
    assert!(house.lets_in(&pair.access));
    assert!(refresh(&house, &pair).await.is_ok());
}

#[tokio::test]
async fn a_refresh_that_is_not_on_disk_changes_nothing() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    house.fill_disk(true);
    assert!(matches!(refresh(&house, &first).await, Err(RefreshError::Store(_))));
    house.fill_disk(false);
    assert_eq!(refresh(&house, &first).await.unwrap().session.generation, 2);
}
