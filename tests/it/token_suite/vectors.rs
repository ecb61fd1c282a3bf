//! The signatures of C2SP Wycheproof as cookies of a running gate of their algorithm, under a good header and good claims.
//! The vectors bring no private keys along, so that they can't be the gate's own; that they are judged rightly under
//! theirs is tested in `src/tokens/tests/vectors.rs`.

use wycheproof::{ecdsa, eddsa, mac, rsa_pkcs1_verify as rsa};

use super::Line;
use super::forge::with_signature;
use crate::support::Gate;

fn ed25519() -> Vec<Vec<u8>> {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    set.test_groups.iter().flat_map(|group| group.tests.iter().map(|test| test.sig.to_vec())).collect()
}

fn p256() -> Vec<Vec<u8>> {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    set.test_groups.iter().flat_map(|group| group.tests.iter().map(|test| test.sig.to_vec())).collect()
}

fn rsa2048() -> Vec<Vec<u8>> {
    let set = rsa::TestSet::load(rsa::TestName::Rsa2048Sha256).unwrap();
    set.test_groups.iter().flat_map(|group| group.tests.iter().map(|test| test.sig.to_vec())).collect()
}

fn macs() -> Vec<Vec<u8>> {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    set.test_groups.iter().flat_map(|group| group.tests.iter().map(|test| test.tag.to_vec())).collect()
}

#[test]
fn no_signature_of_the_vectors_opens_a_gate_of_its_algorithm() {
    for (settings, signatures, count) in [
        ("tokens.algorithm = \"EdDSA\"", ed25519(), 151),
        ("tokens.algorithm = \"ES256\"", p256(), 262),
        ("tokens.algorithm = \"RS256\"", rsa2048(), 259),
        ("tokens.secret = \"an HMAC secret of more than 32 bytes\"", macs(), 174),
    ] {
        assert_eq!(signatures.len(), count, "{settings}");
        let gate = Gate::with(settings);
        let good = gate.member("jack@example.com");
        let mut line = Line::to(&gate);
        for signature in &signatures {
            line.is_refused_everywhere(&with_signature(&good.access, signature), settings);
        }
        assert_eq!(gate.upstream.bytes(), 0, "{settings}");
        assert_eq!(line.access(&good.access).status, 200, "{settings}");
    }
}

/// Refresh tokens are HMACs whatever the algorithm is.
#[test]
fn no_mac_of_the_vectors_renews_a_session() {
    let gate = Gate::start();
    let good = gate.member("jack@example.com");
    let mut line = Line::to(&gate);
    for mac in macs() {
        line.is_refused_everywhere(&with_signature(&good.refresh, &mac), "a MAC");
    }
    assert_eq!(gate.upstream.bytes(), 0);
    assert_eq!(line.refresh(&good.refresh).status, 200);
}
