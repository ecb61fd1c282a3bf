//! Signing keys: on disk before they sign, known to all workers before anybody is told, and gone when their time is over.

use super::*;
use crate::audit::{Event, RotatedBy};
use crate::store::SigningKey;

const HOUR: Duration = Duration::from_hours(1);

async fn kept(house: &House) -> Vec<SigningKey> {
    house.store.signing_keys().await.unwrap()
}

fn rotations(house: &House) -> usize {
    house.audited().lines().filter(|line| line.contains(r#""event":"keys_rotated""#)).count()
}

#[tokio::test]
async fn a_rotation_is_in_use_and_made_known_when_it_is_answered() {
    let house = House::new().await;
    let pair = house.sign_in(1).await;
    let (epoch, version) = (house.sessions.revocations().epoch(), house.tokens.keys_version());
    let keys = house.sessions.rotate_keys().await.unwrap();
    assert_eq!((keys[0].retired, keys[1].retired), (Some(NOW), None));
    assert_eq!(house.sessions.signing_key(&keys).map(|key| &key.kid), Some(&keys[1].kid));
    assert_ne!(house.sessions.revocations().epoch(), epoch, "workers look again");
    assert_ne!(house.tokens.keys_version(), version);
    assert!(house.tokens.has_keys(&keys) && house.lets_in(&pair.access));
    assert!(house.lets_in(&house.sign_in(1).await.access));
    assert_eq!(rotations(&house), 1);
}

#[tokio::test]
async fn a_key_that_is_not_on_disk_signs_nothing() {
    let house = House::new().await;
    let pair = house.sign_in(1).await;
    let (before, version) = (kept(&house).await, house.tokens.keys_version());
    house.fill_disk(true);
    assert!(matches!(house.sessions.rotate_keys().await, Err(RotateError::Store(StoreError::Unwritable(_)))));
    house.advance(3_600_000);
    assert!(house.sessions.keep_keys(Some(HOUR)).await.is_err());
    assert_eq!(house.tokens.keys_version(), version);
    assert!(house.tokens.has_keys(&before));
    assert_eq!(rotations(&house), 0);
    house.fill_disk(false);
    house.sessions.keep_keys(Some(HOUR)).await.unwrap();
    assert_eq!((kept(&house).await.len(), rotations(&house)), (2, 1));
    assert!(!house.lets_in(&pair.access), "its own time is over");
}

#[tokio::test]
async fn a_rotation_is_published_even_if_its_caller_leaves() {
    let house = House::new().await;
    house.store.slow.store(true, Ordering::Relaxed);
    // Asked once, and dropped before there was an answer.
    assert!(futures_util::FutureExt::now_or_never(house.sessions.rotate_keys()).is_none());
    let start = std::time::Instant::now();
    while house.tokens.keys_version() == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "it is never published");
        tokio::task::yield_now().await;
    }
    assert_eq!(kept(&house).await.len(), 2);
    assert!(house.tokens.has_keys(&kept(&house).await));
}

#[tokio::test]
async fn rotations_at_the_same_time_are_used_as_they_were_written() {
    let house = House::new().await;
    house.store.slow.store(true, Ordering::Relaxed);
    let rotations = (0..20).map(|_| house.sessions.rotate_keys());
    for rotated in futures_util::future::join_all(rotations).await {
        rotated.unwrap();
    }
    let keys = kept(&house).await;
    assert_eq!(keys.len(), 21);
    assert!(house.tokens.has_keys(&keys), "the last one that was written signs");
}

#[tokio::test]
async fn what_another_process_has_changed_is_followed() {
    let house = House::new().await;
    let epoch = house.sessions.revocations().epoch();
    house.sessions.keep_keys(None).await.unwrap();
    assert_eq!(house.sessions.revocations().epoch(), epoch, "nothing has changed");
    let theirs = crate::tokens::keys::generate(Algorithm::EdDsa, NOW).unwrap();
    let keys = house.store.rotate_signing_key(theirs, None).await.unwrap().unwrap();
    house.sessions.keep_keys(None).await.unwrap();
    assert!(house.tokens.has_keys(&keys));
    assert_ne!(house.sessions.revocations().epoch(), epoch);
    assert_eq!(rotations(&house), 0, "it is theirs to tell");
}

#[tokio::test]
async fn a_retired_key_goes_when_the_last_token_that_it_may_have_signed_is_over_and_not_before() {
    let house = House::new().await;
    let keys = house.sessions.rotate_keys().await.unwrap();
    let until = NOW.plus(ACCESS).plus(REMEMBER_SLACK);
    assert_eq!(house.sessions.verifies_until(&keys[0]), Some(until));
    assert_eq!(house.sessions.verifies_until(&keys[1]), None);
    house.clock.advance(until.since(NOW));
    house.sessions.keep_keys(None).await.unwrap();
    assert!(house.tokens.has_keys(&keys) && kept(&house).await.len() == 2);
    assert_eq!(crate::sessions::keys::in_use(keys.clone(), ACCESS, house.clock.now()).len(), 2);
    house.advance(1);
    assert_eq!(crate::sessions::keys::in_use(keys.clone(), ACCESS, house.clock.now()).len(), 1);
    let epoch = house.sessions.revocations().epoch();
    house.sessions.keep_keys(None).await.unwrap();
    assert!(house.tokens.has_keys(&keys[1..]) && kept(&house).await.len() == 1);
    assert_ne!(house.sessions.revocations().epoch(), epoch);
}

#[test]
fn an_event_of_a_rotation_names_the_key_and_the_cause_alone() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let event = Event::KeysRotated { kid: "abc".to_owned(), by: RotatedBy::Schedule };
    Audit::open(Some(file.path())).unwrap().note(event, NOW);
    assert_eq!(
        std::fs::read_to_string(file.path()).unwrap(),
        "{\"time\":\"2023-11-14T22:13:20.000Z\",\"event\":\"keys_rotated\",\"kid\":\"abc\",\"by\":\"schedule\"}\n"
    );
}
