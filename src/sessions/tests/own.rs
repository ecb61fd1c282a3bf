//! What users end and change of their own: whose it is, and that it is known and audited whatever the client does.

use super::*;
use crate::sessions::Actor;
use crate::store::{Changed, ProfileChange, UserChange};

fn by(uid: u64) -> Actor {
    Actor { uid: UserId::new(uid).unwrap(), address: "192.0.2.1".parse().ok(), device: None }
}

fn hash(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

impl House {
    /// User 1 has this password.
    fn give_password(&self, text: &'static str) {
        self.store.edit_user(user(1).id, |user| user.password = Some(hash(text)));
    }

    async fn sign_in_by_password(&self, text: &str) -> Issued {
        let user = User { password: Some(hash(text)), ..user(1) };
        self.sessions.start(&user, Device::default(), None).await.unwrap()
    }
}

#[tokio::test]
async fn a_session_is_ended_by_its_own_user_alone() {
    let house = House::new().await;
    let (jack, jill) = (house.sign_in(1).await, house.sign_in(2).await);
    assert!(!house.sessions.end_own(by(2), jack.session.id).await.unwrap());
    assert!(house.lets_in(&jack.access));
    assert_eq!(house.audited(), "");
    assert!(house.sessions.end_own(by(1), jack.session.id).await.unwrap());
    assert!(!house.sessions.end_own(by(1), jack.session.id).await.unwrap());
    assert!(!house.lets_in(&jack.access) && house.lets_in(&jill.access));
    assert!(house.restarted().await.revocations().is_revoked(jack.session.id));
    let line =
        format!(r#""event":"session_ended","uid":1,"session":"{}","address":"192.0.2.1"}}"#, jack.session.id);
    assert!(house.audited().ends_with(&format!("{line}\n")), "{}", house.audited());
    assert_eq!(house.audited().lines().count(), 1);
}

#[tokio::test]
async fn a_session_that_has_run_out_is_not_among_the_living() {
    let house = House::new().await;
    let old = house.sign_in(1).await;
    house.clock.advance(IDLE.saturating_sub(Duration::from_millis(1)));
    let new = house.sign_in(1).await;
    let living = async || {
        let living = house.sessions.living(user(1).id).await.unwrap();
        living.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(living().await, [new.session.id, old.session.id]);
    house.advance(1);
    assert_eq!(living().await, [new.session.id]);
}

#[tokio::test]
async fn sessions_end_even_if_the_disk_is_full_and_no_success_is_audited() {
    for everywhere in [false, true] {
        let house = House::new().await;
        let (jack, jill) = (house.sign_in(1).await, house.sign_in(2).await);
        house.fill_disk(true);
        let failed = if everywhere {
            house.sessions.end_all_own(by(1)).await.is_err()
        } else {
            house.sessions.end_own(by(1), jack.session.id).await.is_err()
        };
        assert!(failed && !house.lets_in(&jack.access) && house.lets_in(&jill.access));
        assert_eq!(house.audited(), "");
    }
}

#[tokio::test]
async fn a_password_that_can_not_be_written_down_is_not_audited_as_changed() {
    let house = House::new().await;
    house.give_password("old");
    let this = house.sign_in_by_password("old").await;
    house.fill_disk(true);
    let changed = house.sessions.change_password(by(1), hash("old"), hash("new"), this.session.id).await;
    assert!(changed.is_err());
    assert!(house.lets_in(&this.access));
    assert_eq!(house.audited(), "");
    house.fill_disk(false);
    let other = house.sign_in_by_password("old").await;
    let wrong = house.sessions.change_password(by(1), hash("new"), hash("x"), this.session.id).await;
    assert!(wrong.unwrap().is_none() && house.lets_in(&other.access));
    let changed = house.sessions.change_password(by(1), hash("old"), hash("new"), this.session.id).await;
    assert!(changed.unwrap().is_some());
    assert!(house.lets_in(&this.access) && !house.lets_in(&other.access));
    assert!(
        house.audited().ends_with("\"event\":\"password_changed\",\"uid\":1,\"address\":\"192.0.2.1\"}\n")
    );
}

#[tokio::test]
async fn who_leaves_in_the_middle_has_done_it_and_is_audited() {
    for which in 0..3 {
        let house = House::new().await;
        house.give_password("old");
        let (this, other) = (house.sign_in_by_password("old").await, house.sign_in_by_password("old").await);
        house.store.slow.store(true, Ordering::Relaxed);
        {
            let sessions = &house.sessions;
            let mut doing: std::pin::Pin<Box<dyn Future<Output = ()> + '_>> = match which {
                0 => Box::pin(async { drop(sessions.end_own(by(1), other.session.id).await) }),
                1 => Box::pin(async { drop(sessions.end_all_own(by(1)).await) }),
                _ => Box::pin(async {
                    drop(sessions.change_password(by(1), hash("old"), hash("new"), this.session.id).await);
                }),
            };
            let waker = std::task::Waker::noop();
            assert!(doing.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(!house.lets_in(&other.access), "{which}");
        assert_eq!(house.audited().lines().count(), 1, "{which}");
    }
}

/// Seen: each change of a name took the lock that `users set --roles` and imports needed, so that whoever renamed themselves
/// without end kept the operator waiting. There is no lock: the last change is told by its order.
#[tokio::test]
async fn a_change_of_ones_own_and_one_of_roles_come_to_the_same_whichever_is_heard_of_first() {
    let to_admin =
        || UserChange { roles: Some(vec![Role::parse("admin").unwrap()]), ..UserChange::default() };
    let to_jacques = || ProfileChange { username: Username::parse("Jacques"), email: None };
    for delays in [[0, 20], [20, 0]] {
        let house = House::new().await;
        house.sign_in(1).await;
        house.store.delays.lock().unwrap().extend(delays);
        let (own, operators) = tokio::join!(
            house.sessions.change_own(by(1), None, to_jacques()),
            house.sessions.change_user(user(1).id, to_admin()),
        );
        assert!(matches!((own, operators), (Ok(Some(Changed::Done { .. })), Ok(Changed::Done { .. }))));
        let revocations = house.sessions.revocations();
        for (roles, username, outdated) in
            [("admin", "Jacques", false), ("", "Jacques", true), ("admin", "user", true)]
        {
            let says = Says { roles, email: None, username: Some(username), verified: None };
            assert_eq!(revocations.is_outdated(user(1).id, says), outdated, "{delays:?} {says:?}");
        }
    }
}
