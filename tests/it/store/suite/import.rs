//! What holds of every store when users come from a file.

use sidegate::store::BadRowReason as Why;
use sidegate::store::{ImportPolicy, ImportRow, Imported, OnConflict, Order, Outdated, Store, User};
use sidegate::types::{Role, Secret, UserId, Username};

use super::{Open, Redb};
use crate::store::people::{self, at, email, id, started, user};

suite!(
    imported_users_keep_their_numbers_and_everything_else,
    those_without_a_number_come_after_all_that_have_one,
    export_and_import_is_the_identity,
    one_bad_row_keeps_all_of_them_out_unless_bad_rows_are_skipped,
    rows_that_share_an_address_or_a_number_are_all_bad,
    a_number_that_leaves_none_for_those_who_come_later_is_bad,
    a_removed_users_number_is_theirs_for_ever,
    with_fail_a_user_who_is_there_is_a_bad_row,
    with_skip_a_user_who_is_there_stays_as_they_are,
    with_update_a_user_becomes_as_the_row_says,
    with_update_a_row_is_about_one_user_and_a_user_in_one_row,
    an_update_that_changes_the_password_or_disables_ends_sessions_and_other_roles_outdate_them,
    an_empty_import_is_written,
);

fn row(line: u64, uid: u64, address: &str) -> ImportRow {
    ImportRow { uid: UserId::new(uid), ..people::row(line, address) }
}

const fn policy(on_conflict: OnConflict) -> ImportPolicy {
    ImportPolicy { on_conflict, skip_bad: false, only_examine: false }
}

async fn import(store: &dyn Store, on_conflict: OnConflict, rows: Vec<ImportRow>) -> Imported {
    store.import_users(rows, policy(on_conflict), at(5000), at(9000)).await.unwrap()
}

/// Added, updated, skipped and unchanged.
fn counts(imported: &Imported) -> [u64; 4] {
    assert!(imported.written, "{imported:?}");
    [imported.added, imported.updated, imported.skipped, imported.unchanged]
}

fn bad(imported: &Imported) -> Vec<(u64, Why)> {
    assert!(!imported.written, "{imported:?}");
    assert_eq!([imported.added, imported.updated, imported.skipped, imported.unchanged], [0; 4]);
    imported.bad.iter().map(|bad| (bad.line, bad.why)).collect()
}

fn uid(number: u64) -> UserId {
    UserId::new(number).unwrap()
}

async fn found(store: &dyn Store, number: u64) -> User {
    store.user(uid(number)).await.unwrap().unwrap()
}

fn roles(names: &[&str]) -> Vec<Role> {
    names.iter().map(|name| Role::parse(name).unwrap()).collect()
}

/// All of a store's users, every field.
async fn told(store: &dyn Store) -> Vec<String> {
    let users = store.users(None, 1000).await.unwrap();
    let hash = |user: &User| user.password.as_ref().map(|hash| hash.reveal().clone());
    users.iter().map(|user| format!("{user:?} {:?}", hash(user))).collect()
}

async fn imported_users_keep_their_numbers_and_everything_else(open: Open<'_>) {
    let store = open();
    let rows = vec![
        ImportRow {
            username: Username::parse("Jill").unwrap(),
            active: false,
            roles: roles(&["b", "a", "b"]),
            email_verified: true,
            created: Some(at(10)),
            updated: Some(at(20)),
            ..row(1, 7, "Jill@example.com")
        },
        ImportRow { password: None, ..row(2, 3, "june@example.com") },
    ];
    assert_eq!(counts(&import(&*store, OnConflict::Fail, rows).await), [2, 0, 0, 0]);
    let (jill, june) = (found(&*store, 7).await, found(&*store, 3).await);
    assert_eq!(
        (jill.email.as_str(), jill.username.as_str(), jill.active),
        ("Jill@example.com", "Jill", false)
    );
    assert_eq!((jill.roles, jill.email_verified), (roles(&["a", "b"]), true));
    assert_eq!((jill.created, jill.updated), (at(10), at(20)));
    assert_eq!(jill.password.unwrap().reveal(), "$argon2id$of-jack");
    assert!(june.password.is_none() && june.active && !june.email_verified);
    assert_eq!((june.created, june.updated), (at(5000), at(5000)));
    assert_eq!(store.user_by_email(email("JILL@example.com").key()).await.unwrap().unwrap().id, uid(7));
    assert_eq!(user(&*store, "next@example.com").await.id.number(), 8);
}

async fn those_without_a_number_come_after_all_that_have_one(open: Open<'_>) {
    let store = open();
    user(&*store, "jack@example.com").await;
    let rows = vec![row(1, 0, "a@example.com"), row(2, 5, "b@example.com"), row(3, 0, "c@example.com")];
    assert_eq!(counts(&import(&*store, OnConflict::Fail, rows).await), [3, 0, 0, 0]);
    let order: Vec<_> = store.users(None, 9).await.unwrap();
    let order: Vec<_> = order.iter().map(|user| (user.id.number(), user.email.as_str())).collect();
    assert_eq!(
        order,
        [(1, "jack@example.com"), (5, "b@example.com"), (6, "a@example.com"), (7, "c@example.com")]
    );
    // A number that was left out before may be given.
    assert_eq!(
        counts(&import(&*store, OnConflict::Fail, vec![row(1, 2, "d@example.com")]).await),
        [1, 0, 0, 0]
    );
    assert_eq!(user(&*store, "next@example.com").await.id.number(), 8);
}

async fn export_and_import_is_the_identity(open: Open<'_>) {
    let store = open();
    for name in ["Jack@Example.com", "jill@example.com", "june@bücher.example"] {
        user(&*store, name).await;
    }
    store.set_active(uid(2), false, at(3000), at(9000)).await.unwrap();
    let before = told(&*store).await;
    let exported: Vec<_> = store.users(None, 10).await.unwrap().into_iter().zip(1..).map(as_row).collect();
    for on_conflict in [OnConflict::Update, OnConflict::Skip] {
        let imported = import(&*store, on_conflict, exported.clone()).await;
        let [skipped, unchanged] = if on_conflict == OnConflict::Skip { [3, 0] } else { [0, 3] };
        assert_eq!(counts(&imported), [0, 0, skipped, unchanged]);
        assert_eq!(told(&*store).await, before);
    }
    for number in 1..=3 {
        store.remove_user(uid(number), at(9000)).await.unwrap().unwrap();
    }
    assert!(told(&*store).await.is_empty());
    assert_eq!(counts(&import(&*store, OnConflict::Fail, exported).await), [3, 0, 0, 0]);
    assert_eq!(told(&*store).await, before, "removed users come back under their numbers");
    assert_eq!(user(&*store, "next@example.com").await.id.number(), 4);
}

fn as_row((user, line): (User, u64)) -> ImportRow {
    ImportRow {
        line,
        uid: Some(user.id),
        email: user.email,
        username: user.username,
        password: user.password,
        active: user.active,
        roles: user.roles,
        email_verified: user.email_verified,
        created: Some(user.created),
        updated: Some(user.updated),
    }
}

async fn one_bad_row_keeps_all_of_them_out_unless_bad_rows_are_skipped(open: Open<'_>) {
    let store = open();
    user(&*store, "jack@example.com").await;
    let rows = vec![row(1, 0, "a@example.com"), row(2, 9, "Jack@example.com"), row(3, 4, "b@example.com")];
    let refused = import(&*store, OnConflict::Fail, rows.clone()).await;
    assert_eq!(bad(&refused), [(2, Why::AddressTaken { uid: uid(1) })]);
    assert_eq!(store.user_count().await.unwrap(), 1);
    let lenient = ImportPolicy { skip_bad: true, ..policy(OnConflict::Fail) };
    let imported = store.import_users(rows, lenient, at(5000), at(9000)).await.unwrap();
    assert_eq!(counts(&imported), [2, 0, 0, 0]);
    assert_eq!(imported.bad, refused.bad);
    assert_eq!(found(&*store, 5).await.email.as_str(), "a@example.com");
    assert_eq!(found(&*store, 1).await.updated, at(1000));
}

async fn rows_that_share_an_address_or_a_number_are_all_bad(open: Open<'_>) {
    let store = open();
    let rows = || {
        vec![
            row(1, 1, "jack@example.com"),
            row(3, 2, "jill@example.com"),
            row(4, 0, "JACK@example.com"),
            row(6, 2, "june@example.com"),
            row(7, 8, "Jack@example.com"),
            row(8, 9, "joan@example.com"),
        ]
    };
    let expected = [
        (1, Why::AddressTwice { line: 4 }),
        (3, Why::UidTwice { line: 6 }),
        (4, Why::AddressTwice { line: 1 }),
        (6, Why::UidTwice { line: 3 }),
        (7, Why::AddressTwice { line: 1 }),
    ];
    for on_conflict in [OnConflict::Fail, OnConflict::Skip, OnConflict::Update] {
        assert_eq!(bad(&import(&*store, on_conflict, rows()).await), expected);
    }
    let lenient = ImportPolicy { skip_bad: true, ..policy(OnConflict::Fail) };
    assert_eq!(counts(&store.import_users(rows(), lenient, at(5000), at(9000)).await.unwrap()), [1, 0, 0, 0]);
}

async fn a_number_that_leaves_none_for_those_who_come_later_is_bad(open: Open<'_>) {
    let store = open();
    let max = ImportRow::MAX_UID;
    let rows = vec![row(1, max + 1, "a@example.com"), row(2, u64::MAX, "b@example.com")];
    let expected = [(1, Why::UidTooLarge { max }), (2, Why::UidTooLarge { max })];
    assert_eq!(bad(&import(&*store, OnConflict::Update, rows).await), expected);
    let rows = vec![row(1, max, "a@example.com"), row(2, 0, "b@example.com")];
    assert_eq!(counts(&import(&*store, OnConflict::Update, rows).await), [2, 0, 0, 0]);
    assert_eq!(found(&*store, max + 1).await.email.as_str(), "b@example.com");
    assert_eq!(user(&*store, "next@example.com").await.id.number(), max + 2);
}

async fn a_removed_users_number_is_theirs_for_ever(open: Open<'_>) {
    {
        let store = open();
        user(&*store, "jack@example.com").await;
        store.remove_user(uid(1), at(9000)).await.unwrap().unwrap();
    }
    let store = open();
    for on_conflict in [OnConflict::Fail, OnConflict::Skip, OnConflict::Update] {
        let refused = import(&*store, on_conflict, vec![row(1, 1, "jill@example.com")]).await;
        assert_eq!(bad(&refused), [(1, Why::UidRemoved { uid: uid(1) })]);
    }
    assert_eq!(
        counts(&import(&*store, OnConflict::Fail, vec![row(1, 1, "JACK@example.com")]).await),
        [1, 0, 0, 0]
    );
    assert_eq!(found(&*store, 1).await.email.as_str(), "JACK@example.com");
    assert_eq!(user(&*store, "next@example.com").await.id.number(), 2);
}

async fn with_fail_a_user_who_is_there_is_a_bad_row(open: Open<'_>) {
    let store = open();
    user(&*store, "jack@example.com").await;
    let rows =
        vec![row(1, 1, "new@example.com"), row(2, 0, "jack@example.com"), row(3, 5, "free@example.com")];
    let refused = import(&*store, OnConflict::Fail, rows).await;
    assert_eq!(bad(&refused), [(1, Why::UidTaken { uid: uid(1) }), (2, Why::AddressTaken { uid: uid(1) })]);
}

async fn with_skip_a_user_who_is_there_stays_as_they_are(open: Open<'_>) {
    let store = open();
    user(&*store, "jack@example.com").await;
    user(&*store, "jill@example.com").await;
    let before = told(&*store).await;
    // By the number, by the address, by both, and by those of two users.
    for (given, address) in [
        (1, "new@example.com"),
        (0, "jack@example.com"),
        (5, "jack@example.com"),
        (1, "jack@example.com"),
        (1, "jill@example.com"),
    ] {
        let rows = vec![ImportRow { active: false, ..row(1, given, address) }];
        assert_eq!(counts(&import(&*store, OnConflict::Skip, rows).await), [0, 0, 1, 0], "{given} {address}");
    }
    assert_eq!(told(&*store).await, before);
    let rows = vec![row(1, 1, "jack@example.com"), row(2, 4, "june@example.com")];
    assert_eq!(counts(&import(&*store, OnConflict::Skip, rows).await), [1, 0, 1, 0]);
}

async fn with_update_a_user_becomes_as_the_row_says(open: Open<'_>) {
    let store = open();
    user(&*store, "jack@example.com").await;
    user(&*store, "jill@example.com").await;
    let rows = vec![
        ImportRow {
            email_verified: true,
            password: None,
            updated: Some(at(2000)),
            ..row(1, 1, "jacques@example.com")
        },
        ImportRow { roles: roles(&["b", "a"]), ..row(2, 0, "JILL@example.com") },
        row(3, 9, "june@example.com"),
    ];
    assert_eq!(counts(&import(&*store, OnConflict::Update, rows.clone()).await), [1, 2, 0, 0]);
    let (jack, jill) = (found(&*store, 1).await, found(&*store, 2).await);
    assert_eq!((jack.email.as_str(), jack.email_verified), ("jacques@example.com", true));
    assert_eq!(jack.password.unwrap().reveal(), "$argon2id$of-jack", "no password in the row keeps it");
    assert_eq!((jack.created, jack.updated), (at(1000), at(2000)));
    assert_eq!(
        (jill.email.as_str(), jill.roles, jill.updated),
        ("JILL@example.com", roles(&["a", "b"]), at(5000))
    );
    assert!(store.user_by_email(email("jack@example.com").key()).await.unwrap().is_none());
    assert_eq!(counts(&import(&*store, OnConflict::Update, rows).await), [0, 0, 0, 3]);
    assert_eq!(user(&*store, "jack@example.com").await.id.number(), 10);
}

async fn with_update_a_row_is_about_one_user_and_a_user_in_one_row(open: Open<'_>) {
    let store = open();
    user(&*store, "jack@example.com").await;
    user(&*store, "jill@example.com").await;
    let two_users = import(&*store, OnConflict::Update, vec![row(1, 1, "jill@example.com")]).await;
    assert_eq!(bad(&two_users), [(1, Why::TwoUsers { uid: uid(2) })]);
    // The number that the row gives can't become Jill's, and is not dropped in silence.
    let lost = import(&*store, OnConflict::Update, vec![row(1, 7, "jill@example.com")]).await;
    assert_eq!(bad(&lost), [(1, Why::AddressTaken { uid: uid(2) })]);
    let rows = vec![row(1, 1, "jacques@example.com"), row(2, 0, "jack@example.com")];
    let twice = import(&*store, OnConflict::Update, rows).await;
    assert_eq!(bad(&twice), [(1, Why::UserTwice { line: 2 }), (2, Why::UserTwice { line: 1 })]);
    assert_eq!(found(&*store, 1).await.email.as_str(), "jack@example.com");
}

async fn an_update_that_changes_the_password_or_disables_ends_sessions_and_other_roles_outdate_them(
    open: Open<'_>,
) {
    let store = open();
    for (number, name) in (1..).zip(["a", "b", "c", "d"]) {
        let owner = user(&*store, &format!("{name}@example.com")).await.id;
        started(&*store, owner, number).await;
    }
    let other = Some(Secret::new("$argon2id$other".to_owned()));
    let rows = vec![
        ImportRow { password: other, roles: roles(&["admin"]), ..row(1, 1, "a@example.com") },
        ImportRow { active: false, ..row(2, 2, "b@example.com") },
        ImportRow { roles: roles(&["admin"]), ..row(3, 3, "c@example.com") },
        ImportRow { username: Username::parse("Dan").unwrap(), ..row(4, 4, "d@example.com") },
    ];
    let imported = import(&*store, OnConflict::Update, rows).await;
    assert_eq!(counts(&imported), [0, 4, 0, 0]);
    assert_eq!(imported.ended, [id(1), id(2)]);
    let (carol, dan) = (store.user(uid(3)).await.unwrap(), store.user(uid(4)).await.unwrap());
    let outdated = [carol, dan].map(|user| Outdated::of(&user.unwrap(), at(9000), Order::default()));
    assert_eq!(outdated[0].roles, roles(&["admin"]));
    let found = imported.outdated.into_iter().map(|found| Outdated { order: Order::default(), ..found });
    assert_eq!(found.collect::<Vec<_>>(), outdated);
    drop(store);
    let store = open();
    let revoked: Vec<_> = store.revoked(at(0)).await.unwrap().iter().map(|revoked| revoked.session).collect();
    assert_eq!(revoked, [id(1), id(2)]);
    assert_eq!(store.outdated(at(0)).await.unwrap(), outdated);
    for (number, lives) in [(1, false), (2, false), (3, true), (4, true)] {
        assert_eq!(store.session(id(number)).await.unwrap().is_some(), lives, "{number}");
    }
}

async fn an_empty_import_is_written(open: Open<'_>) {
    assert_eq!(counts(&import(&*open(), OnConflict::Fail, Vec::new()).await), [0; 4]);
}
