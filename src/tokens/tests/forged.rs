//! What was not signed here opens nothing, and nothing that a client sends makes verification panic.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use proptest::prelude::*;

use super::*;

fn refused(tokens: &Tokens, token: &str, what: &str) {
    for found in [
        tokens.verify_access(token, NOW).err(),
        tokens.verify_refresh(token, NOW).err(),
        tokens.read_access(token, NOW).err(),
        tokens.read_refresh(token, NOW).err(),
    ] {
        assert!(matches!(found, Some(TokenFault::Invalid(_))), "{what}: {found:?} for {token}");
    }
}

#[test]
fn no_token_with_one_byte_changed_is_accepted() {
    for algorithm in ALGORITHMS {
        let tokens = tokens(algorithm);
        let refresh = tokens.mint_refresh(&session(&tokens)).unwrap();
        for good in [access(&tokens), refresh.reveal().clone()] {
            for at in 0..good.len() {
                for (what, changed) in mutations(&good, at) {
                    if changed != good {
                        refused(&tokens, &changed, &format!("{} {what} at {at}", algorithm.name()));
                    }
                }
            }
        }
    }
}

/// The byte at `at` flipped in three ways, removed, doubled, and with others put before it; and all after it cut off.
fn mutations(good: &str, at: usize) -> Vec<(String, String)> {
    let (before, after) = good.split_at(at);
    let (this, rest) = after.split_at(1);
    let byte = this.as_bytes()[0];
    let mut changed = vec![
        ("removed".to_owned(), format!("{before}{rest}")),
        ("doubled".to_owned(), format!("{before}{this}{after}")),
        ("cut".to_owned(), before.to_owned()),
    ];
    for bit in [0x01, 0x04, 0x20] {
        changed.push((format!("^{bit}"), format!("{before}{}{rest}", char::from(byte ^ bit))));
    }
    for inserted in ['A', '.', '=', ' ', '\0', 'é'] {
        changed.push((format!("+{inserted}"), format!("{before}{inserted}{after}")));
    }
    changed
}

proptest! {
    #[test]
    fn no_text_is_a_token(text in "\\PC*", at in 0_usize..400) {
        let tokens = tokens(Algorithm::Hs256);
        refused(&tokens, &text, "any text");
        refused(&tokens, &format!("{text}.{text}.{text}"), "three parts");
        let good = access(&tokens);
        let at = at % good.len();
        refused(&tokens, &format!("{}{text}~{}", &good[..at], &good[at..]), "with text inside");
    }

    #[test]
    fn no_signed_bytes_make_it_panic(header in "\\PC*", claims in "\\PC*") {
        let tokens = tokens(Algorithm::Hs256);
        refused(&tokens, &tokens.0.access.load().sign_raw(&header, &claims), "signed noise");
        let kind = part(&access(&tokens), 0).to_string();
        refused(&tokens, &tokens.0.access.load().sign_raw(&kind, &claims), "signed claims of noise");
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    for algorithm in ALGORITHMS {
        let tokens = tokens(algorithm);
        let good = access(&tokens);
        let payload = good.split('.').nth(1).unwrap();
        let kid = part(&good, 0)["kid"].clone();
        for alg in ["none", "None", "NONE", "nOnE", ""] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": kid}).to_string();
            let header = URL_SAFE_NO_PAD.encode(header);
            let signature = good.rsplit('.').next().unwrap();
            refused(&tokens, &format!("{header}.{payload}."), alg);
            refused(&tokens, &format!("{header}.{payload}"), alg);
            refused(&tokens, &format!("{header}.{payload}.{signature}"), alg);
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // CVE-2015-9235 and its kin: HS256 keyed with what everybody can read.
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let tokens = tokens(algorithm);
        let good = access(&tokens);
        let payload = good.split('.').nth(1).unwrap();
        let set: Value = serde_json::from_str(&tokens.jwks().json).unwrap();
        let key = &set["keys"][0];
        let (x, y) = (member(key, "x"), member(key, "y"));
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        for secret in [key.to_string().into_bytes(), x, point, member(key, "n"), pem(key).into_bytes()] {
            for alg in ["HS256", algorithm.name()] {
                let header = json!({"alg": alg, "typ": "at+jwt", "kid": key["kid"]}).to_string();
                let message = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
                let hs256 = jsonwebtoken::Algorithm::HS256;
                let signing = EncodingKey::from_secret(&secret);
                let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &signing, hs256).unwrap();
                refused(&tokens, &format!("{message}.{signature}"), alg);
            }
        }
    }
}

fn member(key: &Value, name: &str) -> Vec<u8> {
    key[name].as_str().map(|text| URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap_or_default()
}

/// `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410 section 4), the form that people have in files.
fn pem(key: &Value) -> String {
    let der = [
        &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
        member(key, "x").as_slice(),
    ]
    .concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

#[test]
fn another_database_is_somebody_else_even_under_the_same_kid() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let ours = keys_for(algorithm);
        let mut theirs = keys_for(algorithm);
        theirs[0].kid.clone_from(&ours[0].kid);
        let ours = Tokens::new(&settings(algorithm), &origin(), &ours).unwrap();
        let theirs = Tokens::new(&settings(algorithm), &origin(), &theirs).unwrap();
        assert_eq!(ours.verify_access(&access(&theirs), NOW), Err(TokenFault::Invalid("wrong signature")));
    }
    let mut other = origin();
    other.refresh_key = Secret::new(vec![9; 32]);
    let ours = tokens(Algorithm::Hs256);
    let theirs = Tokens::new(&settings(Algorithm::Hs256), &other, &[]).unwrap();
    let refresh = theirs.mint_refresh(&session(&ours)).unwrap();
    assert_eq!(ours.verify_refresh(refresh.reveal(), NOW), Err(TokenFault::Invalid("unknown kid")));
}

#[test]
fn who_knows_the_secret_alone_makes_no_session() {
    let mut thief_origin = origin();
    thief_origin.session_key = Secret::new(vec![9; 32]);
    let thief = Tokens::new(&settings(Algorithm::Hs256), &thief_origin, &[]).unwrap();
    let ours = tokens(Algorithm::Hs256);
    let why = Err(TokenFault::Invalid("sid was not made for sub"));
    assert_eq!(ours.verify_access(&access(&thief), NOW), why);
    // Nor with a session of their own for somebody else.
    let mut claims = part(&access(&ours), 1);
    claims["sub"] = json!("1");
    let header = part(&access(&ours), 0).to_string();
    assert_eq!(ours.verify_access(&ours.0.access.load().sign_raw(&header, &claims.to_string()), NOW), why);
}

#[test]
fn neither_kind_of_token_passes_for_the_other() {
    // The hardest case: both kinds under one key and one kid.
    let mut origin = origin();
    origin.refresh_key = Secret::new(SECRET.as_bytes().to_vec());
    let tokens = Tokens::new(&settings(Algorithm::Hs256), &origin, &[]).unwrap();
    let (access, refresh) = (access(&tokens), tokens.mint_refresh(&session(&tokens)).unwrap());
    assert_eq!(part(&access, 0)["kid"], part(refresh.reveal(), 0)["kid"]);
    assert_eq!(tokens.verify_refresh(&access, NOW), Err(TokenFault::Invalid("wrong typ")));
    assert_eq!(tokens.verify_access(refresh.reveal(), NOW), Err(TokenFault::Invalid("wrong typ")));
    let claims = part(refresh.reveal(), 1).to_string();
    let dressed_up = tokens.0.access.load().sign_raw(&part(&access, 0).to_string(), &claims);
    assert_eq!(tokens.verify_access(&dressed_up, NOW), Err(TokenFault::Invalid("wrong type")));
    let claims = part(&access, 1).to_string();
    let dressed_up = tokens.0.refresh.sign_raw(&part(refresh.reveal(), 0).to_string(), &claims);
    assert_eq!(tokens.verify_refresh(&dressed_up, NOW), Err(TokenFault::Invalid("wrong type")));
}

#[test]
fn a_token_has_three_parts_even_if_more_were_signed() {
    let tokens = tokens(Algorithm::Hs256);
    let message = access(&tokens).rsplit_once('.').unwrap().0.to_owned() + ".e30";
    let (secret, hs256) = (EncodingKey::from_secret(SECRET.as_bytes()), jsonwebtoken::Algorithm::HS256);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, hs256).unwrap();
    refused(&tokens, &format!("{message}.{signature}"), "four parts");
}

#[test]
fn an_endless_token_is_not_looked_at() {
    let tokens = tokens(Algorithm::Hs256);
    let mut claims = part(&access(&tokens), 1);
    claims["padding"] = json!("x".repeat(8 * 1024));
    let token = tokens.0.access.load().sign_raw(&part(&access(&tokens), 0).to_string(), &claims.to_string());
    assert_eq!(tokens.verify_access(&token, NOW), Err(TokenFault::Invalid("too long")));
}
