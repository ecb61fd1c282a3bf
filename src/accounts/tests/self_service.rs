//! A change of one's own account that meets another change half way.

use super::*;
use crate::accounts::{OwnChange, OwnError};
use crate::sessions::Actor;

fn by() -> Actor {
    Actor { uid: UserId::new(1).unwrap(), address: None, device: None }
}

impl House {
    async fn change_address(&self, text: &str) -> Result<User, OwnError> {
        let email = Email::parse("jacques@example.com").map(|email| (email, password(text)));
        self.accounts.change_own(by(), OwnChange { username: Username::parse("Jacques"), email }).await
    }

    async fn change_name(&self) -> Result<User, OwnError> {
        let change = OwnChange { username: Username::parse("Jacques"), email: None };
        self.accounts.change_own(by(), change).await
    }

    async fn change_password(&self, current: &str, new: &str) -> Result<(), OwnError> {
        let issued = self.sign_in(current).await.unwrap();
        let (current, new) = (password(current), password(new));
        self.accounts.change_password(by(), current, new, issued.session.id).await.map(drop)
    }

    /// Right after the user was looked up for that many times, they are changed.
    fn after_look_ups(&self, count: usize, edit: impl FnOnce(&mut User) + Send + 'static) {
        let mut edits = self.store.meanwhile_by_number.lock().unwrap();
        (1..count).for_each(|_| edits.push_back(Box::new(|_| {})));
        edits.push_back(Box::new(edit));
    }

    async fn name(&self) -> String {
        let user = self.store.user(UserId::new(1).unwrap()).await.unwrap().unwrap();
        user.username.as_str().to_owned()
    }
}

/// Else whoever has stolen the old password would still take the account away with it, after its owner's reset.
#[tokio::test]
async fn an_address_does_not_change_by_a_password_that_was_changed_meanwhile() {
    let house = House::with("the old one").await;
    let new = house.hash("the new one").await;
    house.after_look_ups(2, |user| user.password = Some(new));
    assert!(matches!(house.change_address("the old one").await, Err(OwnError::WrongPassword)));
    assert_eq!(house.name().await, "jack", "and nothing else changes either");
    assert!(house.change_address("the new one").await.is_ok());
    assert_eq!(house.name().await, "Jacques");
}

#[tokio::test]
async fn a_password_that_was_changed_meanwhile_is_not_overwritten() {
    let house = House::with("the old one").await;
    let reset = house.hash("the new one").await;
    let issued = house.sign_in("the old one").await.unwrap();
    house.after_look_ups(1, |user| user.password = Some(reset));
    let change = house.accounts.change_password(
        by(),
        password("the old one"),
        password("a third one"),
        issued.session.id,
    );
    assert!(matches!(change.await, Err(OwnError::WrongPassword)));
    assert!(matches!(house.sign_in("a third one").await, Err(SignInError::Wrong)));
    assert!(house.sign_in("the new one").await.is_ok());
}

#[tokio::test]
async fn a_hash_that_is_renewed_meanwhile_is_of_the_same_password() {
    let house = House::with("the old one").await;
    let renewed = house.hash("the old one").await;
    house.after_look_ups(2, |user| user.password = Some(renewed));
    assert!(house.change_address("the old one").await.is_ok());
    assert!(house.change_password("the old one", "the new one").await.is_ok());
    assert!(house.sign_in("the new one").await.is_ok());
}

#[tokio::test]
async fn who_is_disabled_meanwhile_changes_nothing() {
    for look_ups in [1, 2] {
        let house = House::with("the old one").await;
        house.after_look_ups(look_ups, |user| user.active = false);
        assert!(matches!(house.change_address("the old one").await, Err(OwnError::Gone)), "{look_ups}");
        assert_eq!(house.name().await, "jack");
    }
    let house = House::with("the old one").await;
    house.after_look_ups(1, |user| user.active = false);
    assert!(matches!(house.change_name().await, Err(OwnError::Gone)));
    assert_eq!(house.name().await, "jack");
}

#[tokio::test]
async fn who_never_had_a_password_changes_what_needs_none() {
    let house = House::with("the old one").await;
    house.store.edit_user(UserId::new(1).unwrap(), |user| user.password = None::<Secret<String>>);
    assert!(matches!(house.change_address("the old one").await, Err(OwnError::WrongPassword)));
    assert!(house.change_name().await.is_ok());
}
