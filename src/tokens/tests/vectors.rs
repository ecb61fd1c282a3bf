//! The signature and MAC vectors of C2SP Wycheproof, through the check that each token's signature passes. How the
//! same signatures fare as cookies is in `tests/it/token_suite/`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify as rsa};

use super::keys::Keys;
use super::*;

/// How often each verdict of the vectors was met by each of ours.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score(BTreeMap<(&'static str, bool), usize>);

impl Score {
    /// Asks `keys` about one vector, as a token's signature is asked about.
    fn ask(&mut self, keys: &Keys, message: &[u8], signature: &[u8], expected: TestResult, what: &str) {
        let encoded = URL_SAFE_NO_PAD.encode(signature);
        let found = keys.verify("vector", message, &encoded).unwrap();
        let expected = match expected {
            TestResult::Valid => {
                assert!(found, "a good one was refused: {what}");
                "valid"
            }
            TestResult::Invalid => {
                assert!(!found, "a bad one was taken: {what}");
                "invalid"
            }
            TestResult::Acceptable => "acceptable",
        };
        *self.0.entry((expected, found)).or_default() += 1;
        assert_eq!(keys.verify("another", message, &encoded), None, "no other key is asked: {what}");
    }

    fn counts<const N: usize>(counts: [(&'static str, bool, usize); N]) -> Self {
        Self(counts.into_iter().map(|(expected, found, count)| ((expected, found), count)).collect())
    }
}

fn component(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn ed25519_signatures_are_judged_as_the_vectors_say() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut score = Score::default();
    for group in &set.test_groups {
        let key = DecodingKey::from_ed_components(&component(&group.key.pk)).unwrap();
        let keys = Keys::verifying(Algorithm::EdDsa, key);
        for test in &group.tests {
            score.ask(&keys, &test.msg, &test.sig, test.result, &format!("{} {}", test.tc_id, test.comment));
        }
    }
    assert_eq!(score, Score::counts([("valid", true, 88), ("invalid", false, 63)]));
}

#[test]
fn p256_signatures_are_judged_as_the_vectors_say() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut score = Score::default();
    for group in &set.test_groups {
        let (x, y) = group.key.key[1..].split_at(32);
        let key = DecodingKey::from_ec_components(&component(x), &component(y)).unwrap();
        let keys = Keys::verifying(Algorithm::Es256, key);
        for test in &group.tests {
            score.ask(&keys, &test.msg, &test.sig, test.result, &format!("{} {}", test.tc_id, test.comment));
        }
    }
    assert_eq!(score, Score::counts([("valid", true, 173), ("invalid", false, 89)]));
}

/// The acceptable one in each set leaves the hash's NULL parameter out of the padding. RFC 8017 appendix A.2.4 lets a
/// verifier take it; ours doesn't, so that a message has one signature only.
#[test]
fn rsa_signatures_are_judged_as_the_vectors_say() {
    for (name, valid, invalid) in [
        (rsa::TestName::Rsa2048Sha256, 9, 249),
        (rsa::TestName::Rsa3072Sha256, 8, 250),
        (rsa::TestName::Rsa4096Sha256, 7, 250),
    ] {
        let set = rsa::TestSet::load(name).unwrap();
        let mut score = Score::default();
        for group in &set.test_groups {
            // Integers of the vectors may begin with the sign's zero byte, those of a JWK never do.
            let [n, e] = [&group.key.n, &group.key.e].map(|integer| {
                let first = integer.iter().position(|byte| *byte != 0).unwrap();
                component(&integer[first..])
            });
            let keys = Keys::verifying(Algorithm::Rs256, DecodingKey::from_rsa_components(&n, &e).unwrap());
            for test in &group.tests {
                let what = format!("{name:?} {} {}", test.tc_id, test.comment);
                score.ask(&keys, &test.msg, &test.sig, test.result, &what);
            }
        }
        let expected =
            Score::counts([("valid", true, valid), ("invalid", false, invalid), ("acceptable", false, 1)]);
        assert_eq!(score, expected, "{name:?}");
    }
}

/// Where the vectors have a MAC cut to half of its length, it is a wrong one for us: HS256 has 32 bytes (RFC 7518
/// section 3.2), and so have the keys, at least.
#[test]
fn macs_are_judged_as_the_vectors_say_and_only_whole_ones_count() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut score = Score::default();
    for group in &set.test_groups {
        for test in &group.tests {
            let keys = Keys::verifying(Algorithm::Hs256, DecodingKey::from_secret(&test.key));
            let whole = group.tag_size == 256;
            let expected = if whole { test.result } else { TestResult::Invalid };
            let what = format!("{} {} {}", group.tag_size, test.tc_id, test.comment);
            score.ask(&keys, &test.msg, &test.tag, expected, &what);
            let as_secret = Keys::symmetric(&test.key, claims::ACCESS_TYP);
            assert_eq!(as_secret.is_ok(), group.key_size >= 256, "{what}");
        }
    }
    assert_eq!(score, Score::counts([("valid", true, 33), ("invalid", false, 141)]));
}

/// Each good vector's signature, in any spelling but the one of base64url without padding, is none.
#[test]
fn a_signature_has_one_spelling() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    for group in &set.test_groups {
        let (x, y) = group.key.key[1..].split_at(32);
        let key = DecodingKey::from_ec_components(&component(x), &component(y)).unwrap();
        let keys = Keys::verifying(Algorithm::Es256, key);
        for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
            let good = URL_SAFE_NO_PAD.encode(&test.sig[..]);
            assert_eq!(keys.verify("vector", &test.msg, &good), Some(true));
            // 64 bytes leave four bits over in the last character.
            let last = good.chars().last().unwrap();
            let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let loose = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
            let mut odd = vec![
                format!("{good}="),
                format!("{good}=="),
                format!(" {good}"),
                format!("{good}\n"),
                format!("{good}A"),
                format!("{}{loose}", &good[..good.len() - 1]),
            ];
            odd.extend(good.contains(['-', '_']).then(|| good.replace('-', "+").replace('_', "/")));
            for odd in odd {
                assert_eq!(keys.verify("vector", &test.msg, &odd), Some(false), "{odd}");
            }
        }
    }
}
