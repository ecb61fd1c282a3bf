//! A user whose password was hashed elsewhere signs in, and from then on their hash is one of ours.

use sidegate::hashing::{Kind, recognise};
use sidegate::store::{CreatedUser, NewUser};
use sidegate::types::{Email, Secret, Timestamp, UserId, Username};

use crate::support::Gate;

/// What Python's bcrypt 4.0.1 and passlib 1.7.4 made of [`PASSWORD`].
const PASSWORD: &str = "correct horse é";
const BCRYPT: &str = "$2b$04$nwM3PoIkJopZ/h/TjJ0aCefiOcjBuAs01rTm0/f5Yr1FPywlmAYqS";
const FASTAPI: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$5Jyzdi5lDCHkvNfae4/R2g$/GnI0KhjyNATmGe+KVTnxDTLpRoHJ7RjMh2Qwvb40UA";

#[test]
fn a_hash_from_elsewhere_signs_in_and_is_renewed_at_once() {
    for (hash, kind) in [(BCRYPT, Kind::Bcrypt), (FASTAPI, Kind::Argon2)] {
        let gate = Gate::start();
        assert_eq!(recognise(&Secret::new(hash.to_owned())), Ok(kind));
        let new = NewUser {
            email: Email::parse("jack@example.com").unwrap(),
            username: Username::parse("Jack").unwrap(),
            password: Some(Secret::new(hash.to_owned())),
            roles: Vec::new(),
            email_verified: false,
            created: Timestamp::default(),
        };
        let created = Gate::wait(gate.services().store.create_user(new)).unwrap();
        assert!(matches!(created, CreatedUser::Created(_)));
        let kept = || {
            let user = Gate::wait(gate.services().accounts.user(UserId::new(1).unwrap())).unwrap().unwrap();
            user.password.unwrap().reveal().to_owned()
        };
        let sign_in = |password: &str| {
            let body = format!(r#"{{"email":"jack@example.com","password":"{password}"}}"#);
            gate.post("/auth/signin", &body, "").status
        };
        assert_eq!((sign_in("wrong"), kept().as_str()), (401, hash));
        assert_eq!(sign_in(PASSWORD), 200);
        let renewed = kept();
        assert!(renewed.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{renewed:.40}");
        assert_eq!((sign_in(PASSWORD), sign_in("wrong")), (200, 401));
        assert_eq!(kept(), renewed);
    }
}
