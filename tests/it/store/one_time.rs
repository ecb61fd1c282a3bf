//! What holds of every store's one-time links; `suite` runs it.

use std::sync::Arc;

use sidegate::store::{
    Changed, CreatedUser, NewOneTime, NewUser, Proven, Purpose, Reset, Revoked, Store, TokenHash, User,
    UserChange,
};
use sidegate::types::{Secret, UserId, Username};

use super::people::{at, email, id, person, started, user};
use super::suite::Open;

const RESET: Purpose = Purpose::PasswordReset;

fn token(number: u8) -> TokenHash {
    TokenHash::from_bytes([number; TokenHash::LEN])
}

fn link(number: u8, user: &User) -> NewOneTime {
    let email = user.email.key().clone();
    NewOneTime { token: token(number), user: user.id, email, purpose: RESET, expires: at(5000) }
}

fn link_for(purpose: Purpose, number: u8, user: &User) -> NewOneTime {
    NewOneTime { purpose, ..link(number, user) }
}

async fn reset(store: &dyn Store, number: u8, hash: &str, now: u64) -> Option<Reset> {
    let hash = Secret::new(hash.to_owned());
    store.reset_password(token(number), RESET, hash, at(now), at(9000)).await.unwrap()
}

async fn password(store: &dyn Store, id: UserId) -> String {
    store.user(id).await.unwrap().unwrap().password.unwrap().reveal().to_owned()
}

pub(super) async fn a_link_is_its_users_for_its_purpose_until_its_time(open: Open<'_>) {
    let store = open();
    assert_eq!(store.one_time(token(1), RESET, at(0)).await.unwrap(), None);
    let jack = user(&*store, "jack@example.com").await;
    let nobody = User { id: UserId::new(9).unwrap(), ..jack.clone() };
    assert_eq!(store.put_one_time(link(1, &nobody), at(0)).await.unwrap(), None);
    assert_eq!(store.put_one_time(link(1, &jack), at(0)).await.unwrap(), Some(()));
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
    for (number, user) in [(1, &jack), (2, &jill), (3, &jack)] {
        store.put_one_time(link(number, user), at(0)).await.unwrap().unwrap();
    }
    assert_eq!(store.one_time(token(1), RESET, at(1)).await.unwrap(), None);
    assert_eq!(reset(&*store, 1, "old", 1).await, None);
    assert_eq!(reset(&*store, 3, "new", 1).await, Some(Reset { user: jack.id, ended: Vec::new() }));
    assert_eq!(store.one_time(token(2), RESET, at(1)).await.unwrap(), Some(jill.id));
    assert_eq!(password(&*store, jill.id).await, "$argon2id$of-jack");
    // Those that have expired go when new ones come, without harm to the others.
    for number in 4..100 {
        let late = NewOneTime { expires: at(6000), ..link(number, &jack) };
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
    store.put_one_time(link(1, &jack), at(0)).await.unwrap().unwrap();
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
    store.put_one_time(link(1, &jack), at(0)).await.unwrap().unwrap();
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
    store.put_one_time(link(1, &jack), at(1)).await.unwrap().unwrap();
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
    store.put_one_time(link(1, &jack), at(0)).await.unwrap().unwrap();
    renamed("jacky@example.com").await;
    assert_eq!(usable().await, None);
    assert_eq!(reset(&*store, 1, "new", 1).await, None);
    // Seen with the old address, to which it would be mailed.
    assert_eq!(store.put_one_time(link(1, &jack), at(0)).await.unwrap(), None);
    let jack = store.user(jack.id).await.unwrap().unwrap();
    store.put_one_time(link(1, &jack), at(0)).await.unwrap().unwrap();
    renamed("JACKY@Example.com").await;
    assert_eq!(usable().await, Some(jack.id), "it is the same address");
}

pub(super) async fn a_link_dies_with_its_user(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    store.put_one_time(link(1, &jack), at(0)).await.unwrap().unwrap();
    store.remove_user(jack.id, at(9000)).await.unwrap().unwrap();
    assert_eq!(reset(&*store, 1, "new", 1).await, None);
    assert_eq!(store.one_time(token(1), RESET, at(1)).await.unwrap(), None);
}

pub(super) async fn links_are_there_after_a_restart(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    store.put_one_time(link(1, &jack), at(0)).await.unwrap().unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.one_time(token(1), RESET, at(1)).await.unwrap(), Some(jack.id));
    assert!(reset(&*store, 1, "new", 1).await.is_some());
    drop(store);
    assert_eq!(reset(&*open(), 1, "again", 1).await, None);
}

pub(super) async fn what_was_mailed_proves_the_address_and_what_was_handed_over_does_not(open: Open<'_>) {
    let store = open();
    for (number, &purpose) in (1..).zip(Purpose::SETTING_A_PASSWORD) {
        let jack = user(&*store, &format!("jack{number}@example.com")).await;
        store.put_one_time(link_for(purpose, number, &jack), at(0)).await.unwrap().unwrap();
        let hash = Secret::new("new".to_owned());
        let done = store.reset_password(token(number), purpose, hash, at(1), at(9000)).await.unwrap();
        assert_eq!(done.map(|done| done.user), Some(jack.id));
        let after = store.user(jack.id).await.unwrap().unwrap();
        assert_eq!(after.email_verified, purpose != RESET, "{purpose:?}");
    }
}

pub(super) async fn a_new_password_voids_every_other_link(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    for (number, &purpose) in (1..).zip(Purpose::ALL) {
        store.put_one_time(link_for(purpose, number, &jack), at(0)).await.unwrap().unwrap();
    }
    assert!(reset(&*store, 1, "new", 1).await.is_some());
    for (number, &purpose) in (1..).zip(Purpose::ALL) {
        assert_eq!(store.one_time(token(number), purpose, at(1)).await.unwrap(), None, "{purpose:?}");
    }
}

/// Weakness 16: bound to whom and what, and used once.
pub(super) async fn weakness_16_a_proof_is_its_users_for_its_purpose_once(open: Open<'_>) {
    const PROOF: Purpose = Purpose::AddressProof;
    let store = open();
    let (jack, jill) = (user(&*store, "jack@example.com").await, user(&*store, "jill@example.com").await);
    started(&*store, jack.id, 1).await;
    let prove = async |by: UserId, number: u8, now: u64| -> Option<Proven> {
        store.prove_address(by, token(number), at(now), at(9000)).await.unwrap()
    };
    store.put_one_time(link_for(PROOF, 1, &jack), at(0)).await.unwrap().unwrap();
    store.put_one_time(link(2, &jack), at(0)).await.unwrap().unwrap();
    assert!(prove(jill.id, 1, 1).await.is_none(), "another user's");
    assert!(prove(jack.id, 2, 1).await.is_none(), "of another purpose");
    assert!(prove(jack.id, 1, 5000).await.is_none(), "expired");
    assert_eq!(reset(&*store, 1, "new", 1).await, None, "it sets no password");
    let proven = prove(jack.id, 1, 1).await.unwrap();
    assert!(proven.user.email_verified && proven.user.updated == at(1));
    assert_eq!(proven.outdated.len(), 1, "tokens of the session that lives say otherwise");
    assert!(store.user(jack.id).await.unwrap().unwrap().email_verified);
    assert!(prove(jack.id, 1, 1).await.is_none(), "used");
    // Disabled in between.
    store.put_one_time(link_for(PROOF, 3, &jill), at(0)).await.unwrap().unwrap();
    store.set_active(jill.id, false, at(1), at(9000)).await.unwrap().unwrap();
    assert!(prove(jill.id, 3, 1).await.is_none());
    assert!(!store.user(jill.id).await.unwrap().unwrap().email_verified);
}

pub(super) async fn a_taken_address_costs_the_commit_of_a_free_one_and_changes_nothing(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    let before = store.commits();
    let taken = NewUser { username: Username::parse("thief").unwrap(), ..person("JACK@example.com") };
    assert!(matches!(store.create_user_alike(taken).await.unwrap(), CreatedUser::EmailTaken));
    assert_eq!(store.commits(), before + 1);
    assert_eq!(format!("{:?}", store.user(jack.id).await.unwrap().unwrap()), format!("{jack:?}"));
    let CreatedUser::Created(jill) = store.create_user_alike(person("jill@example.com")).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(jill.id.number(), jack.id.number() + 1);
}
