//! Users and sessions to fill a store with.

use sidegate::store::{CreatedUser, ImportRow, NewUser, Seen, Session, Started, Store, User};
use sidegate::types::{Email, Secret, SessionId, Timestamp, UserId, Username};

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub(super) fn person(address: &str) -> NewUser {
    NewUser {
        email: email(address),
        username: Username::parse("Jack").unwrap(),
        password: Some(Secret::new("$argon2id$of-jack".to_owned())),
        roles: Vec::new(),
        email_verified: false,
        created: at(1000),
    }
}

/// An active user in a file, without a number.
pub(super) fn row(line: u64, address: &str) -> ImportRow {
    ImportRow {
        line,
        uid: None,
        email: email(address),
        username: Username::parse("Jack").unwrap(),
        password: Some(Secret::new("$argon2id$of-jack".to_owned())),
        active: true,
        roles: Vec::new(),
        email_verified: false,
        created: None,
        updated: None,
    }
}

pub(super) async fn user(store: &dyn Store, address: &str) -> User {
    match store.create_user(person(address)).await.unwrap() {
        CreatedUser::Created(user) => user,
        CreatedUser::EmailTaken => panic!("`{address}` is taken"),
    }
}

pub(super) fn id(number: u8) -> SessionId {
    SessionId::from_bytes([number; SessionId::LEN])
}

pub(super) fn session(user: UserId, number: u8) -> Session {
    Session {
        id: id(number),
        user,
        started: at(2000 + u64::from(number)),
        generation: 1,
        issued: at(2000),
        expires: at(100_000),
        presented: Vec::new(),
        address: "192.0.2.1".parse().ok(),
        agent: "Mozilla/5.0".to_owned(),
    }
}

pub(super) async fn started(store: &dyn Store, user: UserId, number: u8) -> Session {
    begin(store, session(user, number), None).await;
    session(user, number)
}

/// Begins a session of an active user as they are.
pub(super) async fn begin(store: &dyn Store, session: Session, replaces: Option<SessionId>) {
    let user = store.user(session.user).await.unwrap().unwrap();
    let started = store.start_session(session, Seen::of(&user), replaces, at(9000)).await.unwrap();
    assert!(matches!(started, Started::Live { .. }), "{started:?}");
}
