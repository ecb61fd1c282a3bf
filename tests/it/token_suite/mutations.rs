//! Whatever is done to a good token, it is nobody's: through the real cookie path, on kept connections.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Line;
use crate::support::Gate;

/// How often each property is tried: about a second each.
const CASES: u32 = 700;

/// What can be done to a token.
#[derive(Clone, Debug)]
enum Change {
    Flip { at: usize, bit: u8 },
    Insert { at: usize, byte: u8 },
    Delete { at: usize, count: usize },
    Truncate { length: usize },
    Swap { part: usize },
    Double { part: usize },
    Case { at: usize },
    Escape { at: usize },
    Text { at: usize, text: String },
    Rotate { by: usize },
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0_usize..1000;
    prop_oneof![
        4 => (at.clone(), 0_u8..8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        2 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Insert { at, byte }),
        2 => (at.clone(), 1_usize..40).prop_map(|(at, count)| Change::Delete { at, count }),
        1 => at.clone().prop_map(|length| Change::Truncate { length }),
        2 => (0_usize..3).prop_map(|part| Change::Swap { part }),
        1 => (0_usize..3).prop_map(|part| Change::Double { part }),
        2 => at.clone().prop_map(|at| Change::Case { at }),
        1 => at.clone().prop_map(|at| Change::Escape { at }),
        1 => (at.clone(), "\\PC{1,8}").prop_map(|(at, text)| Change::Text { at, text }),
        1 => at.prop_map(|by| Change::Rotate { by }),
    ]
}

/// The token after a change. What ends a cookie or a header line is left out: it would be the end of the token.
fn changed(good: &str, other: &str, change: &Change) -> Vec<u8> {
    let mut token = good.as_bytes().to_vec();
    let at = |at: usize| at % good.len();
    let parts = |replaced: usize, by: String| {
        let mut parts: Vec<_> = good.split('.').map(str::to_owned).collect();
        parts[replaced] = by;
        parts.join(".").into_bytes()
    };
    match change {
        Change::Flip { at: place, bit } => token[at(*place)] ^= 1 << bit,
        Change::Insert { at: place, byte } => token.insert(at(*place), *byte),
        Change::Delete { at: place, count } => {
            let start = at(*place);
            token.drain(start..(start + count).min(good.len()));
        }
        Change::Truncate { length } => token.truncate(at(*length)),
        Change::Swap { part } => token = parts(*part, other.split('.').nth(*part).unwrap().to_owned()),
        Change::Double { part } => token = parts(*part, good.split('.').nth(*part).unwrap().repeat(2)),
        Change::Case { at: place } => {
            let byte = &mut token[at(*place)];
            *byte =
                if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        }
        Change::Escape { at: place } => {
            let escaped = format!("%{:02X}", token[at(*place)]).into_bytes();
            token.splice(at(*place)..=at(*place), escaped);
        }
        Change::Text { at: place, text } => {
            token.splice(at(*place)..at(*place), text.bytes());
        }
        Change::Rotate { by } => token.rotate_left(at(*by)),
    }
    token.retain(|byte| !matches!(byte, b';' | b'\r' | b'\n' | 0..=0x1f | 0x7f));
    token
}

/// The value that the cookie's parser takes: white space around it and quotes are not the token's.
fn value(token: &[u8]) -> &[u8] {
    let token = token.trim_ascii();
    let inner = token.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""));
    inner.unwrap_or(token)
}

fn check(cases: u32, property: impl Fn((Vec<Change>, bool)) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let changes = proptest::collection::vec(change(), 1..4);
    TestRunner::new(config).run(&(changes, any::<bool>()), property).unwrap();
}

#[test]
fn no_mutation_of_an_access_token_is_taken_for_anything_but_itself() {
    for settings in ["", "tokens.algorithm = \"ES256\"", "tokens.algorithm = \"RS256\""] {
        let gate = Gate::with(settings);
        // Two users, and two sessions of one of them.
        let (jack, jill) = (gate.member("jack@example.com"), gate.member("jill@example.com"));
        let again = gate.sign_in("jack@example.com");
        let line = std::cell::RefCell::new(Line::to(&gate));
        let cases = if settings.is_empty() { CASES } else { CASES / 3 };
        check(cases, |(changes, flag)| {
            let good = if flag { &jack.access } else { &again.access };
            let mut token = good.clone().into_bytes();
            for change in &changes {
                let text = String::from_utf8_lossy(&token).into_owned();
                if text.len() > 3 && text.split('.').count() == 3 {
                    token = changed(&text, &jill.access, change);
                }
            }
            let known = [&jack.access, &again.access, &jill.access];
            if known.iter().any(|known| known.as_bytes() == value(&token)) {
                return Ok(());
            }
            let answer = line.borrow_mut().ask("GET", "/", &[b"access_token=", token.as_slice()].concat());
            prop_assert_eq!(answer.status, 401, "{}", String::from_utf8_lossy(&token));
            let me = line.borrow_mut().ask("GET", "/auth/me", &[b"access_token=", token.as_slice()].concat());
            prop_assert_eq!(me.status, 401, "{}", String::from_utf8_lossy(&token));
            Ok(())
        });
        assert_eq!(gate.upstream.bytes(), 0);
        for (cookies, uid) in [(&jack, "1"), (&again, "1"), (&jill, "2")] {
            assert_eq!(line.borrow_mut().access(&cookies.access).status, 200);
            assert_eq!(gate.upstream.last().header("x-user-id").as_deref(), Some(uid));
        }
    }
}

#[test]
fn no_mutation_of_a_refresh_token_renews_or_ends_anything() {
    let gate = Gate::start();
    let (jack, jill) = (gate.member("jack@example.com"), gate.member("jill@example.com"));
    let line = std::cell::RefCell::new(Line::to(&gate));
    check(CASES, |(changes, in_passing)| {
        let mut token = jack.refresh.clone().into_bytes();
        for change in &changes {
            let text = String::from_utf8_lossy(&token).into_owned();
            if text.len() > 3 && text.split('.').count() == 3 {
                token = changed(&text, &jill.refresh, change);
            }
        }
        if [&jack.refresh, &jill.refresh].iter().any(|known| known.as_bytes() == value(&token)) {
            return Ok(());
        }
        let cookie = [b"refresh_token=", token.as_slice()].concat();
        let (method, path) = if in_passing { ("GET", "/") } else { ("POST", "/auth/refresh") };
        let answer = line.borrow_mut().ask(method, path, &cookie);
        prop_assert_eq!(answer.status, 401, "{}", String::from_utf8_lossy(&token));
        Ok(())
    });
    assert_eq!(gate.upstream.bytes(), 0);
    for cookies in [&jack, &jill] {
        assert_eq!(line.borrow_mut().refresh(&cookies.refresh).status, 200);
    }
}

#[test]
fn no_beginning_and_no_end_of_a_token_is_one() {
    let gate = Gate::start();
    let jack = gate.member("jack@example.com");
    let mut line = Line::to(&gate);
    for length in 1..jack.access.len() {
        assert_eq!(line.access(&jack.access[..length]).status, 401, "{length}");
        assert_eq!(line.access(&jack.access[length..]).status, 401, "{length}");
    }
    for length in 1..jack.refresh.len() {
        assert_eq!(line.refresh(&jack.refresh[..length]).status, 401, "{length}");
        assert_eq!(line.refresh(&jack.refresh[length..]).status, 401, "{length}");
    }
    assert_eq!(gate.upstream.bytes(), 0);
    assert_eq!((line.access(&jack.access).status, line.refresh(&jack.refresh).status), (200, 200));
}
