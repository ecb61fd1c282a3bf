//! What a link is bound to.

use super::*;

#[tokio::test]
async fn a_link_dies_with_the_address_that_it_may_have_gone_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), Timestamp::default()).unwrap();
    let Ok(CreatedUser::Created(jack)) = store.create_user(person("jack")).await else { panic!() };
    let (token, now) = (TokenHash::from_bytes([1; TokenHash::LEN]), Timestamp::from_millis(1));
    let link = NewOneTime {
        token,
        user: jack.id,
        purpose: Purpose::PasswordReset,
        expires: Timestamp::from_secs(1),
    };
    let usable = async || store.one_time(token, Purpose::PasswordReset, now).await.unwrap();
    store.put_one_time(link, now).await.unwrap().unwrap();
    let (id, moved) = (jack.id, User { email: email("jacky"), ..jack.clone() });
    store.write(move |tables| tables.put_user(&moved)).await.unwrap();
    assert_eq!(usable().await, None);
    let reset = store.reset_password(token, Secret::new("new".to_owned()), now, now).await.unwrap();
    assert_eq!(reset, None);
    let respelt = User { email: Email::parse("JACK@Example.com").unwrap(), ..jack };
    store.write(move |tables| tables.put_user(&respelt)).await.unwrap();
    assert_eq!(usable().await, Some(id), "it is the same address");
}
