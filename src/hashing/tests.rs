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

/// What passlib makes of it in the FastAPI project, with its defaults and as Argon2i.
const FASTAPI: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$5Jyzdi5lDCHkvNfae4/R2g$/GnI0KhjyNATmGe+KVTnxDTLpRoHJ7RjMh2Qwvb40UA";
const FASTAPI_I: &str =
    "$argon2i$v=19$m=65536,t=3,p=4$lFJqrTUGgNCaM2aM8R7D+A$uB9psfHecFMJCMMoO6epRt0jRpOEHuBChZ1XOzNvHkc";
/// Hashes that Python's bcrypt 4.0.1 made of [`PASSWORD`]; `2y` is how PHP names its own, which are the same.
const BCRYPT_2A: &str = "$2a$04$sydAzhqIx8TMdh4jnyxy4um57uZCqXCqc1DtJFYEvk4Y24T0mtyCi";
const BCRYPT_2B: &str = "$2b$04$nwM3PoIkJopZ/h/TjJ0aCefiOcjBuAs01rTm0/f5Yr1FPywlmAYqS";
const BCRYPT_2Y: &str = "$2y$05$xfiLq5imusgy7GoGTRcJ5er9ryy.TJsgc/4XE3mt8lXZFgzwwT4Zi";
const BCRYPT_12: &str = "$2b$12$PYrxdPdQ.Veh18X9VTXu8OfZdujsFtm4o1eBen8JbWx/1vUvJOJA6";
/// passlib's, of the same.
const PASSLIB_BCRYPT: &str = "$2b$06$C2QXgY1sMHt1U/qi1fFDAOP.sI9eYAqrFAhUiD8qhEcvr4fhJNS7S";
const PASSLIB_SHA256: &str =
    "$bcrypt-sha256$v=2,t=2b,r=4$F4K1e0yjKTcLD2i54DHNte$jZKZ6HejLFcOpKB3KyOqQbxQ8Nh8yT.";
const PASSLIB_SHA256_1: &str = "$bcrypt-sha256$2b,4$UFA9RN91a9C9MhEj5JOjgu$j7dAZd5RNfyEGNmzjuVfWOGWxtNCUAK";
/// Of [`PASSWORD`] eight times in a row: 128 bytes.
const BCRYPT_LONG: &str = "$2b$04$tiBnCrIX5nzwL1MH0GULVe/fnUugNk.PSyfGZ86hyHD1fNlsOh/o2";
/// Of `x` 72 times in a row.
const BCRYPT_72: &str = "$2b$04$pLFk4RjypcsokBG1DMgseOba/tluwywMkrNjvPNgDnr9LoL3ixsbC";
/// Of `x` 100 times in a row.
const PASSLIB_SHA256_100: &str =
    "$bcrypt-sha256$v=2,t=2b,r=4$RIEF0nUrLl1C63UKpFbcdO$Ezx9XMKDLnBkPj9jKGzoGVxhZQ3vGnC";
/// Of `a`, and of `a\0b`: bcrypt 4.0.1 takes a NUL for what it is.
const BCRYPT_A: &str = "$2b$04$NKO.MYx06jwh03Hleg5zk.GcsW3G2tH29Z04wRztwLicTr9h/iNDW";
const BCRYPT_A_NUL_B: &str = "$2b$04$4HUoAPvcJSRJ.CcxXh2DFeg0OtFMPBb6TNEoQewtsKA5TBFZkE9/u";

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
async fn a_hash_from_elsewhere_verifies_and_is_renewed() {
    let hasher = hasher();
    let argon2 = [CFFI, PASSLIB, ARGON2I, ARGON2D, LONG, FASTAPI, FASTAPI_I];
    let bcrypt = [BCRYPT_2A, BCRYPT_2B, BCRYPT_2Y, BCRYPT_12];
    let passlib = [PASSLIB_BCRYPT, PASSLIB_SHA256, PASSLIB_SHA256_1];
    for foreign in argon2.into_iter().chain(bcrypt).chain(passlib) {
        assert_eq!(
            hasher.verify(password("other"), Some(stored(foreign))).await,
            Ok(Verified::Wrong),
            "{foreign}"
        );
        let Ok(Verified::RightRenew(new)) = hasher.verify(password(PASSWORD), Some(stored(foreign))).await
        else {
            panic!("{foreign}");
        };
        assert!(new.reveal().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{foreign}");
        assert_eq!(hasher.verify(password(PASSWORD), Some(new)).await, Ok(Verified::Right));
    }
}

#[tokio::test]
async fn bcrypt_cuts_a_password_where_its_maker_did_and_the_new_hash_does_not() {
    let hasher = hasher();
    let long = PASSWORD.repeat(8);
    let Ok(Verified::RightRenew(new)) = hasher.verify(password(&long), Some(stored(BCRYPT_LONG))).await
    else {
        panic!("a long password no longer signs in");
    };
    assert_eq!(hasher.verify(password(&long), Some(new.clone())).await, Ok(Verified::Right));
    assert_eq!(hasher.verify(password(&format!("{long}!")), Some(new)).await, Ok(Verified::Wrong));
    for (length, right) in [(71, false), (72, true), (73, true), (1024, true)] {
        let verified = hasher.verify(password(&"x".repeat(length)), Some(stored(BCRYPT_72))).await.unwrap();
        assert_eq!(verified != Verified::Wrong, right, "{length}");
    }
    for (length, right) in [(72, false), (99, false), (100, true), (101, false)] {
        let given = password(&"x".repeat(length));
        let verified = hasher.verify(given, Some(stored(PASSLIB_SHA256_100))).await.unwrap();
        assert_eq!(verified != Verified::Wrong, right, "{length}");
    }
}

#[tokio::test]
async fn bcrypt_takes_no_password_with_a_nul_in_it() {
    let hasher = hasher();
    for (given, hash, right) in [
        ("a", BCRYPT_A, true),
        ("a\0a", BCRYPT_A, false),
        ("a\0", BCRYPT_A, false),
        ("a\0b", BCRYPT_A, false),
        ("a\0b", BCRYPT_A_NUL_B, false),
    ] {
        let verified = hasher.verify(password(given), Some(stored(hash))).await.unwrap();
        assert_eq!(verified != Verified::Wrong, right, "{given:?}");
    }
    let behind_the_cut = password(&format!("{}\0", "x".repeat(72)));
    assert_eq!(hasher.verify(behind_the_cut, Some(stored(BCRYPT_72))).await, Ok(Verified::Wrong));
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

/// Seen: with `passwords.iterations = 11` each sign-in renewed its hash to one that was then refused for ever.
#[test]
fn the_costliest_hash_that_the_settings_allow_can_be_verified() {
    let cost = (Passwords::MAX_MEMORY_KIB, Passwords::MAX_ITERATIONS, Passwords::MAX_PARALLELISM);
    let hash = CFFI.replace("m=65536,t=3,p=4", &format!("m={},t={},p={}", cost.0, cost.1, cost.2));
    assert!(recognise(&stored(&hash)).is_ok(), "{hash}");
    let settings = |memory: u32, iterations, lanes| {
        crate::config::from_toml(
            &format!(
                "upstream.url = \"http://127.0.0.1:1\"\npasswords.memory = \"{memory}KiB\"\n\
                 passwords.iterations = {iterations}\npasswords.parallelism = {lanes}\n"
            ),
            &crate::config::env::Fixed::default(),
        )
    };
    assert!(settings(cost.0, cost.1, cost.2).is_ok());
    for (memory, iterations, lanes) in [(cost.0 + 1, 1, 1), (65536, cost.1 + 1, 1), (65536, 1, cost.2 + 1)] {
        assert_eq!(
            settings(memory, iterations, lanes).unwrap_err().len(),
            1,
            "{memory} {iterations} {lanes}"
        );
    }
}

#[tokio::test]
async fn a_full_queue_is_an_answer_and_not_a_wait() {
    let hasher = Hasher::start(&settings(64, 1)).unwrap();
    let (go_on, until) = channel();
    let (reply, held) = oneshot::channel();
    hasher.queue.send(hasher.job(Task::Wait { until, reply })).unwrap();
    let (reply, skipped) = oneshot::channel();
    // Only has a place once the thread has taken the first: from then on thread and queue are both full.
    hasher.queue.send(hasher.job(Task::Hash { password: password("secret"), reply })).unwrap();
    // The first gives its place up as it is begun.
    while hasher.waiting() > 1 {
        std::thread::yield_now();
    }
    assert!(!hasher.has_room());
    assert_eq!(hasher.hash(password("secret")).await, Err(HashError::Busy));
    assert_eq!(hasher.waiting(), 1, "who was refused does not wait");
    drop(skipped);
    go_on.send(()).unwrap();
    held.await.unwrap();
    let (reply, next) = oneshot::channel();
    hasher.queue.send(hasher.job(Task::Hash { password: password("secret"), reply })).unwrap();
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn a_panicking_job_takes_no_thread_with_it() {
    let hasher = hasher();
    assert_eq!(hasher.ask(|reply| Task::Panic { _reply: reply }).await, Err(HashError::Failed));
    assert!(hasher.hash(password("secret")).await.is_ok());
}
