//! A database from before there was a bound on the sessions of one user.

use super::*;
use crate::store::{MOST_EXCESS, MOST_SESSIONS};

fn session(user: UserId, number: u16) -> Session {
    let mut id = [0; SessionId::LEN];
    id[..2].copy_from_slice(&number.to_be_bytes());
    Session {
        id: SessionId::from_bytes(id),
        user,
        started: Timestamp::default(),
        generation: 1,
        issued: Timestamp::from_secs(u64::from(number) * 7 % 1000),
        expires: Timestamp::from_secs(100_000),
        presented: Vec::new(),
        address: None,
        agent: String::new(),
    }
}

/// Else the first sign-in after an upgrade would hold the writer for as long as it takes to end all that is too much.
#[tokio::test]
async fn of_sessions_from_before_the_bound_each_sign_in_ends_a_few() {
    let (store, _disk, _folder) = store();
    let Ok(CreatedUser::Created(user)) = store.create_user(person("jack")).await else { panic!() };
    let id = user.id;
    store
        .write(move |tables| (0..1000).try_for_each(|number| tables.add_session(&session(id, number))))
        .await
        .unwrap();
    let mut left = 1000;
    for number in 1000..1020 {
        let new = Session { issued: Timestamp::from_secs(5000), ..session(id, number) };
        let begun = store.start_session(new, Seen::of(&user), None, Timestamp::from_secs(9)).await.unwrap();
        let Started::Live { ended } = begun else { panic!("{begun:?}") };
        let expected = (left + 1 - MOST_SESSIONS).min(MOST_EXCESS + 1);
        assert_eq!(ended.len(), expected, "{left}");
        left = left + 1 - expected;
        assert_eq!(store.sessions_of(id).await.unwrap().len(), left);
    }
    assert_eq!(left, MOST_SESSIONS);
    let new = store
        .sessions_of(id)
        .await
        .unwrap()
        .into_iter()
        .filter(|session| session.issued == Timestamp::from_secs(5000));
    assert_eq!(new.count(), 20, "none that is used makes room for those from before");
}
