//! The formats together: what they agree on, what each refuses, and that no bytes upset them.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::store::User;
use crate::types::{Email, PasswordHash, Role, Secret, Timestamp, UserId, Username};

mod csv;
mod hostile;
mod jsonl;
mod many;
mod sqlite;

/// Stands in for `hashing`, which the property test's made-up hashes would not please.
fn known(hash: &PasswordHash) -> Result<(), String> {
    if hash.reveal().starts_with('$') { Ok(()) } else { Err("it is of no known kind".to_owned()) }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)
}

fn contents(name: &str) -> Contents {
    read(Source::open(&fixture(name), None).unwrap()).unwrap()
}

fn parse(format: Format, text: impl Into<Vec<u8>>) -> Result<Contents, ImportError> {
    read(Source::new("users", Some(format), text.into()).unwrap())
}

/// Each row as a line of text: its place, then its record as exported or what is wrong with it.
fn rows(contents: Contents) -> Vec<String> {
    let row = |line: Line| match line.row {
        Ok(record) => format!("{}: {}", line.at, serde_json::to_string(&record).unwrap()),
        Err(fault) => format!("{}: {fault}", line.at),
    };
    contents.lines.into_iter().map(row).collect()
}

/// What is wrong with the rows, after all checks.
fn faults(contents: Contents) -> Vec<String> {
    let bad = examine(contents.lines, &known).bad;
    bad.into_iter().map(|(at, fault)| format!("{at}: {fault}")).collect()
}

fn good(contents: Contents) -> Vec<Checked> {
    let examined = examine(contents.lines, &known);
    assert!(examined.bad.is_empty(), "{:?}", examined.bad);
    examined.good.into_iter().map(|(_, checked)| checked).collect()
}

#[test]
fn the_fixtures_say_the_same_in_each_format() {
    let (jsonl, csv, sqlite) =
        (good(contents("users.jsonl")), good(contents("users.csv")), good(contents("app.db")));
    assert_eq!(jsonl, csv);
    // The FastAPI project knows neither roles nor proofs.
    let bare = |row: &Checked| Checked { roles: Vec::new(), email_verified: false, ..row.clone() };
    assert_eq!(jsonl.iter().map(bare).collect::<Vec<_>>(), sqlite);
    let uids: Vec<u64> = sqlite.iter().filter_map(|row| row.uid).map(UserId::number).collect();
    assert_eq!(uids, [1, 2, 5, 40]);
    assert_eq!(sqlite.iter().map(|row| row.active).collect::<Vec<_>>(), [true, true, false, true]);
}

#[test]
fn the_fixtures_lines_are_exported_as_they_were_read() {
    let text = fs::read_to_string(fixture("users.jsonl")).unwrap();
    for (line, expected) in contents("users.jsonl").lines.into_iter().zip(text.lines()) {
        // A time that nobody knows is left out by the export, which always knows it.
        let expected = expected.replace("\"created_at\":null,\"updated_at\":null,", "");
        assert_eq!(serde_json::to_string(&line.row.unwrap()).unwrap(), expected);
    }
}

#[test]
fn rows_that_want_one_address_or_one_number_are_all_refused_and_name_each_other() {
    let text = "uid,email,username\n\
                1,jack@example.com,a\n\
                2,jill@example.com,b\n\
                3,Jack@EXAMPLE.com,c\n\
                2,other@example.com,d\n\
                ,jack@example.com,e\n\
                4,fine@example.com,f\n\
                7,x@bücher.example,g\n\
                8,x@xn--bcher-kva.example,h\n";
    let examined = examine(parse(Format::Csv, text).unwrap().lines, &known);
    let bad: Vec<String> = examined.bad.iter().map(|(at, fault)| format!("{at}: {fault}")).collect();
    assert_eq!(
        bad,
        [
            "line 2: `email` is also that of line 4, line 6",
            "line 3: `uid` is also that of line 5",
            "line 4: `email` is also that of line 2, line 6",
            "line 5: `uid` is also that of line 3",
            "line 6: `email` is also that of line 2, line 4",
            "line 8: `email` is also that of line 9",
            "line 9: `email` is also that of line 8",
        ]
    );
    assert_eq!(examined.good.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [Place::Line(7)]);
}

#[test]
fn a_value_that_sign_up_would_refuse_is_named_with_its_field_and_never_with_the_hash() {
    for (field, value, fault) in [
        ("email", "\"jack\"", "`email` is no address: \"jack\""),
        ("email", "\" \"", "`email` is empty"),
        ("username", "\"\"", "`username` is empty"),
        ("username", "\"a\\u001b[1m\"", "`username` has a control character in it: \"a\\u{1b}[1m\""),
        (
            "roles",
            "[\"a b\"]",
            "`roles` has a name that is not 1 to 64 letters, digits, `-`, `_`, `.` or `:`: \"a b\"",
        ),
        (
            "password_hash",
            "\"hunter2\"",
            "`password_hash` is no hash that can be verified: it is of no known kind; left empty, its user sets a \
             password by a reset",
        ),
    ] {
        let other = |name: &str, value: &str| {
            if name == field { String::new() } else { format!(",\"{name}\":{value}") }
        };
        let (email, username) = (other("email", "\"a@example.com\""), other("username", "\"a\""));
        let line = format!("{{\"{field}\":{value}{email}{username}}}");
        assert_eq!(faults(parse(Format::Jsonl, line).unwrap()), [format!("line 1: {fault}")]);
    }
    let long = format!("email,username\na@example.com,{}\n", "ü".repeat(65));
    let shown = "ü".repeat(60);
    assert_eq!(
        faults(parse(Format::Csv, long).unwrap()),
        [format!("line 2: `username` has 65 characters, 64 are the most: \"{shown}\"…")]
    );
}

#[test]
fn a_record_never_prints_its_hash() {
    let line = parse(
        Format::Jsonl,
        "{\"email\":\"a@example.com\",\"username\":\"a\",\"password_hash\":\"$secret\"}",
    );
    let shown = format!("{line:?}");
    assert!(shown.contains("a@example.com") && !shown.contains("secret"), "{shown}");
}

fn users() -> impl Strategy<Value = User> {
    let names = ("[a-zA-Z0-9ü]{1,20}@[a-z]{1,10}\\.example", "[^\\pC\\pZ]([^\\pC]{0,62}[^\\pC\\pZ])?");
    let hash = proptest::option::of("\\$[ -~]{0,100}".prop_map(Secret::new));
    let roles = proptest::collection::btree_set("[a-z:._-]{1,64}", 0..4);
    // RFC 3339 ends with the year 9999.
    let times = (0..253_402_207_200_000_u64, 0..253_402_207_200_000_u64);
    (1..i64::MAX.unsigned_abs(), names, hash, any::<bool>(), roles, any::<bool>(), times).prop_filter_map(
        "an address or a name that is none",
        |(id, names, password, active, roles, email_verified, times)| {
            Some(User {
                id: UserId::new(id)?,
                email: Email::parse(&names.0)?,
                username: Username::parse(&names.1)?,
                password,
                active,
                roles: roles.iter().filter_map(|name| Role::parse(name)).collect(),
                email_verified,
                created: Timestamp::from_millis(times.0),
                updated: Timestamp::from_millis(times.1),
            })
        },
    )
}

fn checked(user: User) -> Checked {
    Checked {
        uid: Some(user.id),
        email: user.email,
        username: user.username,
        active: user.active,
        roles: user.roles,
        email_verified: user.email_verified,
        created: Some(user.created),
        updated: Some(user.updated),
        password: user.password,
    }
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_as_it_was(users in proptest::collection::vec(users(), 1..4)) {
        let mut text = String::new();
        for user in &users {
            text.push_str(&serde_json::to_string(&Record::of(user)).unwrap());
            text.push('\n');
        }
        let lines = parse(Format::Jsonl, text.as_str()).unwrap().lines;
        for (line, user) in lines.into_iter().zip(users) {
            prop_assert_eq!(check(line.row.unwrap(), &known).unwrap(), checked(user));
        }
        // The wire's form is the file's.
        for line in text.lines() {
            let record: Record = serde_json::from_str(line).unwrap();
            prop_assert_eq!(serde_json::to_string(&record).unwrap(), line);
        }
    }
}
