//! The rules of tokens, through `Tokens` alone: what is made, what is published, and which keys count.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::settings::Delivery;
use crate::store::{Session, User};
use crate::types::{Email, Role, Timestamp, Username};

mod forged;
mod judged;
mod replaced;
mod vectors;

const ALGORITHMS: [Algorithm; 4] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256];
const SECRET: &str = "a secret of more than thirty-two bytes";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn settings(algorithm: Algorithm) -> settings::Tokens {
    settings::Tokens {
        algorithm,
        secret: (algorithm == Algorithm::Hs256).then(|| Secret::new(SECRET.to_owned())),
        access_ttl: Duration::from_mins(15),
        refresh_ttl: Duration::from_hours(30 * 24),
        session_ttl: Duration::from_hours(90 * 24),
        delivery: Delivery::Cookie,
        rotate_keys: None,
        silent_refresh: true,
        issuer: None,
        audience: None,
        particulars: settings::Particulars::default(),
    }
}

fn origin() -> Origin {
    Origin {
        issuer: "urn:sidegate:test".to_owned(),
        session_key: Secret::new(vec![1; 32]),
        refresh_key: Secret::new(vec![2; 32]),
    }
}

fn keys_for(algorithm: Algorithm) -> Vec<SigningKey> {
    match algorithm {
        Algorithm::Hs256 => Vec::new(),
        asymmetric => vec![keys::generate(asymmetric, NOW).unwrap()],
    }
}

fn tokens(algorithm: Algorithm) -> Tokens {
    Tokens::new(&settings(algorithm), &origin(), &keys_for(algorithm)).unwrap()
}

fn jack() -> User {
    User {
        id: UserId::new(7).unwrap(),
        email: Email::parse("jack@example.com").unwrap(),
        username: Username::parse("jack").unwrap(),
        password: None,
        active: true,
        roles: vec![Role::parse("admin").unwrap(), Role::parse("editor").unwrap()],
        email_verified: true,
        created: NOW,
        updated: NOW,
    }
}

fn session(tokens: &Tokens) -> Session {
    Session {
        id: tokens.new_session_id(jack().id),
        user: jack().id,
        started: NOW,
        generation: 3,
        issued: NOW,
        expires: NOW.plus(Duration::from_hours(30 * 24)),
        presented: Vec::new(),
        address: None,
        agent: String::new(),
    }
}

fn access(tokens: &Tokens) -> String {
    tokens.mint_access(&session(tokens), &jack(), NOW).unwrap().token.reveal().clone()
}

fn part(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    let encoded = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(encoded).unwrap())
        .unwrap()
}

#[test]
fn an_access_token_says_what_the_contract_says() {
    for algorithm in ALGORITHMS {
        let tokens = tokens(algorithm);
        let session = session(&tokens);
        let minted = tokens.mint_access(&session, &jack(), NOW).unwrap();
        let token = minted.token.reveal();
        assert_eq!(minted.lifetime, Duration::from_mins(15));
        let (header, claims) = (part(token, 0), part(token, 1));
        let kid = header["kid"].as_str().unwrap();
        assert_eq!(header, json!({"alg": algorithm.name(), "typ": "at+jwt", "kid": kid}));
        let jti = claims["jti"].as_str().unwrap();
        assert_eq!(jti.len(), 22);
        let expected = json!({
            "iss": "urn:sidegate:test", "sub": "7", "sid": session.id.to_string(), "iat": 1_700_000_000,
            "exp": 1_700_000_900, "jti": jti, "type": "access", "roles": ["admin", "editor"], "gen": 3,
        });
        assert_eq!(claims, expected);
        let read = AccessClaims {
            user: jack().id,
            session: session.id,
            generation: 3,
            issued: 1_700_000_000,
            expires: 1_700_000_900,
            roles: jack().roles.into(),
            email: None,
            username: None,
            verified: None,
        };
        assert_eq!(tokens.verify_access(token, NOW), Ok(read));
    }
}

#[test]
fn an_access_token_says_what_the_upstream_is_told_and_one_that_does_not_counts_as_expired() {
    let keys = keys_for(Algorithm::EdDsa);
    let saying = |email, username| {
        let particulars = settings::Particulars { email, username, verified: false };
        let settings = settings::Tokens { particulars, ..settings(Algorithm::EdDsa) };
        Tokens::new(&settings, &origin(), &keys).unwrap()
    };
    let all = [(false, false), (true, false), (false, true), (true, true)];
    for (email, username) in all {
        let token = access(&saying(email, username));
        let claims = part(&token, 1);
        assert_eq!(claims.get("email"), email.then(|| json!(jack().email.as_str())).as_ref());
        assert_eq!(
            claims.get("preferred_username"),
            username.then(|| json!(jack().username.as_str())).as_ref()
        );
        for (needs_email, needs_username) in all {
            let read = saying(needs_email, needs_username).verify_access(&token, NOW);
            if needs_email && !email || needs_username && !username {
                assert_eq!(read, Err(TokenFault::Expired));
            } else {
                let read = read.unwrap();
                assert_eq!(read.email.is_some(), needs_email, "what nobody is told is not read");
                assert_eq!(read.username.is_some(), needs_username);
            }
        }
    }
}

#[test]
fn whether_an_address_is_proven_is_said_where_it_has_to_be_and_a_token_that_does_not_counts_as_expired() {
    let keys = keys_for(Algorithm::EdDsa);
    let asking = |verified| {
        let particulars = settings::Particulars { verified, ..settings::Particulars::default() };
        let settings = settings::Tokens { particulars, ..settings(Algorithm::EdDsa) };
        Tokens::new(&settings, &origin(), &keys).unwrap()
    };
    let (silent, saying) = (access(&asking(false)), access(&asking(true)));
    assert_eq!(part(&silent, 1).get("email_verified"), None);
    assert_eq!(part(&saying, 1)["email_verified"], json!(true));
    assert_eq!(asking(true).verify_access(&silent, NOW), Err(TokenFault::Expired));
    assert_eq!(asking(true).verify_access(&saying, NOW).unwrap().verified, Some(true));
    assert_eq!(asking(false).verify_access(&saying, NOW).unwrap().verified, None, "nobody asks for it");
}

#[test]
fn no_two_access_tokens_are_the_same() {
    let tokens = tokens(Algorithm::Hs256);
    let session = session(&tokens);
    let mint = || tokens.mint_access(&session, &jack(), NOW).unwrap().token.reveal().clone();
    assert_ne!(mint(), mint());
}

#[test]
fn an_access_token_never_outlives_its_session() {
    let tokens = tokens(Algorithm::Hs256);
    let mut session = session(&tokens);
    session.expires = NOW.plus(Duration::from_secs(5));
    let minted = tokens.mint_access(&session, &jack(), NOW).unwrap();
    assert_eq!(minted.lifetime, Duration::from_secs(5));
    assert!(tokens.verify_access(minted.token.reveal(), Timestamp::from_millis(NOW.millis() + 4999)).is_ok());
    let at_the_end = tokens.verify_access(minted.token.reveal(), session.expires);
    assert_eq!(at_the_end, Err(TokenFault::Expired));
}

#[test]
fn a_refresh_token_is_the_same_on_every_node_and_another_one_in_each_generation() {
    // Two nodes with different signing keys: refresh tokens depend on the database's own secret alone.
    let (one, other) = (tokens(Algorithm::EdDsa), tokens(Algorithm::Hs256));
    let mut session = session(&one);
    let token = one.mint_refresh(&session).unwrap();
    assert_eq!(token, other.mint_refresh(&session).unwrap());
    assert_eq!(part(token.reveal(), 0)["alg"], "HS256");
    assert_eq!(part(token.reveal(), 0)["typ"], "rt+jwt");
    assert_eq!(part(token.reveal(), 1)["type"], "refresh");
    let expires = session.expires.secs();
    let read = RefreshClaims { user: jack().id, session: session.id, generation: 3, expires };
    assert_eq!(other.verify_refresh(token.reveal(), NOW), Ok(read));
    let last = Timestamp::from_millis(session.expires.millis() - 1);
    assert_eq!(other.verify_refresh(token.reveal(), last), Ok(read));
    assert_eq!(other.verify_refresh(token.reveal(), session.expires), Err(TokenFault::Expired));
    session.generation += 1;
    assert_ne!(token, one.mint_refresh(&session).unwrap());
}

#[test]
fn the_key_set_holds_public_keys_named_by_their_thumbprints() {
    for (algorithm, members) in [
        (Algorithm::EdDsa, vec!["alg", "crv", "kid", "kty", "use", "x"]),
        (Algorithm::Es256, vec!["alg", "crv", "kid", "kty", "use", "x", "y"]),
        (Algorithm::Rs256, vec!["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        let tokens = tokens(algorithm);
        let set: Value = serde_json::from_str(&tokens.jwks().json).unwrap();
        let [key] = set["keys"].as_array().unwrap().as_slice() else { panic!("one key") };
        let mut found: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, members);
        assert_eq!((&key["use"], &key["alg"]), (&json!("sig"), &json!(algorithm.name())));
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).unwrap();
        let thumbprint = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
        assert_eq!(key["kid"], json!(thumbprint));
        assert_eq!(part(&access(&tokens), 0)["kid"], json!(thumbprint));
    }
}

#[test]
fn a_shared_secret_is_never_published() {
    let tokens = tokens(Algorithm::Hs256);
    assert_eq!(tokens.jwks().json, r#"{"keys":[]}"#);
    assert!(!format!("{tokens:?}").contains(SECRET));
}

#[test]
fn a_retired_key_verifies_while_it_is_published_and_signs_nothing() {
    let mut keys =
        [keys::generate(Algorithm::EdDsa, NOW), keys::generate(Algorithm::EdDsa, NOW)].map(Result::unwrap);
    let settings = settings(Algorithm::EdDsa);
    let before = Tokens::new(&settings, &origin(), &keys[..1]).unwrap();
    let token = access(&before);
    keys[0].retired = Some(NOW);
    let during = Tokens::new(&settings, &origin(), &keys).unwrap();
    assert!(during.verify_access(&token, NOW).is_ok());
    assert!(during.jwks().json.contains(&keys[0].kid) && during.jwks().json.contains(&keys[1].kid));
    assert_eq!(part(&access(&during), 0)["kid"], json!(keys[1].kid));
    let after = Tokens::new(&settings, &origin(), &keys[1..]).unwrap();
    assert_eq!(after.verify_access(&token, NOW), Err(TokenFault::Invalid("unknown kid")));
}

#[test]
fn only_keys_of_the_configured_algorithm_count() {
    let keys: Vec<_> = ALGORITHMS.into_iter().flat_map(keys_for).collect();
    let rs256 = Tokens::new(&settings(Algorithm::Rs256), &origin(), &keys).unwrap();
    let es256 = Tokens::new(&settings(Algorithm::Es256), &origin(), &keys).unwrap();
    assert_eq!(es256.verify_access(&access(&rs256), NOW), Err(TokenFault::Invalid("wrong alg")));
    assert!(!es256.jwks().json.contains("RSA"));
}

#[test]
fn without_a_usable_key_there_are_no_tokens() {
    let new = |settings: &settings::Tokens, keys: &[SigningKey]| Tokens::new(settings, &origin(), keys).err();
    assert_eq!(new(&settings(Algorithm::Es256), &[]), Some(TokensError::NoKey("ES256")));
    let mut key = keys::generate(Algorithm::Es256, NOW).unwrap();
    key.retired = Some(NOW);
    assert_eq!(new(&settings(Algorithm::Es256), &[key.clone()]), Some(TokensError::NoKey("ES256")));
    key.private = Secret::new(vec![0; 48]);
    let bad = TokensError::BadKey(key.kid.clone());
    assert_eq!(new(&settings(Algorithm::Es256), &[key]), Some(bad));
    let mut weak = settings(Algorithm::Hs256);
    weak.secret = Some(Secret::new("x".repeat(31)));
    assert_eq!(new(&weak, &[]), Some(TokensError::WeakSecret));
    weak.secret = None;
    assert_eq!(new(&weak, &[]), Some(TokensError::WeakSecret));
    assert!(keys::generate(Algorithm::Hs256, NOW).is_err());
}
