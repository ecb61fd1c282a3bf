//! What a link leaves behind: nothing.

use super::*;

/// An import may bring a number back that was somebody's.
#[tokio::test]
async fn a_link_of_a_removed_user_is_none_of_the_next_one_with_their_number_and_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), Timestamp::default()).unwrap();
    let Ok(CreatedUser::Created(jack)) = store.create_user(person("jack")).await else { panic!() };
    let (token, now) = (TokenHash::from_bytes([1; TokenHash::LEN]), Timestamp::from_millis(1));
    let link = NewOneTime {
        token,
        user: jack.id,
        email: jack.email.key().clone(),
        purpose: Purpose::PasswordReset,
        expires: Timestamp::from_secs(1),
    };
    store.put_one_time(link, now).await.unwrap().unwrap();
    store.remove_user(jack.id, now).await.unwrap().unwrap();
    store.write(move |tables| tables.add_user(&jack)).await.unwrap();
    assert_eq!(store.one_time(token, Purpose::PasswordReset, now).await.unwrap(), None);
}
