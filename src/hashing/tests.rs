//! Rules of hashing.

use std::sync::mpsc::channel;

use super::*;
use crate::types::Secret;

/// Hashes that Python's argon2-cffi 25.1 and passlib 1.7.4 made of [`PASSWORD`].
const PASSWORD: &str = "correct horse é";
const CFFI: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$ovQkBJ4yTKsiPLFgbCDe8auKlIA3iMcDLWkNLVsb57M";
const PASSLIB: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$mnOu1TpHKAXA+N+715rzPg$ayub47V5ER4OKx8Evr55NIe+TXgsXGS+g0gFrpxZWio";
const ARGON2I: &str =
    "$argon2i$v=19$m=512,t=3,p=1$c2FsdHNhbHRzYWx0$nYQV6UvLqpOeL4TLEJTn5zNTH76zIvp96tHVI+GrMaw";
const ARGON2D: &str =
    "$argon2d$v=19$m=512,t=2,p=2$c2FsdHNhbHRzYWx0$bKERmsmg+mvdfZIjAnyDyiHmxVgqo+G/YU/TlWQ4CGw";
const LONG: &str = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ETOpxx7jMxKSBSCFPksG9MrKyrijEh4P0AQeMfMJ1H5YcaHNExvgyZ7fHOSeiuixfQSlRv5p3F/vBHHXM67LjQ";
const SHORT: &str = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Pzg5zA+l3sdieyML";
const ELEVEN_PASSES: &str =
    "$argon2id$v=19$m=64,t=11,p=1$MDEyMzQ1Njc4OWFiY2RlZg$tQ0J0p34JJQCdfqnyTmnoKfpE6OroN2cRHoh3E0J6VA";
const VERSION_16: &str =
    "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$74veWW7Ld0rrAO8qQfhsgftI6ife/KYiJMthMi3qY3Y";

fn settings(memory_kib: u32, queue: usize) -> Passwords {
    Passwords {
        min_length: 8,
        block_common: false,
        memory_kib,
        iterations: 1,
        parallelism: 1,
        workers: 1,
        queue,
    }
}

fn hasher() -> Hasher {
    Hasher::start(&settings(64, 8)).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn stored(text: &str) -> PasswordHash {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn what_was_hashed_verifies_and_nothing_else_does() {
    let hasher = hasher();
    let hash = hasher.hash(password("secret")).await.unwrap();
    assert!(hash.reveal().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    assert_ne!(hash, hasher.hash(password("secret")).await.unwrap(), "each hash has a salt of its own");
    assert_eq!(hasher.verify(password("secret"), Some(hash.clone())).await, Ok(Verified::Right));
    for other in ["Secret", "secret ", "secre", "secret\0"] {
        assert_eq!(
            hasher.verify(password(other), Some(hash.clone())).await,
            Ok(Verified::Wrong),
            "{other:?}"
        );
    }
    assert_eq!(hasher.verify(password("secret"), None).await, Ok(Verified::Wrong));
}

#[tokio::test]
async fn a_hash_of_other_parameters_verifies_and_is_renewed() {
    let hasher = hasher();
    for foreign in [CFFI, PASSLIB, ARGON2I, ARGON2D, LONG] {
        assert_eq!(
            hasher.verify(password("other"), Some(stored(foreign))).await,
            Ok(Verified::Wrong),
            "{foreign}"
        );
        let Ok(Verified::RightRenew(new)) = hasher.verify(password(PASSWORD), Some(stored(foreign))).await
        else {
            panic!("{foreign}");
        };
        assert_eq!(hasher.verify(password(PASSWORD), Some(new)).await, Ok(Verified::Right));
    }
}

#[tokio::test]
async fn a_hash_that_is_out_of_bounds_or_unknown_is_wrong() {
    let hasher = hasher();
    let huge = CFFI.replace("m=65536", "m=4194304");
    let lanes = CFFI.replace("p=4", "p=17");
    let salt = CFFI.replace("MDEyMzQ1Njc4OWFiY2RlZg", "MDEy");
    let known = [SHORT, ELEVEN_PASSES, VERSION_16, &huge, &lanes, &salt];
    let unknown =
        ["", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=64,t=1,p=1", "$argon2id$$$$$"];
    for bad in known.into_iter().chain(unknown) {
        assert_eq!(hasher.verify(password(PASSWORD), Some(stored(bad))).await, Ok(Verified::Wrong), "{bad}");
    }
}

#[tokio::test]
async fn a_full_queue_is_an_answer_and_not_a_wait() {
    let hasher = Hasher::start(&settings(64, 1)).unwrap();
    let (go_on, until) = channel();
    let (reply, held) = oneshot::channel();
    hasher.queue.send(Job::new(Task::Wait { until, reply })).unwrap();
    let (reply, skipped) = oneshot::channel();
    // Only has a place once the thread has taken the first: from then on thread and queue are both full.
    hasher.queue.send(Job::new(Task::Hash { password: password("secret"), reply })).unwrap();
    assert_eq!(hasher.hash(password("secret")).await, Err(HashError::Busy));
    drop(skipped);
    go_on.send(()).unwrap();
    held.await.unwrap();
    let (reply, next) = oneshot::channel();
    hasher.queue.send(Job::new(Task::Hash { password: password("secret"), reply })).unwrap();
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn a_panicking_job_takes_no_thread_with_it() {
    let hasher = hasher();
    assert_eq!(hasher.ask(|reply| Task::Panic { _reply: reply }).await, Err(HashError::Failed));
    assert!(hasher.hash(password("secret")).await.is_ok());
}

#[test]
fn at_least_one_thread_hashes() {
    assert!(thread_count(0) >= 1);
    assert_eq!(thread_count(3), 3);
}
