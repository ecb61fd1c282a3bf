//! Tokens under the gate's real keys: each claim and each header member missing, of each wrong type and at its edges, with
//! the exact answer (RFC 8725, contract section 5).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Line;
use super::forge::{Forge, part};
use crate::support::{Answer, Gate};

/// What a token is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Good,
    Expired,
    Invalid,
}
use Is::{Expired, Good, Invalid};

impl Is {
    fn of(answer: &Answer) -> Self {
        match answer.status {
            200 => Good,
            401 => match answer.detail().as_str() {
                "Token has expired" => Expired,
                "Invalid token" => Invalid,
                other => panic!("{other}"),
            },
            other => panic!("{other}: {answer:?}"),
        }
    }
}

/// A wrong value of each type that JSON has.
fn of_each_type() -> [Value; 7] {
    [json!(null), json!(true), json!(1.5), json!(""), json!([]), json!({}), json!([[1]])]
}

/// The object without a member, as text.
fn without(object: &Value, member: &str) -> String {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(member).unwrap();
    object.to_string()
}

/// The object with a member's value replaced by some text that need not be JSON of serde's making.
fn with(object: &Value, member: &str, value: &str) -> String {
    let mut object = object.clone();
    object.as_object_mut().unwrap().insert(member.to_owned(), json!("\u{1}"));
    object.to_string().replace("\"\\u0001\"", value)
}

#[test]
fn each_claim_of_an_access_token_is_judged_through_the_socket() {
    let gate = Gate::start();
    let (jack, other_gate) = (gate.member("jack@example.com"), Gate::start());
    let jill = gate.member("jill@example.com");
    let elsewhere = other_gate.member("jack@example.com");
    let (forge, mut line) = (Forge::of_access_tokens(&gate), Line::to(&gate));
    let (header, claims) = (part(&jack.access, 0).to_string(), part(&jack.access, 1));
    let now = gate.clock.now().secs();
    let mut cases = Vec::new();
    for (name, _) in claims.as_object().unwrap() {
        let optional = ["roles", "gen"].contains(&name.as_str());
        cases.push((without(&claims, name), if optional { Good } else { Invalid }));
        for value in of_each_type() {
            // Roles are a list, and a jti any text.
            let fits = (name == "roles" && value == json!([])) || (name == "jti" && value == json!(""));
            cases.push((with(&claims, name, &value.to_string()), if fits { Good } else { Invalid }));
        }
    }
    let far = 1_u128 << 64;
    for (claim, value, expected) in [
        ("exp", json!(now - 1), Expired),
        ("exp", json!(now), Expired),
        ("exp", json!(now + 1), Good),
        ("exp", json!(0), Expired),
        ("exp", json!(1_u64 << 53), Good),
        ("exp", json!(1_u64 << 63), Good),
        ("exp", json!(u64::MAX), Good),
        ("exp", json!(-1), Invalid),
        ("exp", json!((now + 900).to_string()), Invalid),
        ("exp", json!(1.8e9), Invalid),
        // Nothing is made for longer than `access_ttl`, whatever `exp` says.
        ("iat", json!(0), Expired),
        ("iat", json!(now - 900), Expired),
        ("iat", json!(now - 899), Good),
        ("iat", json!(now + 60), Good),
        ("iat", json!(now + 61), Invalid),
        ("iat", json!(u64::MAX), Invalid),
        ("iat", json!(-1), Invalid),
        ("iat", json!(1.8e9), Invalid),
        ("nbf", json!(0), Good),
        ("nbf", json!(now), Good),
        ("nbf", json!(now + 1), Invalid),
        ("nbf", json!(u64::MAX), Invalid),
        ("nbf", json!(null), Invalid),
        ("nbf", json!("0"), Invalid),
        ("nbf", json!(0.5), Invalid),
        ("sub", json!("01"), Invalid),
        ("sub", json!("+1"), Invalid),
        ("sub", json!(" 1"), Invalid),
        ("sub", json!("1 "), Invalid),
        ("sub", json!("1.0"), Invalid),
        ("sub", json!("1e0"), Invalid),
        ("sub", json!("0x1"), Invalid),
        ("sub", json!("-1"), Invalid),
        ("sub", json!("0"), Invalid),
        ("sub", json!("١"), Invalid),
        ("sub", json!("1\u{0}"), Invalid),
        ("sub", json!("18446744073709551616"), Invalid),
        ("sub", json!("9".repeat(4000)), Invalid),
        ("sub", json!(1), Invalid),
        // Another user's number, and another user's session.
        ("sub", json!("2"), Invalid),
        ("sid", part(&jill.access, 1)["sid"].clone(), Invalid),
        ("sid", part(&elsewhere.access, 1)["sid"].clone(), Invalid),
        ("sid", json!("A".repeat(32)), Invalid),
        ("sid", json!(format!("{}=", claims["sid"].as_str().unwrap())), Invalid),
        ("sid", json!(claims["sid"].as_str().unwrap().to_uppercase()), Invalid),
        ("iss", part(&elsewhere.access, 1)["iss"].clone(), Invalid),
        ("iss", json!(format!("{} ", claims["iss"].as_str().unwrap())), Invalid),
        ("aud", json!(null), Invalid),
        ("aud", json!("app"), Invalid),
        ("aud", json!([]), Invalid),
        ("type", json!("refresh"), Invalid),
        ("type", json!("Access"), Invalid),
        ("type", json!("access\u{0}"), Invalid),
        ("roles", json!(["a,b"]), Invalid),
        ("roles", json!(["a\r\nX-User-Id: 2"]), Invalid),
        ("roles", json!("admin"), Invalid),
        ("gen", json!(0), Invalid),
        ("gen", json!(u64::MAX), Good),
        ("gen", json!(-1), Invalid),
        ("unknown", json!({"deep": [null, 1.5]}), Good),
    ] {
        cases.push((with(&claims, claim, &value.to_string()), expected));
    }
    for claim in ["exp", "iat", "nbf", "gen"] {
        for huge in [far.to_string(), format!("-{far}"), "1e400".to_owned(), "1".repeat(400)] {
            cases.push((with(&claims, claim, &huge), Invalid));
        }
    }
    for (text, expected) in cases {
        let token = forge.sign(&header, &text);
        let reached = gate.upstream.requests().len();
        let answer = line.access(&token);
        assert_eq!(Is::of(&answer), expected, "{text:.300}");
        assert_eq!(gate.upstream.requests().len() - reached, usize::from(expected == Good), "{text:.300}");
        if expected == Good {
            assert_eq!(gate.upstream.last().header("x-user-id").as_deref(), Some("1"), "{text:.300}");
        }
        let me = line.ask("GET", "/auth/me", format!("access_token={token}").as_bytes());
        assert_eq!(Is::of(&me), expected, "/auth/me: {text:.300}");
    }
}

#[test]
fn what_an_access_token_says_twice_is_refused() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let (forge, mut line) = (Forge::of_access_tokens(&gate), Line::to(&gate));
    let (header, claims) = (part(&jack.access, 0), part(&jack.access, 1));
    let twice = |object: &Value, name: &str| {
        let again = format!("{{{}:{},", json!(name), object[name]);
        object.to_string().replacen('{', &again, 1)
    };
    for (name, _) in claims.as_object().unwrap() {
        let token = forge.sign(&header.to_string(), &twice(&claims, name));
        assert_eq!(Is::of(&line.access(&token)), Invalid, "{name}");
    }
    for (name, _) in header.as_object().unwrap() {
        let token = forge.sign(&twice(&header, name), &claims.to_string());
        assert_eq!(Is::of(&line.access(&token)), Invalid, "{name}");
    }
    assert_eq!(gate.upstream.bytes(), 0);
}

#[test]
fn each_header_member_is_judged_through_the_socket() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let (forge, mut line) = (Forge::of_access_tokens(&gate), Line::to(&gate));
    let (header, claims) = (part(&jack.access, 0), part(&jack.access, 1).to_string());
    let kid = header["kid"].as_str().unwrap().to_owned();
    let keys = gate.get("/auth/jwks.json", "").json();
    let mut cases = Vec::new();
    for name in ["alg", "typ", "kid"] {
        cases.push((without(&header, name), Invalid));
        cases.extend(of_each_type().map(|value| (with(&header, name, &value.to_string()), Invalid)));
    }
    for (member, value, expected) in [
        ("alg", json!("none"), Invalid),
        ("alg", json!("eddsa"), Invalid),
        ("alg", json!("Ed25519"), Invalid),
        ("alg", json!("HS256"), Invalid),
        ("alg", json!("ES256"), Invalid),
        ("typ", json!("JWT"), Invalid),
        ("typ", json!("rt+jwt"), Invalid),
        ("typ", json!("AT+JWT"), Good),
        ("typ", json!("application/at+jwt"), Good),
        ("kid", json!("another"), Invalid),
        ("kid", json!("../../dev/null"), Invalid),
        ("kid", json!("/proc/self/environ"), Invalid),
        ("kid", json!(format!("{kid}\u{0}")), Invalid),
        ("kid", json!("' OR 1=1 --"), Invalid),
        ("crit", json!([]), Invalid),
        ("crit", json!(["exp"]), Invalid),
        ("crit", json!(null), Invalid),
        ("b64", json!(true), Invalid),
        ("b64", json!(false), Invalid),
        // Passed over, since the kid is ours and the signature by our key.
        ("jku", json!("http://127.0.0.1:1/keys"), Good),
        ("x5u", json!("http://127.0.0.1:1/keys"), Good),
        ("x5c", json!(["AAAA"]), Good),
        ("jwk", keys["keys"][0].clone(), Good),
    ] {
        cases.push((with(&header, member, &value.to_string()), expected));
    }
    for (text, expected) in cases {
        assert_eq!(Is::of(&line.access(&forge.sign(&text, &claims))), expected, "{text}");
    }
}

/// RFC 8725 sections 2.1 and 3.10: keys that are known to everybody, and keys that a token brings along.
#[test]
fn a_token_by_a_key_that_it_names_itself_or_that_is_public_is_refused() {
    let (gate, thief) = (Gate::start(), Gate::start());
    let (jack, own) = (gate.member("jack@example.com"), thief.member("jack@example.com"));
    let mut line = Line::to(&gate);
    let (header, claims) = (part(&jack.access, 0), part(&jack.access, 1).to_string());
    let (theirs, mine) = (Forge::of_access_tokens(&thief), gate.get("/auth/jwks.json", "").json());
    let brought = thief.get("/auth/jwks.json", "").json()["keys"][0].clone();
    for (member, value) in [
        ("jwk", brought),
        ("jku", json!(format!("http://{}/auth/jwks.json", thief.address))),
        ("x5u", json!(format!("http://{}/auth/jwks.json", thief.address))),
        ("kid", part(&own.access, 0)["kid"].clone()),
    ] {
        line.is_refused_everywhere(&theirs.sign(&with(&header, member, &value.to_string()), &claims), member);
    }
    let key = &mine["keys"][0];
    let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    for secret in [x, key.to_string().into_bytes(), key["x"].as_str().unwrap().into(), Vec::new()] {
        for alg in ["\"HS256\"", "\"EdDSA\"", "\"hs256\""] {
            let token = Forge::of_secret(&secret).sign(&with(&header, "alg", alg), &claims);
            line.is_refused_everywhere(&token, alg);
        }
    }
    assert_eq!(gate.upstream.bytes(), 0);
}

#[test]
fn a_configured_audience_is_judged_through_the_socket() {
    let gate = Gate::with("tokens.audience = \"app\"");
    let jack = gate.member("jack@example.com");
    let (forge, mut line) = (Forge::of_access_tokens(&gate), Line::to(&gate));
    let (header, claims) = (part(&jack.access, 0).to_string(), part(&jack.access, 1));
    for (value, expected) in [
        (json!("app"), Good),
        (json!(["other", "app"]), Good),
        (json!("App"), Invalid),
        (json!("app "), Invalid),
        (json!(["other"]), Invalid),
        (json!([]), Invalid),
        (json!(null), Invalid),
        (json!({"app": 1}), Invalid),
        (json!(["app", null]), Invalid),
    ] {
        let token = forge.sign(&header, &with(&claims, "aud", &value.to_string()));
        assert_eq!(Is::of(&line.access(&token)), expected, "{value}");
    }
    assert_eq!(Is::of(&line.access(&forge.sign(&header, &without(&claims, "aud")))), Invalid);
}

#[test]
fn each_claim_of_a_refresh_token_is_judged_through_the_socket() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let jill = gate.member("jill@example.com");
    let (forge, mut line) = (Forge::of_refresh_tokens(&gate), Line::to(&gate));
    let (header, claims) = (part(&jack.refresh, 0), part(&jack.refresh, 1));
    let now = gate.clock.now().secs();
    assert_eq!(forge.sign(&header.to_string(), &claims.to_string()), jack.refresh, "the same to the byte");
    let mut cases = Vec::new();
    for (name, _) in claims.as_object().unwrap() {
        cases.push((header.to_string(), without(&claims, name), Invalid));
        for value in of_each_type() {
            if (name.as_str(), &value) != ("jti", &json!("")) {
                cases.push((header.to_string(), with(&claims, name, &value.to_string()), Invalid));
            }
        }
    }
    for (name, _) in header.as_object().unwrap() {
        cases.push((without(&header, name), claims.to_string(), Invalid));
        cases.extend(
            of_each_type()
                .map(|value| (with(&header, name, &value.to_string()), claims.to_string(), Invalid)),
        );
    }
    for (claim, value, expected) in [
        ("exp", json!(now), Expired),
        ("exp", json!(now - 1), Expired),
        ("exp", json!(0), Expired),
        ("exp", json!(-1), Invalid),
        ("exp", json!(1.8e9), Invalid),
        ("iat", json!(now + 61), Invalid),
        ("nbf", json!(now + 1), Invalid),
        ("sub", json!("2"), Invalid),
        ("sub", json!("01"), Invalid),
        ("sid", part(&jill.refresh, 1)["sid"].clone(), Invalid),
        ("type", json!("access"), Invalid),
        // The session never came this far.
        ("gen", json!(2), Invalid),
        ("gen", json!(u64::MAX), Invalid),
        ("gen", json!(0), Invalid),
    ] {
        cases.push((header.to_string(), with(&claims, claim, &value.to_string()), expected));
    }
    for (header, claims, expected) in cases {
        let answer = line.refresh(&forge.sign(&header, &claims));
        assert_eq!(Is::of(&answer), expected, "{header} {claims}");
        assert_eq!(answer.all("set-cookie").len(), 2, "both are cleared: {header} {claims}");
    }
    assert_eq!(line.refresh(&jack.refresh).status, 200, "none of them harmed the session");
}

#[test]
fn an_expiry_counts_to_the_second_it_names() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let mut line = Line::to(&gate);
    gate.clock.advance(Duration::from_millis(900_000 - 1));
    assert_eq!(Is::of(&line.access(&jack.access)), Good);
    gate.clock.advance(Duration::from_millis(1));
    assert_eq!(Is::of(&line.access(&jack.access)), Expired, "though it is cached");
}
