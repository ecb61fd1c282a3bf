//! What only a failing disk, a slow one or a damaged record shows.

use std::time::Duration;

use super::*;
use crate::types::{Email, Secret, Username};
use disk::{Disk, Then, start, store, uncached};

mod crowd;
mod disk;
mod one_time;

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

fn person(name: &str) -> NewUser {
    NewUser {
        email: email(name),
        username: Username::parse(name).unwrap(),
        password: Some(Secret::new("$argon2id$".to_owned())),
        roles: Vec::new(),
        email_verified: false,
        created: Timestamp::default(),
    }
}

fn uid(created: Result<CreatedUser, StoreError>) -> u64 {
    match created {
        Ok(CreatedUser::Created(user)) => user.id.number(),
        other => panic!("not created: {other:?}"),
    }
}

/// Tries until it works, as a client would.
async fn eventually<T>(mut attempt: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let trying = async {
        loop {
            if let Ok(value) = attempt().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), trying).await.expect("it never healed")
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_heals_without_a_restart() {
    let (store, disk, _folder) = store();
    assert_eq!(uid(store.create_user(person("before")).await), 1);
    disk.full.store(true, Ordering::Release);
    for name in ["lost", "lost2"] {
        let refused = store.create_user(person(name)).await;
        assert!(matches!(&refused, Err(StoreError::Unwritable(why)) if why.contains("space")), "{refused:?}");
    }
    disk.full.store(false, Ordering::Release);
    let after = eventually(async || store.create_user(person("after")).await).await;
    assert_eq!(uid(Ok(after)), 2);
    assert!(store.user_by_email(email("before").key()).await.unwrap().is_some());
    assert!(store.user_by_email(email("lost").key()).await.unwrap().is_none());
}

#[tokio::test]
async fn reads_go_on_after_a_write_has_failed() {
    let (store, disk, _folder) = store();
    uid(store.create_user(person("before")).await);
    disk.full.store(true, Ordering::Release);
    assert!(store.create_user(person("lost")).await.is_err());
    disk.full.store(false, Ordering::Release);
    // The file could not be opened again while not even its header could be written; now a read brings it back.
    let user = eventually(async || store.user_by_email(email("before").key()).await).await;
    assert!(user.is_some());
}

#[tokio::test]
async fn a_read_error_heals_without_a_restart() {
    let (store, disk, _folder) = uncached();
    uid(store.create_user(person("jack")).await);
    disk.unreadable.store(true, Ordering::Release);
    assert!(matches!(store.user_by_email(email("jack").key()).await, Err(StoreError::Unwritable(_))));
    disk.unreadable.store(false, Ordering::Release);
    assert!(eventually(async || store.user_by_email(email("jack").key()).await).await.is_some());
    assert_eq!(uid(store.create_user(person("jill")).await), 2);
}

#[tokio::test]
async fn a_file_that_can_not_be_opened_again_is_tried_until_it_can() {
    let (store, disk, _folder) = store();
    uid(store.create_user(person("jack")).await);
    disk.full.store(true, Ordering::Release);
    disk.closed.store(true, Ordering::Release);
    assert!(store.create_user(person("jill")).await.is_err());
    assert!(store.user_by_email(email("jack").key()).await.is_err());
    disk.full.store(false, Ordering::Release);
    disk.closed.store(false, Ordering::Release);
    assert!(eventually(async || store.user_by_email(email("jack").key()).await).await.is_some());
}

#[tokio::test]
async fn a_file_that_was_exchanged_is_not_taken_for_the_old_one() {
    let (store, disk, folder) = store();
    uid(store.create_user(person("jack")).await);
    let path = folder.path().join("store.redb");
    std::fs::remove_file(&path).unwrap();
    drop(RedbStore::open(&path, Timestamp::default()).unwrap());
    disk.full.store(true, Ordering::Release);
    assert!(store.create_user(person("jill")).await.is_err());
    disk.full.store(false, Ordering::Release);
    let refused = store.create_user(person("jill")).await;
    assert!(refused.is_err(), "{refused:?}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_answer_is_true_wherever_the_disk_fails() {
    let mut failures = 0;
    for access in 0.. {
        let (store, disk, _folder) = store();
        uid(store.create_user(person("jack")).await);
        disk.arm(access, Then::Fail);
        let answer = store.create_user(person("jill")).await;
        if !disk.has_struck() {
            break;
        }
        failures += 1;
        let found = eventually(async || store.user_by_email(email("jill").key()).await).await;
        assert_eq!(found.is_some(), answer.is_ok(), "access {access}: {answer:?}");
        let next = eventually(async || store.create_user(person("june")).await).await;
        assert_eq!(uid(Ok(next)), if answer.is_ok() { 3 } else { 2 });
    }
    assert!(failures > 5, "{failures}");
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_anywhere_starts_again() {
    let mut failures = 0;
    for access in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let disk = Disk::sound();
        disk.arm(access, Then::Fail);
        // After an error redb writes nothing more, so the file is what a kill would have left.
        if let Ok(_store) = start(&path, &disk, file::builder) {
            disk.arm(-1, Then::Fail);
            break;
        }
        failures += 1;
        let store = RedbStore::open(&path, Timestamp::default());
        let store = store.unwrap_or_else(|error| panic!("access {access}: {error}"));
        assert_eq!(uid(store.create_user(person("jack")).await), 1);
    }
    assert!(failures > 5, "{failures}");
}

#[test]
fn readers_never_wait_for_a_writer() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut waits = 0;
    for access in 0.. {
        let (store, disk, _folder) = store();
        let store = Arc::new(store);
        // The file grows in the first of these. That is the one step in which redb lets readers wait: for
        // the sync of a new length, each time the file doubles.
        for name in ["jack", "june", "joan"] {
            uid(runtime().block_on(store.create_user(person(name))));
        }
        disk.arm(access, Then::Wait);
        let writer = {
            let store = Arc::clone(&store);
            std::thread::spawn(move || runtime().block_on(store.create_user(person("jill"))))
        };
        while !disk.is_slow() && !writer.is_finished() {
            std::thread::yield_now();
        }
        if !disk.has_struck() {
            disk.arm(-1, Then::Fail);
            break;
        }
        waits += 1;
        let (done, read) = std::sync::mpsc::channel();
        let reader = Arc::clone(&store);
        std::thread::spawn(move || {
            let read = runtime().block_on(reader.user_by_email(email("jack").key()));
            done.send(read.map(|user| user.is_some())).unwrap();
        });
        let read = read.recv_timeout(Duration::from_secs(10));
        disk.set_slow(false);
        assert!(matches!(read, Ok(Ok(true))), "access {access}: {read:?}");
        uid(writer.join().unwrap());
    }
    assert!(waits > 5, "{waits}");
}

/// Sends all of these while the disk stands still, so that they meet in one batch.
async fn together(
    store: &Arc<RedbStore>,
    disk: &Disk,
    people: Vec<NewUser>,
) -> Vec<Result<CreatedUser, StoreError>> {
    disk.set_slow(true);
    let first = Arc::clone(store);
    let mut tasks = vec![tokio::spawn(async move { first.create_user(person("first")).await })];
    for new in people {
        let store = Arc::clone(store);
        tasks.push(tokio::spawn(async move { store.create_user(new).await }));
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    disk.set_slow(false);
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn writes_that_come_together_share_a_commit() {
    let (store, disk, _folder) = store();
    let store = Arc::new(store);
    let people = (0..63).map(|n| person(&format!("p{n}"))).collect();
    let mut uids: Vec<u64> = together(&store, &disk, people).await.into_iter().map(uid).collect();
    uids.sort_unstable();
    assert_eq!(uids, (1..=64).collect::<Vec<_>>());
    assert!(store.commits() <= 3, "{} commits for 64 writes", store.commits());
}

#[tokio::test]
async fn a_refused_write_leaves_no_trace_in_its_batch() {
    let (store, disk, _folder) = store();
    let store = Arc::new(store);
    let people = vec![person("jack"), NewUser { email: email("JACK"), ..person("other") }, person("jill")];
    let answers = together(&store, &disk, people).await;
    assert!(matches!(answers[2], Ok(CreatedUser::EmailTaken)), "{answers:?}");
    assert_eq!(store.user_by_email(email("jack").key()).await.unwrap().unwrap().username.as_str(), "jack");
    assert_eq!(store.user_by_email(email("jill").key()).await.unwrap().unwrap().id.number(), 3);
    assert!(store.user(UserId::new(4).unwrap()).await.unwrap().is_none());
    assert!(store.commits() <= 2);
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_no_commit() {
    let (store, _disk, _folder) = store();
    uid(store.create_user(person("jack")).await);
    assert!(matches!(store.create_user(person("jack")).await, Ok(CreatedUser::EmailTaken)));
    assert_eq!(store.commits(), 1);
}

#[tokio::test]
async fn a_panic_in_a_write_is_an_error_and_the_next_write_works() {
    let (store, _disk, _folder) = store();
    let answer: Result<(), _> = store
        .write(|tables| {
            tables.next_uid()?;
            std::panic::resume_unwind(Box::new("redb found a contradiction"))
        })
        .await;
    assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
    let answer: Result<(), _> =
        store.read(|_| std::panic::resume_unwind(Box::new("redb found a contradiction"))).await;
    assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
    let created = eventually(async || store.create_user(person("jack")).await).await;
    assert_eq!(uid(Ok(created)), 1);
}

#[tokio::test]
async fn a_damaged_record_is_an_error_for_those_who_need_it_alone() {
    let (store, _disk, folder) = store();
    uid(store.create_user(person("jack")).await);
    uid(store.create_user(person("jill")).await);
    store.close().await.unwrap();
    let path = folder.path().join("store.redb");
    let database = file::builder().open(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(layout::USERS).unwrap().insert(1, [7, 7].as_slice()).unwrap();
    write.commit().unwrap();
    drop(database);
    let store = RedbStore::open(&path, Timestamp::default()).unwrap();
    let jack = UserId::new(1).unwrap();
    let now = Timestamp::default();
    assert!(matches!(store.user(jack).await, Err(StoreError::Damaged(why)) if why.contains("user 1")));
    assert!(matches!(store.set_active(jack, false, now, now).await, Err(StoreError::Damaged(_))));
    assert!(store.user(UserId::new(2).unwrap()).await.unwrap().is_some());
    assert_eq!(uid(store.create_user(person("june")).await), 3);
}

#[tokio::test]
async fn closing_finishes_what_is_queued() {
    let (store, disk, folder) = store();
    let store = Arc::new(store);
    disk.set_slow(true);
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.create_user(person(&format!("p{n}"))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let closing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.close().await })
    };
    tokio::task::yield_now().await;
    disk.set_slow(false);
    closing.await.unwrap().unwrap();
    for task in tasks {
        uid(task.await.unwrap());
    }
    assert!(matches!(store.create_user(person("late")).await, Err(StoreError::Closed)));
    assert!(matches!(store.user(UserId::new(1).unwrap()).await, Err(StoreError::Closed)));
    let again = RedbStore::open(&folder.path().join("store.redb"), Timestamp::default()).unwrap();
    assert!(again.user(UserId::new(20).unwrap()).await.unwrap().is_some());
}
