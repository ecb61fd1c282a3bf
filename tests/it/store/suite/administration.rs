//! What holds of every store when an operator looks at users and sessions, changes, removes and ends them.

use futures_util::future::join_all;
use sidegate::store::{
    Changed, ImportPolicy, NewUser, OnConflict, Order, Outdated, Removed, Revoked, Session, Store, UserChange,
};
use sidegate::types::{Email, Role, SessionId, UserId, Username};

use super::{Open, Redb};
use crate::store::people::{at, begin, email, id, person, row, session, started, user};

suite!(
    users_are_listed_by_number_in_pages,
    sessions_are_listed_in_pages_that_miss_none_and_counted,
    a_changed_address_is_unproven_and_the_old_one_is_free,
    another_spelling_of_an_address_stays_proven,
    an_address_of_somebody_else_changes_nothing,
    a_change_that_changes_nothing_is_no_change,
    other_roles_are_remembered_where_a_session_lives,
    a_change_of_roles_is_remembered_as_long_as_the_last_one_needs_and_swept,
    a_removed_user_is_gone_with_their_sessions_and_their_address_is_free,
    all_sessions_of_everybody_end,
);

fn roles(names: &[&str]) -> Vec<Role> {
    names.iter().map(|name| Role::parse(name).unwrap()).collect()
}

fn to_roles(names: &[&str]) -> UserChange {
    UserChange { roles: Some(roles(names)), ..UserChange::default() }
}

fn to_email(text: &str) -> UserChange {
    UserChange { email: Some(email(text)), ..UserChange::default() }
}

async fn changed(store: &dyn Store, user: UserId, change: UserChange) -> Changed {
    store.change_user(user, change, at(5000), at(9000)).await.unwrap()
}

async fn owner(store: &dyn Store, address: &str) -> Option<u64> {
    let found = store.user_by_email(email(address).key()).await.unwrap();
    found.map(|user| user.id.number())
}

async fn users_are_listed_by_number_in_pages(open: Open<'_>) {
    let store = open();
    assert_eq!((store.user_count().await.unwrap(), store.users(None, 10).await.unwrap().len()), (0, 0));
    let rows = (1..=300).map(|number| row(number, &format!("p{number}@example.com"))).collect();
    let policy = ImportPolicy { on_conflict: OnConflict::Fail, skip_bad: false, only_examine: false };
    store.import_users(rows, policy, at(1), at(1)).await.unwrap();
    assert_eq!(store.user_count().await.unwrap(), 300);
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.users(after, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7);
        after = Some(last.id);
        seen.extend(page.iter().map(|user| (user.id.number(), user.email.as_str().to_owned())));
    }
    let all: Vec<_> = (1..=300).map(|number| (number, format!("p{number}@example.com"))).collect();
    assert_eq!(seen, all);
    assert!(store.users(None, 0).await.unwrap().is_empty());
}

async fn sessions_are_listed_in_pages_that_miss_none_and_counted(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let jill = user(&*store, "jill@example.com").await.id;
    for (number, owner) in [(3, jack), (1, jill), (2, jack), (255, jill)] {
        started(&*store, owner, number).await;
    }
    assert_eq!(store.session_count().await.unwrap(), 4);
    let first = store.sessions(None, 3).await.unwrap();
    assert_eq!(first, [session(jill, 1), session(jack, 2), session(jack, 3)]);
    assert_eq!(store.sessions(Some(id(3)), 3).await.unwrap(), [session(jill, 255)]);
    assert!(store.sessions(Some(id(255)), 3).await.unwrap().is_empty());
    store.end_session(id(2), at(9000)).await.unwrap();
    assert_eq!(store.session_count().await.unwrap(), 3);
}

async fn a_changed_address_is_unproven_and_the_old_one_is_free(open: Open<'_>) {
    let store = open();
    let proven = NewUser { email_verified: true, ..person("jack@example.com") };
    store.create_user(proven).await.unwrap();
    let jack = UserId::new(1).unwrap();
    started(&*store, jack, 1).await;
    let change = UserChange { username: Username::parse("Jacques"), ..to_email("Jacques@example.com") };
    let Changed::Done { before, user: next, outdated } = changed(&*store, jack, change).await else {
        panic!()
    };
    assert_eq!((before.email.as_str(), before.email_verified), ("jack@example.com", true));
    assert_eq!((next.email.as_str(), next.username.as_str()), ("Jacques@example.com", "Jacques"));
    assert_eq!((next.email_verified, next.created, next.updated), (false, at(1000), at(5000)));
    assert_eq!(next.password.as_ref().unwrap().reveal(), "$argon2id$of-jack");
    let [outdated] = &outdated[..] else { panic!("{outdated:?}") };
    assert_eq!(*outdated, Outdated::of(&next, at(9000), outdated.order));
    drop(store);
    let store = open();
    assert_eq!(store.outdated(at(8999)).await.unwrap(), [Outdated::of(&next, at(9000), Order::default())]);
    assert_eq!(owner(&*store, "jack@example.com").await, None);
    assert_eq!(owner(&*store, "jacques@example.com").await, Some(1));
    assert_eq!(store.user(jack).await.unwrap().unwrap().username.as_str(), "Jacques");
    assert!(store.session(id(1)).await.unwrap().is_some());
    assert_eq!(user(&*store, "jack@example.com").await.id.number(), 2);
}

async fn another_spelling_of_an_address_stays_proven(open: Open<'_>) {
    let store = open();
    let proven = NewUser { email_verified: true, ..person("jack@example.com") };
    store.create_user(proven).await.unwrap();
    let jack = UserId::new(1).unwrap();
    let Changed::Done { user, .. } = changed(&*store, jack, to_email("Jack@EXAMPLE.com")).await else {
        panic!()
    };
    assert_eq!((user.email.as_str(), user.email_verified), ("Jack@EXAMPLE.com", true));
    assert_eq!(owner(&*store, "jack@example.com").await, Some(1));
}

async fn an_address_of_somebody_else_changes_nothing(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    user(&*store, "jill@example.com").await;
    let change = UserChange { roles: Some(roles(&["admin"])), ..to_email("JILL@example.com") };
    assert!(matches!(changed(&*store, jack, change).await, Changed::EmailTaken));
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!((found.email.as_str(), found.roles.len(), found.updated), ("jack@example.com", 0, at(1000)));
    let nobody = UserId::new(9).unwrap();
    assert!(matches!(changed(&*store, nobody, to_roles(&["admin"])).await, Changed::NoSuchUser));
}

async fn a_change_that_changes_nothing_is_no_change(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    started(&*store, jack, 1).await;
    let same = UserChange {
        email: Email::parse("jack@example.com"),
        username: Username::parse("Jack"),
        roles: Some(Vec::new()),
    };
    for change in [same, UserChange::default()] {
        let Changed::Done { user, outdated, .. } = changed(&*store, jack, change).await else { panic!() };
        assert!(user.updated == at(1000) && outdated.is_empty());
    }
    assert!(store.outdated(at(0)).await.unwrap().is_empty());
}

async fn other_roles_are_remembered_where_a_session_lives(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let jill = user(&*store, "jill@example.com").await.id;
    started(&*store, jack, 1).await;
    let Changed::Done { user: next, outdated, .. } = changed(&*store, jack, to_roles(&["b", "a", "b"])).await
    else {
        panic!()
    };
    let [outdated] = &outdated[..] else { panic!("{outdated:?}") };
    assert_eq!(*outdated, Outdated::of(&next, at(9000), outdated.order));
    assert_eq!(next.roles, roles(&["a", "b"]));
    let Changed::Done { outdated, .. } = changed(&*store, jill, to_roles(&["a"])).await else { panic!() };
    assert!(outdated.is_empty(), "nobody has a token of hers");
    drop(store);
    let store = open();
    assert_eq!(store.outdated(at(8999)).await.unwrap(), [Outdated::of(&next, at(9000), Order::default())]);
    assert!(store.outdated(at(9000)).await.unwrap().is_empty());
}

async fn a_change_of_roles_is_remembered_as_long_as_the_last_one_needs_and_swept(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    started(&*store, jack, 1).await;
    let mut order = Order::default();
    for (names, until) in [(&["a"], 9000), (&["b"], 9500), (&["c"], 9400)] {
        let change = store.change_user(jack, to_roles(names), at(5000), at(until)).await.unwrap();
        let Changed::Done { outdated, .. } = change else { panic!() };
        assert!(outdated[0].order > order, "later changes are told from earlier ones");
        order = outdated[0].order;
    }
    let jack = store.user(jack).await.unwrap().unwrap();
    assert_eq!(jack.roles, roles(&["c"]));
    let remembered = [Outdated::of(&jack, at(9500), Order::default())];
    assert_eq!(store.outdated(at(0)).await.unwrap(), remembered, "once, and as they are now");
    assert_eq!(store.sweep(at(9500), 10).await.unwrap().count(), 0);
    assert_eq!(store.sweep(at(9501), 10).await.unwrap().outdated, 1);
    assert!(store.outdated(at(0)).await.unwrap().is_empty());
}

async fn a_removed_user_is_gone_with_their_sessions_and_their_address_is_free(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let jill = user(&*store, "jill@example.com").await.id;
    for (owner, number) in [(jill, 1), (jack, 2), (jill, 3)] {
        started(&*store, owner, number).await;
    }
    store.change_user(jill, to_roles(&["a"]), at(5000), at(9000)).await.unwrap();
    let Some(Removed { user: gone, sessions }) = store.remove_user(jill, at(9000)).await.unwrap() else {
        panic!()
    };
    assert_eq!((gone.email.as_str(), sessions), ("jill@example.com", vec![id(1), id(3)]));
    assert!(store.remove_user(jill, at(9000)).await.unwrap().is_none());
    drop(store);
    let store = open();
    assert!(store.user(jill).await.unwrap().is_none() && store.session(id(1)).await.unwrap().is_none());
    assert!(store.outdated(at(0)).await.unwrap().is_empty());
    let remembered = [1, 3].map(|number| Revoked { session: id(number), until: at(9000) });
    assert_eq!(store.revoked(at(0)).await.unwrap(), remembered);
    assert!(store.session(id(2)).await.unwrap().is_some());
    assert_eq!(store.user_count().await.unwrap(), 1);
    assert_eq!(user(&*store, "jill@example.com").await.id.number(), 3, "numbers are not used twice");
}

async fn all_sessions_of_everybody_end(open: Open<'_>) {
    let store = open();
    let mut users = Vec::new();
    for number in 0..6 {
        users.push(user(&*store, &format!("jack{number}@example.com")).await.id);
    }
    // More than are read at once, of users who have fewer each than they may.
    let all: Vec<_> = (0..1500_u64)
        .map(|number| {
            let mut bytes = [0; SessionId::LEN];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            SessionId::from_bytes(bytes)
        })
        .collect();
    // Together, so that they share commits.
    let owned = all.iter().zip(users.iter().cycle());
    join_all(owned.map(|(id, user)| begin(&*store, Session { id: *id, ..session(*user, 1) }, None))).await;
    assert_eq!(store.revoke_all(at(9000)).await.unwrap(), all);
    assert_eq!(store.session_count().await.unwrap(), 0);
    assert!(store.sessions_of(users[0]).await.unwrap().is_empty());
    assert_eq!(store.revoked(at(0)).await.unwrap().len(), all.len());
    assert_eq!(store.sweep(at(200_000), 10_000).await.unwrap().count(), all.len());
    assert!(store.revoke_all(at(9000)).await.unwrap().is_empty());
}
