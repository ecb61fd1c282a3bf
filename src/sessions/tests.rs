//! The rules of sessions, through `Sessions` over a store in memory.

use std::sync::atomic::Ordering;

use super::*;
use crate::config::settings::{Algorithm, Delivery};
use crate::tokens::TokenFault;
use crate::types::{Email, Role, Username};

mod administration;
mod endings;
mod keys;
pub(crate) mod memory;
mod own;
mod renewals;

use memory::Memory;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const ACCESS: Duration = Duration::from_mins(15);
const IDLE: Duration = Duration::from_hours(30 * 24);
const ABSOLUTE: Duration = Duration::from_hours(90 * 24);

/// A database, a clock, and the sessions over them.
struct House {
    store: Arc<Memory>,
    clock: Clock,
    tokens: Tokens,
    sessions: Sessions,
    audit: tempfile::NamedTempFile,
}

impl House {
    async fn new() -> Self {
        let store = Arc::new(Memory::with((1..=8).map(user)));
        let origin = store.origin().await.unwrap();
        let key = crate::tokens::keys::generate(Algorithm::EdDsa, NOW).unwrap();
        let kept = store.ensure_signing_key(key).await.unwrap();
        let tokens = Tokens::new(&settings(), &origin, &kept).unwrap();
        let (clock, audit) = (Clock::manual(NOW), tempfile::NamedTempFile::new().unwrap());
        let sessions = open(&store, &tokens, &clock, &audit).await;
        Self { store, clock, tokens, sessions, audit }
    }

    /// Another process over the same database.
    async fn restarted(&self) -> Sessions {
        open(&self.store, &self.tokens, &self.clock, &self.audit).await
    }

    async fn sign_in(&self, uid: u64) -> Issued {
        self.sessions.start(&user(uid), Device::default(), None).await.unwrap()
    }

    /// What the gate would say to this access token.
    fn lets_in(&self, access: &Minted) -> bool {
        let claims = self.tokens.verify_access(access.token.reveal(), self.clock.now());
        claims.is_ok_and(|claims| {
            let revocations = self.sessions.revocations();
            let roles = Role::joined(&claims.roles);
            let says = Says {
                roles: &roles,
                email: claims.email.as_deref(),
                username: claims.username.as_deref(),
                verified: claims.verified,
            };
            !revocations.is_revoked(claims.session) && !revocations.is_outdated(claims.user, says)
        })
    }

    /// The access token of `issued` is seen by the gate.
    async fn present(&self, issued: &Issued) {
        let claims = self.tokens.verify_access(issued.access.token.reveal(), self.clock.now()).unwrap();
        self.sessions.note_presented(claims.session, claims.generation).await.unwrap();
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    fn audited(&self) -> String {
        std::fs::read_to_string(self.audit.path()).unwrap()
    }

    fn fill_disk(&self, full: bool) {
        self.store.full.store(full, Ordering::Relaxed);
    }
}

async fn open(
    store: &Arc<Memory>,
    tokens: &Tokens,
    clock: &Clock,
    audit: &tempfile::NamedTempFile,
) -> Sessions {
    let audit = Audit::open(Some(audit.path())).unwrap();
    Sessions::open(store.clone(), tokens.clone(), clock.clone(), &settings(), audit).await.unwrap()
}

fn settings() -> settings::Tokens {
    settings::Tokens {
        algorithm: Algorithm::EdDsa,
        secret: None,
        access_ttl: ACCESS,
        refresh_ttl: IDLE,
        session_ttl: ABSOLUTE,
        delivery: Delivery::Cookie,
        rotate_keys: None,
        silent_refresh: true,
        issuer: None,
        audience: None,
        particulars: settings::Particulars::default(),
    }
}

fn user(uid: u64) -> User {
    User {
        id: UserId::new(uid).unwrap(),
        email: Email::parse(&format!("user{uid}@example.com")).unwrap(),
        username: Username::parse("user").unwrap(),
        password: None,
        active: true,
        roles: Vec::new(),
        email_verified: false,
        created: NOW,
        updated: NOW,
    }
}

#[tokio::test]
async fn a_sign_in_gives_a_pair_that_works() {
    let house = House::new().await;
    let device = Device { address: Some([192, 0, 2, 1].into()), agent: "é".repeat(200) };
    let issued = house.sessions.start(&user(1), device, None).await.unwrap();
    assert!(house.lets_in(&issued.access));
    assert_eq!(issued.access.lifetime, ACCESS);
    assert_eq!(issued.refresh_lifetime, IDLE);
    assert_eq!(issued.session.generation, 1);
    assert_eq!(issued.session.address, Some([192, 0, 2, 1].into()));
    assert_eq!(issued.session.agent, "é".repeat(128));
    let claims = house.tokens.verify_refresh(issued.refresh.reveal(), NOW).unwrap();
    assert_eq!((claims.session, claims.generation), (issued.session.id, 1));
}

#[tokio::test]
async fn a_sign_in_always_starts_a_new_session_and_ends_the_one_it_replaces() {
    let house = House::new().await;
    let (first, other) = (house.sign_in(1).await, house.sign_in(1).await);
    let replaces = Some(first.session.id);
    let second = house.sessions.start(&user(2), Device::default(), replaces).await.unwrap();
    assert!(!house.lets_in(&first.access));
    assert!(house.lets_in(&second.access) && house.lets_in(&other.access));
    let refreshed = house.sessions.refresh(first.refresh.reveal(), None).await;
    assert!(matches!(refreshed, Err(RefreshError::Gone)));
}

#[tokio::test]
async fn who_was_disabled_while_signing_in_gets_no_session_and_ends_none() {
    let house = House::new().await;
    let other = house.sign_in(2).await;
    house.store.edit_user(user(1).id, |user| user.active = false);
    let started = house.sessions.start(&user(1), Device::default(), Some(other.session.id)).await;
    assert!(matches!(started, Err(StartError::UserGone)));
    assert!(house.lets_in(&other.access));
}

#[tokio::test]
async fn a_sign_in_that_is_not_on_disk_gives_no_tokens() {
    let house = House::new().await;
    house.fill_disk(true);
    let started = house.sessions.start(&user(1), Device::default(), None).await;
    assert!(matches!(started, Err(StartError::Store(StoreError::Unwritable(_)))));
}

#[tokio::test]
async fn a_session_is_known_by_its_genuine_tokens_though_they_have_expired() {
    let house = House::new().await;
    let (one, two) = (house.sign_in(1).await, house.sign_in(2).await);
    house.clock.advance(ABSOLUTE);
    let (access, refresh) = (one.access.token.reveal(), one.refresh.reveal());
    let forged = format!("{refresh}A");
    let of = |access, refresh| house.sessions.session_of(access, refresh);
    assert_eq!(of(Some(access), Some(refresh)), [one.session.id]);
    assert_eq!(of(None, Some(refresh)), [one.session.id]);
    assert_eq!(of(Some(access), Some(two.refresh.reveal())), [one.session.id, two.session.id]);
    assert_eq!(of(Some(refresh), Some(access)), []);
    assert_eq!(of(Some("x.y.z"), Some(&forged)), []);
    assert_eq!(of(None, None), []);
    let now = house.clock.now();
    assert_eq!(house.tokens.verify_access(access, now), Err(TokenFault::Expired));
}

#[tokio::test]
async fn the_store_is_told_once_that_a_pair_was_presented() {
    let house = House::new().await;
    let first = house.sign_in(1).await;
    let before = house.store.writes.load(Ordering::Relaxed);
    house.present(&first).await;
    assert_eq!(house.store.writes.load(Ordering::Relaxed), before, "the first pair has no predecessor");
    let second = house.sessions.refresh(first.refresh.reveal(), None).await.unwrap();
    for _ in 0..3 {
        house.present(&second).await;
    }
    assert_eq!(house.store.writes.load(Ordering::Relaxed), before + 2, "the rotation and one note");
    let third = house.sessions.refresh(second.refresh.reveal(), None).await.unwrap();
    house.fill_disk(true);
    let noted = house.sessions.note_presented(third.session.id, 3).await;
    assert!(noted.is_err());
    house.fill_disk(false);
    house.present(&third).await;
    let (record, _) = house.store.session(third.session.id).await.unwrap().unwrap();
    assert_eq!(record.presented, [(2, NOW), (3, NOW)], "what could not be written is tried again");
}

#[tokio::test]
async fn sweeping_forgets_what_has_run_out_and_nothing_else() {
    let house = House::new().await;
    let (old, ended) = (house.sign_in(1).await, house.sign_in(1).await);
    house.sessions.end(ended.session.id).await.unwrap();
    house.clock.advance(ACCESS);
    assert_eq!(house.sessions.sweep_once().await.unwrap(), 0);
    assert!(house.sessions.revocations().is_revoked(ended.session.id));
    house.clock.advance(REMEMBER_SLACK + Duration::from_millis(1));
    assert_eq!(house.sessions.sweep_once().await.unwrap(), 1);
    assert!(house.sessions.revocations().is_empty());
    for number in 0..1100 {
        house.sign_in(2 + number % 7).await;
    }
    house.clock.advance(IDLE);
    house.advance(1);
    let young = house.sign_in(1).await;
    assert_eq!(house.sessions.sweep_once().await.unwrap(), 1101);
    assert!(house.store.session(old.session.id).await.unwrap().is_none());
    assert!(house.store.session(young.session.id).await.unwrap().is_some());
}
