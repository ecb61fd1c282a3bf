//! Large files: the work grows with the rows, and not with their square.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;

/// Many times what this takes on a busy machine in a debug build.
const GENEROUS: Duration = Duration::from_mins(1);

#[test]
fn many_rows_that_all_collide_are_read_in_seconds() {
    let mut text = "uid,email,username\n".to_owned();
    for _ in 0..30_000 {
        text.push_str("7,jack@example.com,jack\n");
    }
    let begun = Instant::now();
    let examined = examine(parse(Format::Csv, text).unwrap().lines, &known);
    assert_eq!((examined.good.len(), examined.bad.len()), (0, 30_000));
    let (at, fault) = &examined.bad[29_999];
    let others = "line 2, line 3, line 4 and 29996 more";
    assert_eq!(format!("{at}: {fault}"), format!("line 30001: `uid` is also that of {others}"));
    assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
}

#[test]
fn many_rows_are_read_in_seconds() {
    let mut text = String::new();
    for number in 1..=10_000 {
        writeln!(
            text,
            "{{\"uid\":{number},\"email\":\"user{number}@example.com\",\"username\":\"user {number}\",\
             \"is_active\":true,\"roles\":[\"a\"],\"created_at\":\"2024-01-02T03:04:05.678Z\",\
             \"password_hash\":\"$argon2id$v=19$m=65536,t=3,p=4$U0hBUkVEU0FMVA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo\"}}"
        )
        .unwrap();
    }
    let begun = Instant::now();
    let examined = examine(parse(Format::Jsonl, text).unwrap().lines, &known);
    assert_eq!((examined.good.len(), examined.bad.len()), (10_000, 0));
    assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
}
