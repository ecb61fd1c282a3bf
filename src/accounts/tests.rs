//! A sign-in that meets a change of its user half way.

use super::*;
use crate::config;
use crate::hashing::{HashError, Hasher};
use crate::metrics::SignIns;
use crate::sessions::tests::memory::Memory;
use crate::sessions::{Device, Issued};
use crate::store::User;
use crate::tokens::Tokens;
use crate::types::{Email, Password, PasswordHash, Role, Secret, Timestamp, Username};

mod self_service;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const SETTINGS: &str = "upstream.url = \"http://127.0.0.1:1\"\ntokens.secret = \"an HMAC secret of more than 32 bytes\"\n\
    passwords.memory = \"64KiB\"\npasswords.iterations = 1\npasswords.workers = 1\n";

struct House {
    store: Arc<Memory>,
    hasher: Hasher,
    accounts: Accounts,
}

impl House {
    /// With one user, whose password this is.
    async fn with(password: &str) -> Self {
        let settings = config::from_toml(SETTINGS, &config::env::Fixed::default()).unwrap().settings;
        let hasher = Hasher::start(&settings.passwords).unwrap();
        let user = User {
            id: UserId::new(1).unwrap(),
            email: Email::parse("jack@example.com").unwrap(),
            username: Username::parse("jack").unwrap(),
            password: hasher.hash(self::password(password)).await.ok(),
            active: true,
            roles: Vec::new(),
            email_verified: false,
            created: NOW,
            updated: NOW,
        };
        let store = Arc::new(Memory::with([user]));
        let tokens = Tokens::new(&settings.tokens, &store.origin().await.unwrap(), &[]).unwrap();
        let (clock, audit) = (Clock::manual(NOW), Audit::default());
        let sessions =
            Sessions::open(store.clone(), tokens.clone(), clock.clone(), &settings.tokens, audit.clone())
                .await
                .unwrap();
        let services = Services {
            store: store.clone(),
            hasher: hasher.clone(),
            mail: None,
            limits: Limits::new(),
            sessions,
            tokens,
            audit,
            signins: SignIns::default(),
            clock,
        };
        Self { store, hasher, accounts: Accounts::new(services, &settings) }
    }

    async fn hash(&self, text: &str) -> PasswordHash {
        self.hasher.hash(password(text)).await.unwrap()
    }

    /// Right after a sign-in has looked its user up, the user is changed.
    fn meanwhile(&self, edit: impl FnOnce(&mut User) + Send + 'static) {
        self.store.meanwhile.lock().unwrap().push_back(Box::new(edit));
    }

    async fn sign_in(&self, text: &str) -> Result<Issued, SignInError> {
        let attempt = SignIn {
            email: Email::parse("jack@example.com"),
            password: password(text),
            device: Device::default(),
            known: None,
            replaces: Vec::new(),
        };
        self.accounts.sign_in(attempt).await
    }

    async fn sessions(&self) -> u64 {
        self.store.session_count().await.unwrap()
    }
}

/// With other parameters than are configured.
async fn hash_of_elsewhere(text: &str) -> PasswordHash {
    let strong = "passwords.memory = \"128KiB\"\npasswords.iterations = 2\n";
    let settings = SETTINGS.lines().filter(|line| !line.contains("memory") && !line.contains("iterations"));
    let settings = settings.fold(strong.to_owned(), |text, line| text + line + "\n");
    let settings = config::from_toml(&settings, &config::env::Fixed::default()).unwrap().settings;
    Hasher::start(&settings.passwords).unwrap().hash(password(text)).await.unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[tokio::test]
async fn a_password_that_was_changed_during_the_sign_in_opens_nothing_any_more() {
    let house = House::with("old").await;
    let new = house.hash("new").await;
    house.meanwhile(|user| user.password = Some(new));
    assert!(matches!(house.sign_in("old").await, Err(SignInError::Wrong)));
    assert_eq!(house.sessions().await, 0);
    assert!(house.sign_in("new").await.is_ok());
}

#[tokio::test]
async fn a_hash_that_was_renewed_during_the_sign_in_is_of_the_same_password() {
    let house = House::with("secret").await;
    let renewed = house.hash("secret").await;
    house.meanwhile(|user| user.password = Some(renewed));
    assert!(house.sign_in("secret").await.is_ok());
    assert_eq!(house.sessions().await, 1);
}

#[tokio::test]
async fn a_sign_in_that_renews_the_hash_itself_succeeds_at_once() {
    let house = House::with("secret").await;
    let old = hash_of_elsewhere("secret").await;
    let before = old.clone();
    house.store.edit_user(UserId::new(1).unwrap(), |user| user.password = Some(old));
    // A second look-up would meet this and fail.
    house.meanwhile(|_| {});
    house.meanwhile(|user| user.active = false);
    let issued = house.sign_in("secret").await.unwrap();
    assert!(issued.user.password.unwrap() != before, "it was renewed");
}

#[tokio::test]
async fn a_password_that_never_stands_still_is_refused() {
    let house = House::with("secret").await;
    for _ in 0..3 {
        let renewed = house.hash("secret").await;
        house.meanwhile(|user| user.password = Some(renewed));
    }
    assert!(matches!(house.sign_in("secret").await, Err(SignInError::Wrong)));
    assert_eq!(house.sessions().await, 0);
    assert!(house.sign_in("secret").await.is_ok());
}

#[tokio::test]
async fn roles_that_changed_during_the_sign_in_are_the_ones_that_it_gives() {
    let house = House::with("secret").await;
    house.meanwhile(|user| user.roles = vec![Role::parse("admin").unwrap()]);
    let issued = house.sign_in("secret").await.unwrap();
    assert_eq!(Role::joined(&issued.user.roles), "admin");
}

#[tokio::test]
async fn who_has_no_password_does_not_sign_in() {
    let house = House::with("secret").await;
    house.store.edit_user(UserId::new(1).unwrap(), |user| user.password = None::<Secret<String>>);
    assert!(matches!(house.sign_in("secret").await, Err(SignInError::Wrong)));
}

/// The only user there is, whom everybody unknown has for a decoy.
#[tokio::test]
async fn a_decoys_password_is_nobodys_who_is_not_them() {
    let house = House::with("secret").await;
    // The second would be renewed by a right guess.
    for hash in [house.hash("secret").await, hash_of_elsewhere("secret").await] {
        let kept = hash.clone();
        house.store.edit_user(UserId::new(1).unwrap(), |user| user.password = Some(kept));
        for email in [Some("nobody@example.com"), None] {
            let attempt = SignIn {
                email: email.and_then(Email::parse),
                password: password("secret"),
                device: Device::default(),
                known: None,
                replaces: Vec::new(),
            };
            assert!(matches!(house.accounts.sign_in(attempt).await, Err(SignInError::Wrong)));
        }
        assert_eq!(house.sessions().await, 0);
        let user = house.store.user(UserId::new(1).unwrap()).await.unwrap().unwrap();
        assert!(user.password == Some(hash), "nothing is renewed");
    }
}

#[tokio::test]
async fn a_disabled_users_right_password_is_a_wrong_one() {
    let house = House::with("secret").await;
    house.store.edit_user(UserId::new(1).unwrap(), |user| user.active = false);
    assert!(matches!(house.sign_in("secret").await, Err(SignInError::Wrong)));
    assert_eq!(house.sessions().await, 0);
}

/// Whoever can fill the disk gains no guess by it, and is told nothing else.
#[tokio::test]
async fn attempts_that_can_not_be_written_down_count_all_the_same() {
    let house = House::with("secret").await;
    house.store.full.store(true, std::sync::atomic::Ordering::Relaxed);
    for _ in 0..10 {
        assert!(matches!(house.sign_in("wrong").await, Err(SignInError::Wrong)));
    }
    assert!(matches!(house.sign_in("wrong").await, Err(SignInError::Limited(_))));
}

#[tokio::test]
async fn an_attempt_counts_until_it_is_said_to_have_been_none() {
    let house = House::with("secret").await;
    let account = Email::parse("jack@example.com").unwrap().key().clone();
    let claim = Claim { account: Some(&account), address: None, device: None };
    let under_way: Vec<_> = (0..10).map(|_| house.accounts.admit_attempt(claim).unwrap()).collect();
    assert!(house.accounts.admit_attempt(claim).is_err());
    under_way.into_iter().for_each(Attempt::refund);
    for _ in 0..10 {
        house.accounts.admit_attempt(claim).unwrap().stands().await;
    }
    assert!(house.accounts.admit_attempt(claim).is_err());
}

/// Seen: ten retries with a timeout of a second, in a flood of others' sign-ins, and the owner was limited.
#[tokio::test]
async fn an_attempt_whose_client_left_before_its_password_was_looked_at_is_none() {
    let house = House::with("secret").await;
    let held = house.hasher.hold();
    for _ in 0..20 {
        let attempt = house.sign_in("wrong");
        tokio::select! {
            biased;
            _ = attempt => panic!("nobody hashes"),
            () = std::future::ready(()) => {}
        }
    }
    // They did wait in the queue, and then somebody hashes again.
    assert!(house.hasher.waiting() >= 20);
    drop(held);
    assert!(house.sign_in("secret").await.is_ok());
}

/// But each took a place in the queue for a while, which one client must not fill for nothing.
#[tokio::test]
async fn attempts_whose_clients_left_in_the_queue_count_for_their_network() {
    let house = House::with("secret").await;
    for number in 0..100 {
        let account = Email::parse(&format!("x{number}@example.com")).unwrap().key().clone();
        let claim = Claim { account: Some(&account), address: None, device: None };
        drop(house.accounts.admit_attempt(claim).unwrap().with_begun(crate::hashing::Begun::default()));
    }
    assert!(matches!(house.sign_in("secret").await, Err(SignInError::Limited(_))));
}

/// Whoever hangs up when the hash is under way may have learnt something, or have opened a session.
#[tokio::test]
async fn an_attempt_whose_client_left_after_its_password_was_looked_at_counts() {
    let house = House::with("secret").await;
    let account = Email::parse("jack@example.com").unwrap().key().clone();
    let claim = Claim { account: Some(&account), address: None, device: None };
    for _ in 0..10 {
        let begun = crate::hashing::Begun::default();
        let attempt = house.accounts.admit_attempt(claim).unwrap().with_begun(begun.clone());
        house.hasher.noting(&begun).verify(password("wrong"), None).await.unwrap();
        drop(attempt);
    }
    assert!(house.accounts.admit_attempt(claim).is_err());
}

/// Seen: with a full queue made-up names were counted and given back for nothing.
#[tokio::test]
async fn a_full_queue_refuses_before_anything_is_counted() {
    let house = House::with("secret").await;
    let account = Email::parse("jack@example.com").unwrap().key().clone();
    let claim = Claim { account: Some(&account), address: None, device: None };
    let _under_way: Vec<_> = (0..10).map(|_| house.accounts.admit_attempt(claim).unwrap()).collect();
    assert!(matches!(house.sign_in("secret").await, Err(SignInError::Limited(_))));
    let _held: Vec<_> = (0..=64).map(|_| house.hasher.hold()).collect();
    assert!(matches!(house.sign_in("secret").await, Err(SignInError::Hash(HashError::Busy))));
}

/// Seen: a row that can't be read was a 500 for exactly those unknown addresses for which it was to stand in.
#[tokio::test]
async fn a_user_who_can_not_be_read_stands_in_for_nobody_and_is_nobody_elses_fault() {
    let house = House::with("secret").await;
    house.store.unlisted.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(house.sign_in("wrong").await, Err(SignInError::Wrong)));
    assert!(house.sign_in("secret").await.is_ok());
}
