//! What holds of every store where users change their own account.

use std::sync::Arc;

use sidegate::store::{Changed, NewOneTime, ProfileChange, Purpose, Revoked, Store, TokenHash, User};
use sidegate::types::{Secret, SessionId, UserId, Username};

use super::{Open, Redb};
use crate::store::people::{at, email, id, started, user};

suite!(
    a_changed_password_ends_all_sessions_but_one_and_all_links,
    a_password_is_changed_only_from_the_one_that_was_verified,
    of_racing_changes_of_a_password_exactly_one_counts,
    a_changed_password_is_there_after_a_restart,
    a_user_changes_themselves_only_as_they_were_seen,
    of_a_refused_change_nothing_is_done,
);

fn hash(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn to(store: &dyn Store, user: UserId, from: &str, new: &str) -> Option<Vec<SessionId>> {
    store.change_password(user, hash(from), hash(new), id(1), at(5000), at(9000)).await.unwrap()
}

const OLD: &str = "$argon2id$of-jack";

async fn a_changed_password_ends_all_sessions_but_one_and_all_links(open: Open<'_>) {
    let store = open();
    let (jack, jill) = (user(&*store, "jack@example.com").await, user(&*store, "jill@example.com").await);
    for (owner, number) in [(jack.id, 1), (jack.id, 2), (jack.id, 3), (jill.id, 4)] {
        started(&*store, owner, number).await;
    }
    let purpose = Purpose::PasswordReset;
    let link = |number: u8, user: &User| NewOneTime {
        token: TokenHash::from_bytes([number; TokenHash::LEN]),
        user: user.id,
        email: user.email.key().clone(),
        purpose,
        expires: at(8000),
    };
    for link in [link(1, &jack), link(2, &jill)] {
        store.put_one_time(link, at(0)).await.unwrap().unwrap();
    }
    let mut ended = to(&*store, jack.id, OLD, "new").await.unwrap();
    ended.sort();
    assert_eq!(ended, [id(2), id(3)]);
    let after = store.user(jack.id).await.unwrap().unwrap();
    assert_eq!((after.password.unwrap().reveal().as_str(), after.updated), ("new", at(5000)));
    assert_eq!(store.sessions_of(jack.id).await.unwrap().len(), 1);
    assert_eq!(store.sessions_of(jill.id).await.unwrap().len(), 1);
    let remembered = [2, 3].map(|number| Revoked { session: id(number), until: at(9000) });
    assert_eq!(store.revoked(at(0)).await.unwrap(), remembered);
    for (link, whose) in [(link(1, &jack), None), (link(2, &jill), Some(jill.id))] {
        assert_eq!(store.one_time(link.token, purpose, at(5001)).await.unwrap(), whose);
    }
}

async fn a_password_is_changed_only_from_the_one_that_was_verified(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    started(&*store, jack, 2).await;
    assert_eq!(to(&*store, jack, "another", "new").await, None);
    assert_eq!(to(&*store, UserId::new(9).unwrap(), OLD, "new").await, None);
    assert_eq!(store.sessions_of(jack).await.unwrap().len(), 1);
    assert!(store.revoked(at(0)).await.unwrap().is_empty());
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!((found.password.unwrap().reveal().as_str(), found.updated), (OLD, at(1000)));
    store.set_active(jack, false, at(3000), at(9000)).await.unwrap();
    assert_eq!(to(&*store, jack, OLD, "new").await, None, "who is kept out changes nothing");
}

async fn of_racing_changes_of_a_password_exactly_one_counts(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let new = format!("new-{number}");
                to(&*store, jack, OLD, &new).await.map(|_| new)
            })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        won.extend(task.await.unwrap());
    }
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!(won, [found.password.unwrap().reveal().as_str()]);
}

async fn a_changed_password_is_there_after_a_restart(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    started(&*store, jack, 1).await;
    started(&*store, jack, 2).await;
    to(&*store, jack, OLD, "new").await.unwrap();
    drop(store);
    let store = open();
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!(found.password.unwrap().reveal(), "new");
    assert_eq!(store.revoked(at(0)).await.unwrap(), [Revoked { session: id(2), until: at(9000) }]);
}

fn change() -> ProfileChange {
    ProfileChange { email: Some(email("jacques@example.com")), username: Username::parse("Jacques") }
}

async fn a_user_changes_themselves_only_as_they_were_seen(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let change = async |seen: Option<&str>| {
        store.change_own(jack, seen.map(hash), change(), at(5000), at(9000)).await.unwrap()
    };
    assert!(change(Some("another")).await.is_none());
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!((found.email.as_str(), found.username.as_str()), ("jack@example.com", "Jack"));
    for seen in [Some(OLD), None] {
        let Some(Changed::Done { user, .. }) = change(seen).await else { panic!() };
        assert_eq!((user.email.as_str(), user.username.as_str()), ("jacques@example.com", "Jacques"));
        assert!(!user.email_verified && user.updated == at(5000));
    }
    store.set_active(jack, false, at(5000), at(9000)).await.unwrap();
    assert!(change(Some(OLD)).await.is_none() && change(None).await.is_none());
    let nobody = UserId::new(9).unwrap();
    assert!(store.change_own(nobody, None, self::change(), at(1), at(9)).await.unwrap().is_none());
}

async fn of_a_refused_change_nothing_is_done(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    user(&*store, "jacques@example.com").await;
    let changed = store.change_own(jack, Some(hash(OLD)), change(), at(5000), at(9000)).await.unwrap();
    assert!(matches!(changed, Some(Changed::EmailTaken)), "{changed:?}");
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!((found.username.as_str(), found.updated), ("Jack", at(1000)));
}
