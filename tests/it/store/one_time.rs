//! What holds of every store's one-time links; `suite` runs it.

use std::sync::Arc;

use sidegate::store::{Changed, NewOneTime, Purpose, Reset, Revoked, Store, TokenHash, UserChange};
use sidegate::types::{Secret, UserId};

use super::people::{at, email, id, started, user};
use super::suite::Open;

const RESET: Purpose = Purpose::PasswordReset;

fn token(number: u8) -> TokenHash {
    TokenHash::from_bytes([number; TokenHash::LEN])
}

fn link(number: u8, user: UserId) -> NewOneTime {
    NewOneTime { token: token(number), user, purpose: RESET, expires: at(5000) }
}

async fn reset(store: &dyn Store, number: u8, hash: &str, now: u64) -> Option<Reset> {
    store.reset_password(token(number), Secret::new(hash.to_owned()), at(now), at(9000)).await.unwrap()
}

async fn password(store: &dyn Store, id: UserId) -> String {
    store.user(id).await.unwrap().unwrap().password.unwrap().reveal().to_owned()
}

pub(super) async fn a_link_is_its_users_for_its_purpose_until_its_time(open: Open<'_>) {
    let store = open();
    let nobody = UserId::new(9).unwrap();
    assert_eq!(store.one_time(token(1), RESET, at(0)).await.unwrap(), None);
    assert_eq!(store.put_one_time(link(1, nobody), at(0)).await.unwrap(), None);
    let jack = user(&*store, "jack@example.com").await;
    assert_eq!(store.put_one_time(link(1, jack.id), at(0)).await.unwrap(), Some(()));
    for (number, now, whose) in
        [(1, 0, Some(jack.id)), (1, 4999, Some(jack.id)), (1, 5000, None), (2, 0, None), (255, 0, None)]
    {
        assert_eq!(store.one_time(token(number), RESET, at(now)).await.unwrap(), whose, "{number} at {now}");
    }
    assert_eq!(reset(&*store, 2, "new", 0).await, None);
    assert_eq!(reset(&*store, 1, "new", 5000).await, None);
    assert_eq!(password(&*store, jack.id).await, "$argon2id$of-jack");
}

pub(super) async fn a_newer_link_takes_the_place_of_an_older_one(open: Open<'_>) {
    let store = open();
    let (jack, jill) = (user(&*store, "jack@example.com").await, user(&*store, "jill@example.com").await);
    for (number, user) in [(1, jack.id), (2, jill.id), (3, jack.id)] {
        store.put_one_time(link(number, user), at(0)).await.unwrap().unwrap();
    }
    assert_eq!(store.one_time(token(1), RESET, at(1)).await.unwrap(), None);
    assert_eq!(reset(&*store, 1, "old", 1).await, None);
    assert_eq!(reset(&*store, 3, "new", 1).await, Some(Reset { user: jack.id, ended: Vec::new() }));
    assert_eq!(store.one_time(token(2), RESET, at(1)).await.unwrap(), Some(jill.id));
    assert_eq!(password(&*store, jill.id).await, "$argon2id$of-jack");
    // Those that have expired go when new ones come, without harm to the others.
    for number in 4..100 {
        let late = NewOneTime { expires: at(6000), ..link(number, jack.id) };
        store.put_one_time(late, at(5000)).await.unwrap().unwrap();
    }
    assert_eq!(store.one_time(token(2), RESET, at(1)).await.unwrap(), None);
    assert_eq!(store.one_time(token(99), RESET, at(5999)).await.unwrap(), Some(jack.id));
}

pub(super) async fn a_link_sets_a_password_once_and_ends_all_sessions(open: Open<'_>) {
    let store = open();
    let (jack, jill) = (user(&*store, "jack@example.com").await, user(&*store, "jill@example.com").await);
    for (user, number) in [(jack.id, 1), (jack.id, 2), (jill.id, 3)] {
        started(&*store, user, number).await;
    }
    store.put_one_time(link(1, jack.id), at(0)).await.unwrap().unwrap();
    let done = reset(&*store, 1, "new", 4999).await.unwrap();
    assert_eq!(done.user, jack.id);
    let mut ended = done.ended;
    ended.sort();
    assert_eq!(ended, [id(1), id(2)]);
    let after = store.user(jack.id).await.unwrap().unwrap();
    assert_eq!(after.password.unwrap().reveal(), "new");
    assert_eq!((after.updated, after.created, after.email_verified), (at(4999), jack.created, false));
    assert_eq!(store.sessions_of(jack.id).await.unwrap(), []);
    assert_eq!(store.sessions_of(jill.id).await.unwrap().len(), 1);
    let remembered = [1, 2].map(|number| Revoked { session: id(number), until: at(9000) });
    assert_eq!(store.revoked(at(4999)).await.unwrap(), remembered);
    assert_eq!(reset(&*store, 1, "again", 4999).await, None);
    assert_eq!(store.one_time(token(1), RESET, at(0)).await.unwrap(), None);
    assert_eq!(password(&*store, jack.id).await, "new");
}

pub(super) async fn of_racing_uses_of_one_link_exactly_one_counts(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    store.put_one_time(link(1, jack.id), at(0)).await.unwrap().unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let hash = format!("new-{number}");
                reset(&*store, 1, &hash, 1).await.map(|_| hash)
            })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        won.extend(task.await.unwrap());
    }
    assert_eq!(won, [password(&*store, jack.id).await]);
}

pub(super) async fn a_reset_leaves_a_disabled_user_disabled(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    store.set_active(jack.id, false, at(0), at(9000)).await.unwrap().unwrap();
    store.put_one_time(link(1, jack.id), at(1)).await.unwrap().unwrap();
    assert!(reset(&*store, 1, "new", 2).await.is_some());
    let after = store.user(jack.id).await.unwrap().unwrap();
    assert_eq!((after.active, after.password.unwrap().reveal().as_str()), (false, "new"));
}

pub(super) async fn a_link_dies_with_the_address_that_it_may_have_gone_to(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    let usable = async || store.one_time(token(1), RESET, at(1)).await.unwrap();
    let renamed = async |address: &str| {
        let change = UserChange { email: Some(email(address)), ..UserChange::default() };
        let changed = store.change_user(jack.id, change, at(1), at(9000)).await.unwrap();
        assert!(matches!(changed, Changed::Done { .. }), "{changed:?}");
    };
    store.put_one_time(link(1, jack.id), at(0)).await.unwrap().unwrap();
    renamed("jacky@example.com").await;
    assert_eq!(usable().await, None);
    assert_eq!(reset(&*store, 1, "new", 1).await, None);
    store.put_one_time(link(1, jack.id), at(0)).await.unwrap().unwrap();
    renamed("JACKY@Example.com").await;
    assert_eq!(usable().await, Some(jack.id), "it is the same address");
}

pub(super) async fn a_link_dies_with_its_user(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    store.put_one_time(link(1, jack.id), at(0)).await.unwrap().unwrap();
    store.remove_user(jack.id, at(9000)).await.unwrap().unwrap();
    assert_eq!(reset(&*store, 1, "new", 1).await, None);
    assert_eq!(store.one_time(token(1), RESET, at(1)).await.unwrap(), None);
}

pub(super) async fn links_are_there_after_a_restart(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    store.put_one_time(link(1, jack.id), at(0)).await.unwrap().unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.one_time(token(1), RESET, at(1)).await.unwrap(), Some(jack.id));
    assert!(reset(&*store, 1, "new", 1).await.is_some());
    drop(store);
    assert_eq!(reset(&*open(), 1, "again", 1).await, None);
}
