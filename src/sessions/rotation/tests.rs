//! The table of rotation (contract section 5, "Each refresh rotates"), and whole histories of one session.

use proptest::prelude::*;

use super::Step::{Repeat, Replay, Rotate, Unknown};
use super::*;
use crate::types::{SessionId, UserId};

/// Milliseconds; the tables count from here.
const START: u64 = 1_700_000_000_000;
const DAY: Duration = Duration::from_hours(24);
const LIFETIMES: Lifetimes =
    Lifetimes { idle: Duration::from_hours(30 * 24), absolute: Duration::from_hours(90 * 24) };

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn record(generation: Generation, presented: &[(Generation, u64)]) -> Session {
    Session {
        id: SessionId::from_bytes([3; 24]),
        user: UserId::new(1).unwrap(),
        started: at(0),
        generation,
        issued: at(0),
        expires: at(0).plus(LIFETIMES.idle),
        presented: presented.iter().map(|&(generation, millis)| (generation, at(millis))).collect(),
        address: None,
        agent: String::new(),
    }
}

/// The record's generation and first presentations, the token's generation, the moment, and what to do.
type Row = (Generation, &'static [(Generation, u64)], Generation, u64, Step);

#[test]
fn what_a_presented_token_means() {
    #[rustfmt::skip]
    let table: &[Row] = &[
        // The current token, whatever was noted of it.
        (1, &[], 1, 0, Rotate),
        (1, &[], 1, 86_400_000, Rotate),
        (1, &[(1, 0)], 1, 0, Rotate),
        (2, &[], 2, 0, Rotate),
        (2, &[(2, 0)], 2, 86_400_000, Rotate),
        (9, &[(8, 0), (9, 1)], 9, 2, Rotate),
        // A generation that the session never had.
        (1, &[], 0, 0, Unknown),
        (1, &[], 2, 0, Unknown),
        (1, &[], u64::MAX, 0, Unknown),
        (5, &[(4, 0), (5, 0)], 6, 0, Unknown),
        (5, &[], 0, 0, Unknown),
        // The one before, and its successor was never seen: a lost answer, a client that ignores cookies on a 101.
        (2, &[], 1, 0, Repeat),
        (2, &[], 1, 10_001, Repeat),
        (2, &[], 1, 2_592_000_000, Repeat),
        (2, &[(1, 0)], 1, 86_400_000, Repeat),
        (7, &[(6, 0)], 6, 86_400_000, Repeat),
        // The one before, and its successor was seen: parallel tabs, up to the grace's end.
        (2, &[(2, 0)], 1, 0, Repeat),
        (2, &[(2, 0)], 1, 1, Repeat),
        (2, &[(2, 0)], 1, 9_999, Repeat),
        (2, &[(2, 0)], 1, 10_000, Repeat),
        (2, &[(2, 0)], 1, 10_001, Replay),
        (2, &[(2, 0)], 1, 86_400_000, Replay),
        (2, &[(2, 5_000)], 1, 15_000, Repeat),
        (2, &[(2, 5_000)], 1, 15_001, Replay),
        (2, &[(1, 0), (2, 5_000)], 1, 15_000, Repeat),
        // When its own first presentation was does not matter, only its successor's.
        (2, &[(1, 0), (2, 900_000)], 1, 905_000, Repeat),
        // A clock that was set back makes nobody a thief.
        (2, &[(2, 60_000)], 1, 0, Repeat),
        // Older ones: their successors were presented, or the session would not have come so far.
        (3, &[(2, 0)], 1, 0, Repeat),
        (3, &[(2, 0)], 1, 10_000, Repeat),
        (3, &[(2, 0)], 1, 10_001, Replay),
        (3, &[(2, 0), (3, 9_000)], 1, 10_001, Replay),
        (3, &[(2, 0), (3, 9_000)], 2, 10_001, Repeat),
        (3, &[(2, 0), (3, 9_000)], 2, 19_001, Replay),
        (5, &[(2, 0), (3, 1), (4, 2)], 1, 9_000, Repeat),
        (5, &[(2, 0), (3, 1), (4, 2)], 2, 9_000, Repeat),
        (5, &[(2, 0), (3, 1), (4, 2)], 3, 9_000, Repeat),
        (5, &[(2, 0), (3, 1), (4, 2)], 4, 9_000, Repeat),
        (5, &[(2, 0), (3, 1), (4, 2)], 2, 10_001, Repeat),
        (5, &[(2, 0), (3, 1), (4, 2)], 2, 10_002, Replay),
        // Not noted any more: it was long ago.
        (3, &[], 1, 0, Replay),
        (9, &[(8, 0)], 6, 0, Replay),
        (9, &[(9, 0)], 1, 0, Replay),
    ];
    for &(generation, presented, token, now, expected) in table {
        let found = decide(&record(generation, presented), token, at(now));
        assert_eq!(found, expected, "token {token} of {generation} with {presented:?} at {now}");
    }
}

#[test]
fn a_renewal_notes_the_token_that_was_presented_and_forgets_what_no_longer_matters() {
    for (presented, now, kept) in [
        (vec![], 5, vec![(3, 5)]),
        (vec![(3, 1)], 5, vec![(3, 1)]),
        (vec![(3, 1)], 10_002, vec![]),
        (vec![(2, 0), (3, 1)], 10_000, vec![(2, 0), (3, 1)]),
        (vec![(2, 0), (3, 1)], 10_001, vec![(3, 1)]),
        (vec![(1, 0), (2, 9_000)], 12_000, vec![(2, 9_000), (3, 12_000)]),
    ] {
        let next = renewed(&record(3, &presented), LIFETIMES, at(now));
        assert_eq!(next.generation, 4);
        assert_eq!(next.presented, record(4, &kept).presented, "{presented:?} at {now}");
    }
}

#[test]
fn a_session_lives_for_its_idle_time_from_each_renewal_and_never_past_its_absolute_end() {
    let mut session = record(1, &[]);
    let end = at(0).plus(LIFETIMES.absolute);
    for day in [1, 29, 58, 87, 89] {
        let now = at(0).plus(DAY * day);
        session = renewed(&session, LIFETIMES, now);
        assert_eq!(session.issued, now);
        assert_eq!(session.expires, now.plus(LIFETIMES.idle).min(end), "day {day}");
        assert_eq!(session.started, at(0));
    }
}

#[test]
fn a_record_ends_in_the_very_second_that_its_token_says() {
    let session = renewed(&record(1, &[]), LIFETIMES, at(1_999));
    assert_eq!(session.expires.millis() % 1000, 0);
    assert_eq!(session.expires, Timestamp::from_secs(at(1_000).secs()).plus(LIFETIMES.idle));
}

#[test]
fn a_clock_that_was_set_back_does_not_shorten_a_session() {
    let later = renewed(&record(1, &[]), LIFETIMES, at(60_000));
    let again = renewed(&later, LIFETIMES, at(0));
    assert_eq!((again.issued, again.expires), (later.issued, later.expires));
}

#[test]
fn a_record_is_bounded_however_fast_a_client_renews() {
    let mut session = record(1, &[]);
    for _ in 0..1000 {
        session = renewed(&session, LIFETIMES, at(0));
    }
    assert_eq!(session.presented.len(), MAX_PRESENTED);
    assert_eq!(decide(&session, 1000, at(1)), Repeat);
    assert_eq!(decide(&session, 1, at(1)), Replay);
}

proptest! {
    /// Whatever was trimmed: the record decides as one that remembers everything.
    #[test]
    fn forgetting_changes_no_decision(
        steps in prop::collection::vec((0_u64..8_000, any::<bool>()), 1..40),
        wait in 0_u64..20_000,
    ) {
        let mut session = record(1, &[]);
        let mut first_seen = std::collections::BTreeMap::new();
        let mut now = 0;
        for (pause, access_token_seen) in steps {
            now += pause;
            let current = session.generation;
            if access_token_seen {
                first_seen.insert(current, now);
                session.presented.push((current, at(now)));
                now += pause;
            }
            first_seen.entry(current).or_insert(now);
            session = renewed(&session, LIFETIMES, at(now));
        }
        now += wait;
        for token in 1..session.generation {
            let expected = match first_seen.get(&(token + 1)) {
                Some(seen) if now - seen > 10_000 => Replay,
                _ => Repeat,
            };
            prop_assert_eq!(decide(&session, token, at(now)), expected, "token {}", token);
        }
    }
}
