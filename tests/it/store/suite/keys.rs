//! What holds of every store about the keys that sign: one of an algorithm at a time, and those before it until they are dropped.

use futures_util::future::join_all;
use sidegate::store::{SigningKey, Store};
use sidegate::types::{Secret, Timestamp};

use super::{Open, Redb};
use crate::store::people::at;

suite!(
    a_rotation_retires_the_former_key_of_its_algorithm_alone,
    a_rotation_that_is_not_due_changes_nothing,
    of_nodes_that_find_a_rotation_due_exactly_one_rotates,
    a_retired_key_goes_after_its_time_and_one_that_signs_never,
    keys_of_other_algorithms_are_retired_once,
    a_key_that_is_brought_after_a_rotation_is_not_needed,
);

fn key(kid: &str, algorithm: &str, created: u64) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        algorithm: algorithm.to_owned(),
        private: Secret::new(vec![7; 48]),
        created: at(created),
        retired: None,
    }
}

/// Each key's name and when it was retired.
fn told(keys: Vec<SigningKey>) -> Vec<(String, Option<u64>)> {
    keys.into_iter().map(|key| (key.kid, key.retired.map(Timestamp::millis))).collect()
}

fn named(expected: &[(&str, Option<u64>)]) -> Vec<(String, Option<u64>)> {
    expected
        .iter()
        .map(|(kid, retired)| ((*kid).to_owned(), retired.map(|moment| at(moment).millis())))
        .collect()
}

async fn kept(store: &dyn Store) -> Vec<(String, Option<u64>)> {
    told(store.signing_keys().await.unwrap())
}

async fn a_rotation_retires_the_former_key_of_its_algorithm_alone(open: Open<'_>) {
    let store = open();
    store.ensure_signing_key(key("a", "EdDSA", 1)).await.unwrap();
    store.ensure_signing_key(key("e", "ES256", 2)).await.unwrap();
    let given = store.rotate_signing_key(key("b", "EdDSA", 5), None).await.unwrap().unwrap();
    let expected = named(&[("a", Some(5)), ("e", None), ("b", None)]);
    assert_eq!(told(given), expected);
    let given = store.rotate_signing_key(key("c", "EdDSA", 7), None).await.unwrap().unwrap();
    let expected = named(&[("a", Some(5)), ("e", None), ("b", Some(7)), ("c", None)]);
    assert_eq!(told(given), expected, "what was retired stays as it was");
    drop(store);
    assert_eq!(kept(&*open()).await, expected, "it is on the disk");
}

async fn a_rotation_that_is_not_due_changes_nothing(open: Open<'_>) {
    let store = open();
    store.ensure_signing_key(key("a", "EdDSA", 10)).await.unwrap();
    for moment in [0, 9, 10] {
        let given = store.rotate_signing_key(key("b", "EdDSA", 20), Some(at(moment))).await.unwrap();
        assert!(given.is_none(), "{moment}");
    }
    assert_eq!(kept(&*store).await, named(&[("a", None)]));
    let given = store.rotate_signing_key(key("b", "EdDSA", 20), Some(at(11))).await.unwrap();
    assert_eq!(told(given.unwrap()), named(&[("a", Some(20)), ("b", None)]));
    // Where there is no key yet, none is too young.
    let given = store.rotate_signing_key(key("e", "ES256", 21), Some(at(1))).await.unwrap();
    assert_eq!(told(given.unwrap()), named(&[("a", Some(20)), ("b", None), ("e", None)]));
}

async fn of_nodes_that_find_a_rotation_due_exactly_one_rotates(open: Open<'_>) {
    let store = open();
    store.ensure_signing_key(key("a", "EdDSA", 1)).await.unwrap();
    let rotations = (0..20).map(|node| {
        let new = key(&format!("b{node}"), "EdDSA", 100 + node);
        store.rotate_signing_key(new, Some(at(50)))
    });
    let given = join_all(rotations).await;
    assert_eq!(given.iter().filter(|given| given.as_ref().unwrap().is_some()).count(), 1);
    assert_eq!(kept(&*store).await.len(), 2);
}

async fn a_retired_key_goes_after_its_time_and_one_that_signs_never(open: Open<'_>) {
    let store = open();
    store.ensure_signing_key(key("a", "EdDSA", 1)).await.unwrap();
    store.rotate_signing_key(key("b", "EdDSA", 5), None).await.unwrap();
    store.rotate_signing_key(key("c", "EdDSA", 9), None).await.unwrap();
    assert!(store.drop_retired_keys(at(5)).await.unwrap().is_none(), "retired at that moment, not before it");
    let stay = store.drop_retired_keys(at(6)).await.unwrap().unwrap();
    assert_eq!(told(stay), named(&[("b", Some(9)), ("c", None)]));
    let stay = store.drop_retired_keys(at(1_000_000)).await.unwrap().unwrap();
    assert_eq!(told(stay), named(&[("c", None)]));
    assert!(store.drop_retired_keys(at(1_000_000)).await.unwrap().is_none());
    drop(store);
    assert_eq!(kept(&*open()).await, named(&[("c", None)]));
}

async fn a_key_that_is_brought_after_a_rotation_is_not_needed(open: Open<'_>) {
    let store = open();
    store.rotate_signing_key(key("a", "EdDSA", 5), None).await.unwrap();
    store.rotate_signing_key(key("b", "EdDSA", 6), None).await.unwrap();
    let given = store.ensure_signing_key(key("c", "EdDSA", 7)).await.unwrap();
    assert_eq!(told(given), named(&[("a", Some(6)), ("b", None)]));
}

async fn keys_of_other_algorithms_are_retired_once(open: Open<'_>) {
    let store = open();
    store.ensure_signing_key(key("a", "EdDSA", 1)).await.unwrap();
    store.ensure_signing_key(key("e", "ES256", 2)).await.unwrap();
    store.rotate_signing_key(key("f", "ES256", 3), None).await.unwrap();
    let given = store.retire_foreign_keys("EdDSA", at(5)).await.unwrap();
    let expected = named(&[("a", None), ("e", Some(3)), ("f", Some(5))]);
    assert_eq!(told(given), expected, "what was retired stays as it was");
    let given = store.retire_foreign_keys("EdDSA", at(6)).await.unwrap();
    assert_eq!(told(given), expected);
    drop(store);
    let store = open();
    assert_eq!(kept(&*store).await, expected, "it is on the disk");
    // With a secret of the operator's no key signs.
    let given = store.retire_foreign_keys("HS256", at(7)).await.unwrap();
    assert_eq!(told(given), named(&[("a", Some(7)), ("e", Some(3)), ("f", Some(5))]));
}
