//! The twins of a good signature: other bytes that say the same to a lenient verifier.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};

use super::Line;
use super::forge::{signature, with_signature};
use crate::support::{Cookies, Gate};

/// The order of Ed25519's group (RFC 8032 section 5.1), little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
/// The order of P-256's group (FIPS 186-5), big-endian.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `number` and `L` more, little-endian.
fn plus_l(number: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let sum = number.iter().zip(L).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(b) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    sum.collect()
}

/// `N` less `number`, big-endian.
fn n_minus(number: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut less: Vec<_> = N
        .iter()
        .zip(number)
        .rev()
        .map(|(a, b)| {
            let difference = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(difference < 0);
            difference.to_le_bytes()[0]
        })
        .collect();
    less.reverse();
    less
}

fn member(gate: &Gate) -> (Cookies, Line<'_>) {
    let cookies = gate.member("jack@example.com");
    let mut line = Line::to(gate);
    assert_eq!(line.access(&cookies.access).status, 200, "it is good, and cached from now on");
    (cookies, line)
}

/// RFC 8032 section 5.1.7: S is smaller than L.
#[test]
fn an_ed25519_signature_has_no_twin() {
    let gate = Gate::start();
    let (cookies, mut line) = member(&gate);
    let good = signature(&cookies.access);
    let (r, s) = good.split_at(32);
    let mut twin = s.to_vec();
    for round in 1..=15 {
        twin = plus_l(&twin);
        let token = with_signature(&cookies.access, &[r, &twin].concat());
        line.is_refused_everywhere(&token, &format!("S + {round}L"));
    }
    for bad in [[s, r].concat(), [r, &[0; 32]].concat(), [&[0; 32], s].concat(), [r, &L].concat()] {
        line.is_refused_everywhere(&with_signature(&cookies.access, &bad), "R or S replaced");
    }
}

/// ECDSA signatures have one twin each, (r, n − s), and FIPS 186-5 takes both. So there are two spellings of a good
/// token. That is harmless here: the twin says the same claims to the byte, nothing is revoked or counted by a token's
/// text, and what ends the one ends the other.
#[test]
fn the_twin_of_a_p256_signature_is_the_same_session_and_ends_with_it() {
    let gate = Gate::with("tokens.algorithm = \"ES256\"");
    let (cookies, mut line) = member(&gate);
    let good = signature(&cookies.access);
    let (r, s) = good.split_at(32);
    let twin = with_signature(&cookies.access, &[r, &n_minus(s)].concat());
    assert_ne!(twin, cookies.access);
    assert_eq!(n_minus(&n_minus(s)), s);
    assert_eq!(line.access(&twin).status, 200);
    assert_eq!(gate.upstream.last().header("x-user-id").as_deref(), Some("1"));
    for bad in [[&n_minus(r), s].concat(), [s, r].concat(), [r, &N].concat(), [r, &[0; 32]].concat()] {
        line.is_refused_everywhere(&with_signature(&cookies.access, &bad), "r or s replaced");
    }
    let both = format!("access_token={}; access_token={twin}", cookies.access);
    assert_eq!(line.ask("GET", "/", both.as_bytes()).detail(), "Not authenticated", "they are two tokens");
    assert_eq!(gate.post("/auth/signout", "", &format!("Cookie: access_token={twin}\r\n")).status, 200);
    for token in [&cookies.access, &twin] {
        assert_eq!((line.access(token).status, line.access(token).detail().as_str()), (401, "Invalid token"));
    }
    assert_eq!(line.refresh(&cookies.refresh).status, 401);
}

/// RFC 8017 section 8.2.2: a signature is as long as the modulus.
#[test]
fn an_rsa_signature_with_zeros_before_it_is_none() {
    let gate = Gate::with("tokens.algorithm = \"RS256\"");
    let (cookies, mut line) = member(&gate);
    let good = signature(&cookies.access);
    assert_eq!(good.len(), 256);
    for zeros in [1, 2, 3, 256] {
        let longer = [vec![0; zeros], good.clone()].concat();
        line.is_refused_everywhere(&with_signature(&cookies.access, &longer), "zeros before");
        let longer = [good.clone(), vec![0; zeros]].concat();
        line.is_refused_everywhere(&with_signature(&cookies.access, &longer), "zeros behind");
    }
    line.is_refused_everywhere(&with_signature(&cookies.access, &good[1..]), "the first byte cut off");
}

#[test]
fn a_mac_counts_whole_and_alone() {
    let gate = Gate::with("tokens.secret = \"an HMAC secret of more than 32 bytes\"");
    let (cookies, mut line) = member(&gate);
    for token in [&cookies.access, &cookies.refresh] {
        let good = signature(token);
        for length in 0..32 {
            line.is_refused_everywhere(&with_signature(token, &good[..length]), "cut off");
        }
        for more in [&[0][..], &[0; 32], &good] {
            line.is_refused_everywhere(&with_signature(token, &[&good, more].concat()), "longer");
        }
    }
}

/// Of a token there is one text: cached verifications are keyed by it, and so is the rule on doubled cookies.
#[test]
fn no_part_of_a_token_has_a_second_spelling_in_base64() {
    for settings in ["tokens.algorithm = \"EdDSA\"", "tokens.algorithm = \"RS256\""] {
        let gate = Gate::with(settings);
        let (cookies, mut line) = member(&gate);
        for token in [&cookies.access, &cookies.refresh] {
            let parts: Vec<_> = token.split('.').collect();
            for index in 0..3 {
                let with = |text: &str| {
                    let mut parts = parts.clone();
                    parts[index] = text;
                    parts.join(".")
                };
                let good = parts[index];
                let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(good).unwrap();
                let mut odd = vec![
                    format!("{good}="),
                    format!("{good}=="),
                    format!("{good}%3D"),
                    format!("%{:02x}{}", good.as_bytes()[0], &good[1..]),
                    format!("{good}A"),
                    format!("A{good}"),
                ];
                odd.extend((bytes.len() % 3 > 0).then(|| URL_SAFE.encode(&bytes)));
                odd.extend(good.contains(['-', '_']).then(|| STANDARD_NO_PAD.encode(&bytes)));
                odd.extend((bytes.len() % 3 > 0).then(|| with_a_bit_left_over(good)));
                for odd in odd {
                    line.is_refused_everywhere(&with(&odd), settings);
                }
            }
        }
    }
}

/// The last character of a text that is no multiple of three bytes has bits that say nothing.
fn with_a_bit_left_over(good: &str) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = good.split_at(good.len() - 1);
    let at = alphabet.find(last).unwrap() + 1;
    format!("{start}{}", &alphabet[at..=at])
}
