//! Keys that are exchanged while tokens are made and verified.

use super::*;

/// A key, and one that takes its place.
fn rotated(algorithm: Algorithm) -> [SigningKey; 2] {
    let mut keys = [keys::generate(algorithm, NOW), keys::generate(algorithm, NOW)].map(Result::unwrap);
    keys[0].retired = Some(NOW);
    keys
}

#[test]
fn replaced_keys_count_at_once_in_every_clone() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let [old, new] = rotated(algorithm);
        let first = SigningKey { retired: None, ..old.clone() };
        let tokens = Tokens::new(&settings(algorithm), &origin(), std::slice::from_ref(&first)).unwrap();
        let (clone, version) = (tokens.clone(), tokens.keys_version());
        let (before, refresh) = (access(&clone), clone.mint_refresh(&session(&clone)).unwrap());
        assert!(tokens.has_keys(&[first]) && !tokens.has_keys(&[old.clone(), new.clone()]));

        tokens.replace_keys(&[old.clone(), new.clone()]).unwrap();
        assert!(clone.has_keys(&[old.clone(), new.clone()]));
        assert_ne!(clone.keys_version(), version);
        let after = access(&clone);
        assert_eq!((&part(&before, 0)["kid"], &part(&after, 0)["kid"]), (&json!(old.kid), &json!(new.kid)));
        assert!(clone.verify_access(&before, NOW).is_ok() && clone.verify_access(&after, NOW).is_ok());
        let set: Value = serde_json::from_str(&clone.jwks().json).unwrap();
        assert_eq!((&set["keys"][0]["kid"], &set["keys"][1]["kid"]), (&json!(new.kid), &json!(old.kid)));

        tokens.replace_keys(std::slice::from_ref(&new)).unwrap();
        assert_eq!(clone.verify_access(&before, NOW), Err(TokenFault::Invalid("unknown kid")));
        assert!(clone.verify_access(&after, NOW).is_ok());
        assert!(clone.verify_refresh(refresh.reveal(), NOW).is_ok(), "a key of the database's own");
    }
}

#[test]
fn keys_that_cannot_be_used_replace_nothing() {
    let [old, new] = rotated(Algorithm::EdDsa);
    let tokens = Tokens::new(&settings(Algorithm::EdDsa), &origin(), &[old.clone(), new.clone()]).unwrap();
    let (token, set, version) = (access(&tokens), tokens.jwks(), tokens.keys_version());
    let damaged = SigningKey { private: Secret::new(vec![0; 11]), kid: "damaged".to_owned(), ..new };
    let bad = TokensError::BadKey("damaged".to_owned());
    assert_eq!(tokens.replace_keys(&[old.clone(), damaged]), Err(bad));
    assert_eq!(tokens.replace_keys(&[old]), Err(TokensError::NoKey("EdDSA")), "none that signs");
    assert_eq!(tokens.replace_keys(&[]), Err(TokensError::NoKey("EdDSA")));
    assert_eq!((tokens.jwks(), tokens.keys_version()), (set, version));
    assert!(tokens.verify_access(&token, NOW).is_ok());
    assert!(tokens.verify_access(&access(&tokens), NOW).is_ok());
}

#[test]
fn a_shared_secret_is_replaced_by_no_key_of_the_database() {
    let tokens = tokens(Algorithm::Hs256);
    let (token, version) = (access(&tokens), tokens.keys_version());
    tokens.replace_keys(&rotated(Algorithm::EdDsa)).unwrap();
    assert!(tokens.verify_access(&token, NOW).is_ok() && tokens.has_keys(&[]));
    assert_eq!((tokens.jwks().json.as_str(), tokens.keys_version()), (r#"{"keys":[]}"#, version));
}

#[test]
fn an_entity_tag_is_the_same_for_the_same_set_and_another_one_for_each_other() {
    let keys = rotated(Algorithm::EdDsa);
    let tag = |keys: &[SigningKey]| {
        Tokens::new(&settings(Algorithm::EdDsa), &origin(), keys).unwrap().jwks().etag.clone()
    };
    assert_eq!(tag(&keys), tag(&keys));
    assert_ne!(tag(&keys), tag(&keys[1..]));
    assert_eq!(tag(&keys).len(), 24, "16 bytes in base64url, and two quotes");
}
