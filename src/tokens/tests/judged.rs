//! Tokens with a good signature: each header member and claim in every way it can be wrong (RFC 8725, contract section 5).

use super::*;

/// What should become of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Good,
    Expired,
    Invalid,
}
use Is::{Expired, Good, Invalid};

fn found(tokens: &Tokens, token: &str, now: Timestamp) -> Is {
    match tokens.verify_access(token, now) {
        Ok(_) => Good,
        Err(TokenFault::Expired) => Expired,
        Err(TokenFault::Invalid(_)) => Invalid,
    }
}

/// `Value::Null` stands for itself; this removes the member.
const GONE: &str = "(gone)";

fn with(mut object: Value, member: &str, value: &Value) -> String {
    let members = object.as_object_mut().unwrap();
    members.remove(member);
    if value != GONE {
        members.insert(member.to_owned(), value.clone());
    }
    object.to_string()
}

#[test]
fn a_header_is_read_strictly() {
    for algorithm in ALGORITHMS {
        let tokens = tokens(algorithm);
        let good = access(&tokens);
        let (header, claims) = (part(&good, 0), part(&good, 1).to_string());
        let own_kid = header["kid"].as_str().unwrap();
        let other_case = own_kid
            .chars()
            .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
        for (member, value, expected) in [
            ("alg", json!(algorithm.name()), Good),
            ("alg", json!(GONE), Invalid),
            ("alg", json!(null), Invalid),
            ("alg", json!(algorithm.name().to_lowercase()), Invalid),
            ("alg", json!("none"), Invalid),
            ("alg", json!("HS384"), Invalid),
            ("alg", json!("PS256"), Invalid),
            ("alg", json!([algorithm.name()]), Invalid),
            ("typ", json!("AT+JWT"), Good),
            ("typ", json!("application/at+jwt"), Good),
            ("typ", json!("Application/At+Jwt"), Good),
            ("typ", json!(GONE), Invalid),
            ("typ", json!(null), Invalid),
            ("typ", json!(""), Invalid),
            ("typ", json!("JWT"), Invalid),
            ("typ", json!("rt+jwt"), Invalid),
            ("typ", json!("at+jwt "), Invalid),
            ("typ", json!("text/at+jwt"), Invalid),
            ("typ", json!("application/"), Invalid),
            ("typ", json!("applicatioñ/at+jwt"), Invalid),
            ("kid", json!(GONE), Invalid),
            ("kid", json!(null), Invalid),
            ("kid", json!(""), Invalid),
            ("kid", json!(0), Invalid),
            ("kid", json!("../../dev/null"), Invalid),
            ("kid", json!(format!("{own_kid} ")), Invalid),
            ("kid", json!(other_case.collect::<String>()), Invalid),
            ("crit", json!(["exp"]), Invalid),
            ("crit", json!([]), Invalid),
            ("crit", json!(null), Invalid),
            ("crit", json!("exp"), Invalid),
            ("b64", json!(false), Invalid),
            ("b64", json!(true), Invalid),
            ("b64", json!(null), Invalid),
            // Named keys are passed over, not followed.
            ("jku", json!("http://127.0.0.1:1/keys"), Good),
            ("jwk", json!({"kty": "oct", "k": "AAAA"}), Good),
            ("x5u", json!("http://127.0.0.1:1/cert"), Good),
            ("x5c", json!(["AAAA"]), Good),
            ("something", json!({"a": [1.5, null]}), Good),
        ] {
            let header = with(header.clone(), member, &value);
            let token = tokens.0.access.load().sign_raw(&header, &claims);
            assert_eq!(found(&tokens, &token, NOW), expected, "{} {header}", algorithm.name());
        }
    }
}

#[test]
fn claims_are_read_strictly() {
    let tokens = tokens(Algorithm::Hs256);
    let good = access(&tokens);
    let (header, claims) = (part(&good, 0).to_string(), part(&good, 1));
    let now = NOW.secs();
    let sid = claims["sid"].as_str().unwrap();
    let foreign = SessionId::from_bytes([7; 24]).to_string();
    for (member, value, expected) in [
        ("iss", json!(GONE), Invalid),
        ("iss", json!(null), Invalid),
        ("iss", json!("urn:sidegate:tes"), Invalid),
        ("iss", json!("URN:SIDEGATE:TEST"), Invalid),
        ("iss", json!(["urn:sidegate:test"]), Invalid),
        ("aud", json!("somebody"), Invalid),
        ("aud", json!(null), Invalid),
        ("sub", json!(GONE), Invalid),
        ("sub", json!(null), Invalid),
        ("sub", json!(7), Invalid),
        ("sub", json!("07"), Invalid),
        ("sub", json!("+7"), Invalid),
        ("sub", json!("7 "), Invalid),
        ("sub", json!("7.0"), Invalid),
        ("sub", json!("0"), Invalid),
        ("sub", json!(""), Invalid),
        ("sub", json!("8"), Invalid),
        ("sub", json!("18446744073709551623"), Invalid),
        ("sid", json!(GONE), Invalid),
        ("sid", json!(null), Invalid),
        ("sid", json!(""), Invalid),
        ("sid", json!(foreign), Invalid),
        ("sid", json!(format!("{sid}=")), Invalid),
        ("sid", json!([sid]), Invalid),
        ("iat", json!(GONE), Invalid),
        ("iat", json!(null), Invalid),
        ("iat", json!(now.to_string()), Invalid),
        ("iat", json!(-1), Invalid),
        ("iat", json!(1.7e9), Invalid),
        // Nothing is made for longer than `access_ttl`, whatever `exp` says.
        ("iat", json!(0), Expired),
        ("iat", json!(now - 900), Expired),
        ("iat", json!(now - 899), Good),
        ("iat", json!(now + 60), Good),
        ("iat", json!(now + 61), Invalid),
        ("iat", json!(u64::MAX), Invalid),
        ("nbf", json!(now), Good),
        ("nbf", json!(0), Good),
        ("nbf", json!(now + 1), Invalid),
        ("nbf", json!(u64::MAX), Invalid),
        ("nbf", json!(null), Invalid),
        ("nbf", json!("0"), Invalid),
        ("nbf", json!(0.5), Invalid),
        ("exp", json!(GONE), Invalid),
        ("exp", json!(null), Invalid),
        ("exp", json!((now + 900).to_string()), Invalid),
        ("exp", json!(1.8e9), Invalid),
        ("exp", json!(1e300), Invalid),
        ("exp", json!(-1), Invalid),
        ("exp", json!(0), Expired),
        ("exp", json!(now - 1), Expired),
        ("exp", json!(now), Expired),
        ("exp", json!(now + 1), Good),
        ("exp", json!(u64::MAX), Good),
        ("jti", json!(GONE), Invalid),
        ("jti", json!(null), Invalid),
        ("jti", json!(1), Invalid),
        ("type", json!(GONE), Invalid),
        ("type", json!(null), Invalid),
        ("type", json!("refresh"), Invalid),
        ("type", json!("Access"), Invalid),
        ("type", json!(["access"]), Invalid),
        ("roles", json!(GONE), Good),
        ("roles", json!([]), Good),
        ("roles", json!(null), Invalid),
        ("roles", json!("admin"), Invalid),
        ("roles", json!(["a,b"]), Invalid),
        ("roles", json!([""]), Invalid),
        ("roles", json!([1]), Invalid),
        ("roles", json!({"admin": true}), Invalid),
        ("gen", json!(GONE), Good),
        ("gen", json!(0), Invalid),
        ("gen", json!(null), Invalid),
        ("gen", json!("3"), Invalid),
        ("gen", json!(-1), Invalid),
        ("unknown", json!({"deep": [null, 1.5]}), Good),
    ] {
        let claims = with(claims.clone(), member, &value);
        let token = tokens.0.access.load().sign_raw(&header, &claims);
        assert_eq!(found(&tokens, &token, NOW), expected, "{claims}");
    }
}

#[test]
fn what_is_said_twice_or_is_no_object_is_refused() {
    let tokens = tokens(Algorithm::Hs256);
    let good = access(&tokens);
    let (header, claims) = (part(&good, 0).to_string(), part(&good, 1).to_string());
    let doubled =
        |json: &str, member: &str, value: &str| json.replacen('{', &format!("{{\"{member}\":{value},"), 1);
    for (member, value) in [("alg", "\"HS256\""), ("typ", "\"at+jwt\""), ("kid", "\"x\"")] {
        let token = tokens.0.access.load().sign_raw(&doubled(&header, member, value), &claims);
        assert_eq!(found(&tokens, &token, NOW), Invalid, "{member}");
    }
    for (member, value) in [
        ("iss", "\"urn:sidegate:test\""),
        ("sub", "\"7\""),
        ("exp", "1"),
        ("exp", "9999999999"),
        ("iat", "1"),
        ("type", "\"access\""),
        ("roles", "[]"),
        ("gen", "3"),
        ("s\\u0075b", "\"7\""),
    ] {
        let token = tokens.0.access.load().sign_raw(&header, &doubled(&claims, member, value));
        assert_eq!(found(&tokens, &token, NOW), Invalid, "{member}");
    }
    let long = format!("{claims}{claims}");
    let deep = "[".repeat(2000);
    for odd in ["", "null", "[]", "\"\"", "1", "{", "{}", &claims[1..], &long, &deep, "NaN", "{\"exp\":NaN}"]
    {
        assert_eq!(found(&tokens, &tokens.0.access.load().sign_raw(&header, odd), NOW), Invalid, "{odd}");
        assert_eq!(found(&tokens, &tokens.0.access.load().sign_raw(odd, &claims), NOW), Invalid, "{odd}");
    }
}

#[test]
fn the_expiry_is_exact_to_the_millisecond() {
    let tokens = tokens(Algorithm::EdDsa);
    let token = access(&tokens);
    let end = NOW.millis() + 900_000;
    for (millis, expected) in [(end - 1, Good), (end, Expired), (end + 1, Expired), (u64::MAX, Expired)] {
        assert_eq!(found(&tokens, &token, Timestamp::from_millis(millis)), expected, "{millis}");
    }
    assert!(tokens.read_access(&token, Timestamp::from_millis(end + 1)).is_ok());
}

#[test]
fn expired_is_only_said_of_a_token_that_was_good() {
    let tokens = tokens(Algorithm::Hs256);
    let good = access(&tokens);
    let (header, claims) = (part(&good, 0).to_string(), part(&good, 1));
    let later = NOW.plus(Duration::from_hours(1));
    assert_eq!(found(&tokens, &good, later), Expired);
    for (member, value) in [
        ("iss", json!("other")),
        ("sub", json!("8")),
        ("type", json!("refresh")),
        ("roles", json!(["a,b"])),
        ("nbf", json!(later.secs() + 1)),
        ("aud", json!("x")),
    ] {
        let token = tokens.0.access.load().sign_raw(&header, &with(claims.clone(), member, &value));
        assert_eq!(found(&tokens, &token, later), Invalid, "{member}");
    }
    let cut_short = &good[..good.len() - 1];
    assert_eq!(found(&tokens, cut_short, later), Invalid);
}

#[test]
fn a_configured_audience_has_to_be_named() {
    let mut settings = settings(Algorithm::Hs256);
    settings.audience = Some("app".to_owned());
    let tokens = Tokens::new(&settings, &origin(), &[]).unwrap();
    let good = access(&tokens);
    let (header, claims) = (part(&good, 0).to_string(), part(&good, 1));
    assert_eq!(claims["aud"], json!("app"));
    for (value, expected) in [
        (json!("app"), Good),
        (json!(["app"]), Good),
        (json!(["other", "app"]), Good),
        (json!(GONE), Invalid),
        (json!(null), Invalid),
        (json!("App"), Invalid),
        (json!("other"), Invalid),
        (json!([]), Invalid),
        (json!(["other"]), Invalid),
        (json!(["app", 1]), Invalid),
        (json!({"app": true}), Invalid),
    ] {
        let token = tokens.0.access.load().sign_raw(&header, &with(claims.clone(), "aud", &value));
        assert_eq!(found(&tokens, &token, NOW), expected, "{value}");
    }
    // A refresh token is for the gate alone and names no audience.
    assert!(tokens.verify_refresh(tokens.mint_refresh(&session(&tokens)).unwrap().reveal(), NOW).is_ok());
}

#[test]
fn a_configured_issuer_takes_the_place_of_the_databases_own() {
    let mut settings = settings(Algorithm::Hs256);
    let before = Tokens::new(&settings, &origin(), &[]).unwrap();
    settings.issuer = Some("https://auth.example.com".to_owned());
    let tokens = Tokens::new(&settings, &origin(), &[]).unwrap();
    assert_eq!(part(&access(&tokens), 1)["iss"], json!("https://auth.example.com"));
    assert!(tokens.verify_access(&access(&tokens), NOW).is_ok());
    assert_eq!(tokens.verify_access(&access(&before), NOW), Err(TokenFault::Invalid("wrong iss")));
}
