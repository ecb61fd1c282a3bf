//! What holds of every store. Another backend joins by a module in `suite!`.

use std::sync::Arc;

use sidegate::config::settings::DatabaseUrl;
use sidegate::store::{
    CreatedUser, NewUser, Revoked, Rotated, Seen, Session, SigningKey, Started, Store, open,
};
use sidegate::types::{Email, Role, Secret, UserId, Username};
use tempfile::TempDir;

use super::kept_limits::*;
use super::one_time::*;
use super::people::{at, begin, email, id, person, session, started, user};

/// A backend under test: it can be opened again and again.
struct Redb(TempDir);

impl Redb {
    fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Arc<dyn Store> {
        open::open(&DatabaseUrl::Redb(self.0.path().join("store.redb")), at(1)).unwrap()
    }
}

/// Runs each rule on each backend.
macro_rules! suite {
    ($($rule:ident),+ $(,)?) => {
        mod redb {
            $(#[tokio::test]
            async fn $rule() {
                let backend = super::Redb::fresh();
                super::$rule(&|| backend.open()).await;
            })+
        }
    };
}

mod administration;
mod crowd;
mod import;
mod keys;
mod own;

suite!(
    an_origin_is_made_once,
    uids_count_from_one,
    one_address_is_one_user_however_it_is_spelt,
    of_two_racing_sign_ups_exactly_one_wins,
    a_user_comes_back_as_they_were,
    a_hash_is_renewed_only_if_it_is_still_the_old_one,
    disabling_ends_all_sessions_and_remembers_them,
    enabling_ends_nothing_and_an_unknown_user_is_none,
    a_session_of_a_disabled_or_unknown_user_does_not_start,
    a_session_of_a_user_who_changed_since_they_were_seen_does_not_start,
    a_new_session_ends_the_one_that_it_replaces,
    sessions_are_listed_oldest_first,
    of_200_rotations_of_one_generation_exactly_one_is_done,
    an_ended_session_or_a_disabled_user_rotates_nothing,
    a_first_presentation_is_noted_once_and_survives_a_rotation,
    an_ended_session_is_gone_and_remembered_once,
    all_sessions_but_one_end,
    revocations_are_known_after_a_restart_until_their_time,
    a_sweep_removes_what_has_ended_and_no_more_than_asked,
    two_nodes_that_bring_a_signing_key_end_up_with_one,
    a_link_is_its_users_for_its_purpose_until_its_time,
    a_newer_link_takes_the_place_of_an_older_one,
    a_link_sets_a_password_once_and_ends_all_sessions,
    of_racing_uses_of_one_link_exactly_one_counts,
    a_reset_leaves_a_disabled_user_disabled,
    a_link_dies_with_the_address_that_it_may_have_gone_to,
    a_link_dies_with_its_user,
    what_was_mailed_proves_the_address_and_what_was_handed_over_does_not,
    a_new_password_voids_every_other_link,
    weakness_16_a_proof_is_its_users_for_its_purpose_once,
    a_taken_address_costs_the_commit_of_a_free_one_and_changes_nothing,
    links_are_there_after_a_restart,
    kept_counters_are_there_after_a_restart_until_their_time,
    counters_that_are_over_are_swept_and_no_more_than_asked,
    kept_counters_of_one_kind_are_bounded_and_push_out_no_others,
    failures_at_once_are_kept_in_few_commits,
    the_highest_number_is_that_of_the_newest_user_who_is_or_was,
    answered_writes_are_there_after_a_restart,
    a_closed_store_says_so,
);

pub(super) type Open<'a> = &'a dyn Fn() -> Arc<dyn Store>;

async fn an_origin_is_made_once(open: Open<'_>) {
    let first = open().origin().await.unwrap();
    let again = open().origin().await.unwrap();
    assert!(first.issuer.starts_with("sidegate:") && first.issuer.len() > 20, "{first:?}");
    assert_eq!((first.session_key.reveal().len(), first.refresh_key.reveal().len()), (32, 32));
    assert!(first.session_key != first.refresh_key);
    assert_eq!(first.issuer, again.issuer);
    assert!(first.session_key == again.session_key && first.refresh_key == again.refresh_key);
}

async fn uids_count_from_one(open: Open<'_>) {
    assert_eq!(user(&*open(), "a@example.com").await.id.number(), 1);
    let store = open();
    assert_eq!(user(&*store, "b@example.com").await.id.number(), 2);
    assert!(matches!(store.create_user(person("a@example.com")).await, Ok(CreatedUser::EmailTaken)));
    assert_eq!(user(&*store, "c@example.com").await.id.number(), 3);
}

async fn one_address_is_one_user_however_it_is_spelt(open: Open<'_>) {
    let store = open();
    user(&*store, "Jürgen@Bücher.example").await;
    for spelling in ["jürgen@bücher.example", "JU\u{308}RGEN@xn--bcher-kva.EXAMPLE"] {
        let answer = store.create_user(person(spelling)).await;
        assert!(matches!(answer, Ok(CreatedUser::EmailTaken)), "{spelling}: {answer:?}");
        let found = store.user_by_email(email(spelling).key()).await.unwrap().unwrap();
        assert_eq!(found.email.as_str(), "Jürgen@Bücher.example");
    }
    assert!(store.user_by_email(email("jurgen@bücher.example").key()).await.unwrap().is_none());
}

async fn of_two_racing_sign_ups_exactly_one_wins(open: Open<'_>) {
    let store = open();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let store = Arc::clone(&store);
            let spelling = if n % 2 == 0 { "Jack@Example.com" } else { "jack@example.COM" };
            tokio::spawn(async move { store.create_user(person(spelling)).await.unwrap() })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        created += usize::from(matches!(task.await.unwrap(), CreatedUser::Created(_)));
    }
    assert_eq!(created, 1);
    assert_eq!(user(&*store, "jill@example.com").await.id.number(), 2);
}

async fn a_user_comes_back_as_they_were(open: Open<'_>) {
    let roles = ["b", "a", "b"].map(|name| Role::parse(name).unwrap()).to_vec();
    let new = NewUser { roles, email_verified: true, ..person("Jack@Example.com") };
    assert!(matches!(open().create_user(new).await, Ok(CreatedUser::Created(_))));
    let found = open().user(UserId::new(1).unwrap()).await.unwrap().unwrap();
    assert_eq!(found.email.as_str(), "Jack@Example.com");
    assert_eq!(found.username.as_str(), "Jack");
    assert_eq!(found.password.as_ref().unwrap().reveal(), "$argon2id$of-jack");
    assert!(found.active && found.email_verified);
    assert_eq!(found.roles.iter().map(Role::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((found.created, found.updated), (at(1000), at(1000)));
}

async fn a_hash_is_renewed_only_if_it_is_still_the_old_one(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let hash = |text: &str| Secret::new(text.to_owned());
    assert!(!store.renew_password_hash(jack, hash("other"), hash("new")).await.unwrap());
    assert!(store.renew_password_hash(jack, hash("$argon2id$of-jack"), hash("new")).await.unwrap());
    assert!(!store.renew_password_hash(UserId::new(9).unwrap(), hash("new"), hash("x")).await.unwrap());
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!(found.password.unwrap().reveal(), "new");
}

async fn disabling_ends_all_sessions_and_remembers_them(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let jill = user(&*store, "jill@example.com").await.id;
    for number in [1, 2] {
        started(&*store, jack, number).await;
    }
    started(&*store, jill, 3).await;
    let ended = store.set_active(jack, false, at(5000), at(9000)).await.unwrap().unwrap();
    assert_eq!(ended, [id(1), id(2)]);
    assert!(store.session(id(1)).await.unwrap().is_none());
    assert!(store.session(id(3)).await.unwrap().is_some());
    let found = store.user(jack).await.unwrap().unwrap();
    assert!(!found.active && found.updated == at(5000));
    let remembered = [1, 2].map(|number| Revoked { session: id(number), until: at(9000) });
    assert_eq!(store.revoked(at(5000)).await.unwrap(), remembered);
}

async fn enabling_ends_nothing_and_an_unknown_user_is_none(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    started(&*store, jack, 1).await;
    assert_eq!(store.set_active(jack, true, at(5000), at(9000)).await.unwrap(), Some(Vec::new()));
    let found = store.user(jack).await.unwrap().unwrap();
    assert_eq!(found.updated, at(1000), "nothing changed");
    assert!(store.session(id(1)).await.unwrap().is_some());
    let unknown = store.set_active(UserId::new(7).unwrap(), false, at(5000), at(9000)).await;
    assert_eq!(unknown.unwrap(), None);
}

async fn a_session_of_a_disabled_or_unknown_user_does_not_start(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    let jill = user(&*store, "jill@example.com").await.id;
    started(&*store, jill, 1).await;
    store.set_active(jack.id, false, at(5000), at(9000)).await.unwrap();
    for gone in [jack.id, UserId::new(7).unwrap()] {
        let start = store.start_session(session(gone, 2), Seen::of(&jack), Some(id(1)), at(9000));
        let answer = start.await.unwrap();
        assert!(matches!(answer, Started::UserGone), "{answer:?}");
    }
    assert!(store.session(id(2)).await.unwrap().is_none());
    assert!(store.session(id(1)).await.unwrap().is_some(), "a refused start replaces nothing");
    assert!(store.revoked(at(0)).await.unwrap().is_empty());
}

async fn a_session_of_a_user_who_changed_since_they_were_seen_does_not_start(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await;
    let jill = user(&*store, "jill@example.com").await.id;
    started(&*store, jill, 1).await;
    let admin = Role::parse("admin").unwrap();
    for seen in [
        Seen { password: None, ..Seen::of(&jack) },
        Seen { password: Some(Secret::new("$argon2id$of-jill".to_owned())), ..Seen::of(&jack) },
        Seen { roles: vec![admin], ..Seen::of(&jack) },
        Seen { email: Email::parse("Jack@example.com").unwrap(), ..Seen::of(&jack) },
        Seen { username: Username::parse("jack").unwrap(), ..Seen::of(&jack) },
    ] {
        let answer = store.start_session(session(jack.id, 2), seen, Some(id(1)), at(9000)).await.unwrap();
        let Started::Changed(present) = answer else { panic!("{answer:?}") };
        assert!(present.id == jack.id && present.password == jack.password && present.roles.is_empty());
    }
    assert!(store.session(id(2)).await.unwrap().is_none());
    assert!(store.session(id(1)).await.unwrap().is_some(), "a refused start replaces nothing");
    begin(&*store, session(jack.id, 2), Some(id(1))).await;
}

async fn a_new_session_ends_the_one_that_it_replaces(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let jill = user(&*store, "jill@example.com").await.id;
    started(&*store, jill, 1).await;
    // 7 never was: nothing to remember.
    for (number, replaces) in [(2, Some(id(1))), (3, Some(id(7)))] {
        begin(&*store, session(jack, number), replaces).await;
    }
    assert!(store.session(id(1)).await.unwrap().is_none());
    assert_eq!(store.revoked(at(0)).await.unwrap(), [Revoked { session: id(1), until: at(9000) }]);
    let (found, owner) = store.session(id(2)).await.unwrap().unwrap();
    assert_eq!((found, owner.id), (session(jack, 2), jack));
}

async fn sessions_are_listed_oldest_first(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let jill = user(&*store, "jill@example.com").await.id;
    for (number, start) in [(1, 30), (2, 10), (3, 20)] {
        let session = Session { started: at(start), ..session(jack, number) };
        begin(&*store, session, None).await;
    }
    started(&*store, jill, 4).await;
    let ids: Vec<_> = store.sessions_of(jack).await.unwrap().iter().map(|session| session.id).collect();
    assert_eq!(ids, [id(2), id(3), id(1)]);
}

async fn of_200_rotations_of_one_generation_exactly_one_is_done(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let first = started(&*store, jack, 1).await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let store = Arc::clone(&store);
            let next = Session { generation: 2, expires: at(200_000 + n), ..first.clone() };
            tokio::spawn(async move { (n, store.rotate(1, next).await.unwrap()) })
        })
        .collect();
    let mut done = Vec::new();
    let mut moved = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (n, Rotated::Done(user)) => done.push((n, user.id)),
            (_, Rotated::Moved(session)) => moved.push(session),
            (_, Rotated::Gone) => panic!("the session lives"),
        }
    }
    let [(winner, owner)] = done[..] else { panic!("{done:?}") };
    assert_eq!(owner, jack);
    assert_eq!(moved.len(), 199);
    for session in moved {
        assert_eq!((session.generation, session.expires), (2, at(200_000 + winner)));
    }
}

async fn an_ended_session_or_a_disabled_user_rotates_nothing(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let first = started(&*store, jack, 1).await;
    let next = Session { generation: 2, ..first };
    store.end_session(id(1), at(9000)).await.unwrap();
    assert!(matches!(store.rotate(1, next.clone()).await, Ok(Rotated::Gone)));
    started(&*store, jack, 2).await;
    store.set_active(jack, false, at(5000), at(9000)).await.unwrap();
    assert!(matches!(store.rotate(1, Session { id: id(2), ..next }).await, Ok(Rotated::Gone)));
    assert!(store.sessions_of(jack).await.unwrap().is_empty());
}

async fn a_first_presentation_is_noted_once_and_survives_a_rotation(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    let first = started(&*store, jack, 1).await;
    let presented = async || store.session(id(1)).await.unwrap().unwrap().0.presented;
    for (generation, time) in [(2, 2500), (1, 3000), (1, 4000), (0, 5000)] {
        store.note_presented(id(1), generation, at(time)).await.unwrap();
    }
    assert_eq!(presented().await, [(1, at(3000))]);
    // This caller had read the session before the note.
    let next = Session { generation: 2, presented: vec![(1, at(3500))], ..first };
    assert!(matches!(store.rotate(1, next).await, Ok(Rotated::Done(_))));
    assert_eq!(presented().await, [(1, at(3000))]);
    store.note_presented(id(1), 2, at(6000)).await.unwrap();
    assert_eq!(presented().await, [(1, at(3000)), (2, at(6000))]);
    store.note_presented(id(9), 1, at(6000)).await.unwrap();
}

async fn an_ended_session_is_gone_and_remembered_once(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    started(&*store, jack, 1).await;
    assert!(store.end_session(id(1), at(9000)).await.unwrap());
    assert!(!store.end_session(id(1), at(9999)).await.unwrap());
    assert!(!store.end_session(id(2), at(9999)).await.unwrap());
    assert!(store.session(id(1)).await.unwrap().is_none());
    assert!(store.sessions_of(jack).await.unwrap().is_empty());
    assert_eq!(store.revoked(at(0)).await.unwrap(), [Revoked { session: id(1), until: at(9000) }]);
}

async fn all_sessions_but_one_end(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    for number in 1..=3 {
        started(&*store, jack, number).await;
    }
    assert_eq!(store.end_sessions_of(jack, Some(id(2)), at(9000)).await.unwrap(), [id(1), id(3)]);
    assert_eq!(store.end_sessions_of(jack, None, at(9000)).await.unwrap(), [id(2)]);
    assert!(store.end_sessions_of(jack, None, at(9000)).await.unwrap().is_empty());
}

async fn revocations_are_known_after_a_restart_until_their_time(open: Open<'_>) {
    {
        let store = open();
        let jack = user(&*store, "jack@example.com").await.id;
        for (number, until) in [(1, 9000), (2, 7000)] {
            started(&*store, jack, number).await;
            store.end_session(id(number), at(until)).await.unwrap();
        }
    }
    let store = open();
    let ids = async |now| -> Vec<_> {
        store.revoked(at(now)).await.unwrap().into_iter().map(|revoked| revoked.session).collect()
    };
    assert_eq!(ids(6999).await, [id(2), id(1)]);
    assert_eq!(ids(7000).await, [id(1)]);
    assert!(ids(9000).await.is_empty());
}

async fn a_sweep_removes_what_has_ended_and_no_more_than_asked(open: Open<'_>) {
    let store = open();
    let jack = user(&*store, "jack@example.com").await.id;
    for number in 1..=5 {
        let expires = at(10_000 + u64::from(number));
        begin(&*store, Session { expires, ..session(jack, number) }, None).await;
    }
    store.end_session(id(5), at(10_000)).await.unwrap();
    // 1 and 2 expired before 10 003, and what is remembered of 5 may go; 3 and 4 stay.
    assert_eq!(store.sweep(at(10_000), 10).await.unwrap().count(), 0);
    assert_eq!(store.sweep(at(10_003), 0).await.unwrap().count(), 0);
    assert_eq!(store.sweep(at(10_003), 2).await.unwrap().count(), 2);
    assert_eq!(store.sweep(at(10_003), 2).await.unwrap().count(), 1);
    assert_eq!(store.sweep(at(10_003), 2).await.unwrap().count(), 0);
    let left: Vec<_> = store.sessions_of(jack).await.unwrap().iter().map(|session| session.id).collect();
    assert_eq!(left, [id(3), id(4)]);
    assert!(store.revoked(at(0)).await.unwrap().is_empty());
    // A rotation moves a session's end, also in the eyes of the sweep.
    let next = Session { generation: 2, expires: at(50_000), ..session(jack, 3) };
    assert!(matches!(store.rotate(1, next).await, Ok(Rotated::Done(_))));
    assert_eq!(store.sweep(at(20_000), 10).await.unwrap().count(), 1);
    assert!(store.session(id(3)).await.unwrap().is_some());
}

async fn two_nodes_that_bring_a_signing_key_end_up_with_one(open: Open<'_>) {
    let key = |kid: &str, algorithm: &str, created| SigningKey {
        kid: kid.to_owned(),
        algorithm: algorithm.to_owned(),
        private: Secret::new(vec![7; 48]),
        created: at(created),
        retired: None,
    };
    let store = open();
    for (bring, expected) in [
        (key("a", "EdDSA", 2), vec!["a"]),
        (key("b", "EdDSA", 3), vec!["a"]),
        (key("c", "ES256", 1), vec!["c", "a"]),
    ] {
        let kids: Vec<_> =
            store.ensure_signing_key(bring).await.unwrap().into_iter().map(|key| key.kid).collect();
        assert_eq!(kids, expected, "oldest first");
    }
    drop(store);
    let keys = open().signing_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| &key.kid[..]).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!(keys[0].private.reveal(), &[7; 48]);
}

async fn answered_writes_are_there_after_a_restart(open: Open<'_>) {
    {
        let store = open();
        let jack = user(&*store, "jack@example.com").await.id;
        let first = started(&*store, jack, 1).await;
        let next = Session { generation: 2, presented: vec![(1, at(3000))], ..first };
        assert!(matches!(store.rotate(1, next).await, Ok(Rotated::Done(_))));
        store.close().await.unwrap();
    }
    let store = open();
    let (found, owner) = store.session(id(1)).await.unwrap().unwrap();
    assert_eq!(owner.email.as_str(), "jack@example.com");
    assert_eq!((found.generation, found.presented), (2, vec![(1, at(3000))]));
}

async fn a_closed_store_says_so(open: Open<'_>) {
    use sidegate::store::StoreError::Closed;
    let store = open();
    store.close().await.unwrap();
    assert!(matches!(store.user(UserId::new(1).unwrap()).await, Err(Closed)));
    assert!(matches!(store.create_user(person("jack@example.com")).await, Err(Closed)));
    assert!(matches!(store.close().await, Err(Closed)));
}
