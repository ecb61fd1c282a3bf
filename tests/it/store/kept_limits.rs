//! What holds of every store's kept counters; `suite` runs it.

use sidegate::store::{KeepLimit, KeptLimit, Store};

use super::people::{at, user};
use super::suite::Open;

fn limit(kind: u8, number: u32, until: u64) -> KeptLimit {
    let mut key = [0; KeptLimit::KEY];
    key[..4].copy_from_slice(&number.to_be_bytes());
    KeptLimit { kind, key, counter: [u64::from(number), until], until: at(until) }
}

/// To be kept whatever is kept of it.
fn keep(limits: impl IntoIterator<Item = KeptLimit>) -> Vec<KeepLimit> {
    limits.into_iter().map(|limit| KeepLimit { limit, furthest: u64::MAX }).collect()
}

async fn kept(store: &dyn Store, now: u64) -> Vec<KeptLimit> {
    let mut kept = store.kept_limits(at(now)).await.unwrap();
    kept.sort_by_key(|limit| (limit.kind, limit.key));
    kept
}

pub(super) async fn kept_counters_are_there_after_a_restart_until_their_time(open: Open<'_>) {
    let (one, other, third) = (limit(1, 1, 5000), limit(2, 1, 6000), limit(1, 2, 7000));
    {
        let store = open();
        assert_eq!(kept(&*store, 0).await, []);
        store.keep_limits(keep([one, other])).await.unwrap();
        store.keep_limits(keep([third])).await.unwrap();
        store.keep_limits(Vec::new()).await.unwrap();
        store.close().await.unwrap();
    }
    let store = open();
    assert_eq!(kept(&*store, 4999).await, [one, third, other]);
    assert_eq!(kept(&*store, 5000).await, [third, other]);
    // In the place of what was kept of it; but an attempt that was counted before and written after brings nothing back.
    store.keep_limits(keep([limit(1, 2, 8000)])).await.unwrap();
    store.keep_limits(keep([third])).await.unwrap();
    assert_eq!(kept(&*store, 0).await, [one, limit(1, 2, 8000), other]);
    // What lies further ahead than it can is of another clock or of other settings, and does not stay for that long.
    store.keep_limits(vec![KeepLimit { limit: third, furthest: 7999 }]).await.unwrap();
    assert_eq!(kept(&*store, 0).await, [one, third, other]);
}

pub(super) async fn counters_that_are_over_are_swept_and_no_more_than_asked(open: Open<'_>) {
    let store = open();
    let all =
        [limit(1, 1, 1000), limit(1, 2, 3000), limit(3, 1, 2000), limit(255, 1, 1500), limit(255, 2, 9000)];
    store.keep_limits(keep(all)).await.unwrap();
    assert_eq!(store.sweep(at(1000), 10).await.unwrap().count(), 0);
    assert_eq!(store.sweep(at(2001), 2).await.unwrap().limits, 2);
    assert_eq!(store.sweep(at(2001), 2).await.unwrap().limits, 1);
    assert_eq!(store.sweep(at(2001), 2).await.unwrap().limits, 0);
    assert_eq!(kept(&*store, 0).await, [limit(1, 2, 3000), limit(255, 2, 9000)]);
}

pub(super) async fn kept_counters_of_one_kind_are_bounded_and_push_out_no_others(open: Open<'_>) {
    let store = open();
    let most = u32::try_from(KeptLimit::MOST).unwrap();
    store.keep_limits(keep([limit(1, 7, 5)])).await.unwrap();
    let many = (0..most + 10).map(|number| limit(2, number, u64::from(1000 + number)));
    store.keep_limits(keep(many)).await.unwrap();
    let left = kept(&*store, 0).await;
    assert_eq!(left.len(), most as usize + 1);
    assert_eq!(left[..2], [limit(1, 7, 5), limit(2, 10, 1010)]);
    // Reclaimed, there is room for as many again.
    while store.sweep(at(1_000_000), 5000).await.unwrap().limits > 0 {}
    assert_eq!(kept(&*store, 0).await, []);
    store.keep_limits(keep((0..most).map(|number| limit(2, number, 1000)))).await.unwrap();
    assert_eq!(kept(&*store, 0).await.len(), most as usize);
}

pub(super) async fn failures_at_once_are_kept_in_few_commits(open: Open<'_>) {
    let store = open();
    let before = store.commits();
    let tasks: Vec<_> = (0..200).map(|number| store.keep_limits(keep([limit(1, number, 9000)]))).collect();
    for kept in futures_util::future::join_all(tasks).await {
        kept.unwrap();
    }
    let commits = store.commits() - before;
    assert!((1..=50).contains(&commits), "{commits}");
    assert_eq!(kept(&*store, 0).await.len(), 200);
}

pub(super) async fn the_highest_number_is_that_of_the_newest_user_who_is_or_was(open: Open<'_>) {
    let store = open();
    assert_eq!(store.highest_uid().await.unwrap(), None);
    user(&*store, "a@example.com").await;
    let last = user(&*store, "b@example.com").await.id;
    assert_eq!(store.highest_uid().await.unwrap(), Some(last));
    store.remove_user(last, at(1)).await.unwrap().unwrap();
    assert_eq!(store.highest_uid().await.unwrap(), Some(last));
}
