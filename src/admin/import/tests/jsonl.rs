//! JSON Lines: what is a line, and what an object may say.

use super::*;

fn one(line: &str) -> String {
    let rows = rows(parse(Format::Jsonl, line).unwrap());
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

#[test]
fn blank_lines_crlf_and_a_byte_order_mark_are_no_rows_but_count_as_lines() {
    let text = "\u{feff}\r\n{\"email\":\"a@example.com\",\"username\":\"a\"}\r\n \n\n\
                {\"email\":\"b@example.com\",\"username\":\"b\"}";
    let row = |name| {
        format!(
            "{{\"email\":\"{name}@example.com\",\"username\":\"{name}\",\"is_active\":true,\"roles\":[],\
             \"email_verified\":false,\"password_hash\":null}}"
        )
    };
    let expected = [format!("line 2: {}", row("a")), format!("line 5: {}", row("b"))];
    assert_eq!(rows(parse(Format::Jsonl, text).unwrap()), expected);
    assert!(rows(parse(Format::Jsonl, "").unwrap()).is_empty());
}

#[test]
fn other_names_and_null_are_understood() {
    let line = "{\"id\":3,\"email\":\"a@example.com\",\"name\":\"a\",\"is_active\":null,\"roles\":null,\
                \"created_at\":\"2024-01-02 03:04:05\",\"hashed_password\":\"$x\"}";
    assert_eq!(
        one(line),
        "line 1: {\"uid\":3,\"email\":\"a@example.com\",\"username\":\"a\",\"is_active\":true,\"roles\":[],\
         \"email_verified\":false,\"created_at\":\"2024-01-02T03:04:05.000Z\",\"password_hash\":\"$x\"}"
    );
}

#[test]
fn a_line_that_is_no_users_object_says_why() {
    for (line, fault) in [
        ("{", "the object does not end on this line; each must stand on one line"),
        ("7", "it is no JSON object (column 1)"),
        ("{\"email\":\"$secret", "the object does not end on this line; each must stand on one line"),
        ("{\"email\" \"$secret\"}", "it is no JSON object (column 10)"),
        ("{} {}", "it is no JSON object (column 4)"),
        ("{}", "`email` is missing"),
        ("{\"email\":\"a@example.com\"}", "`username` is missing"),
        ("{\"emial\":1}", "unknown key \"emial\"; did you mean `email`?"),
        ("{\"email\":\"a\",\"email\":\"b\"}", "`email` is given twice"),
        (
            "{\"password_hash\":\"a\",\"password\":\"b\"}",
            "`password_hash` is given twice, once as `password`",
        ),
        ("{\"email\":1}", "`email` must be a string, not a number"),
    ] {
        assert_eq!(one(line), format!("line 1: {fault}"), "{line}");
    }
    assert_eq!(rows(parse(Format::Jsonl, b"{\"email\":\"\xff\"}").unwrap()), ["line 1: it is not UTF-8"]);
}

#[test]
fn a_value_of_another_type_is_refused() {
    let time = "must be a time since 1970 such as `2024-01-02T03:04:05Z`";
    for (pair, fault) in [
        ("\"is_active\":1", "`is_active` must be true or false, not a number".to_owned()),
        ("\"is_active\":\"true\"", "`is_active` must be true or false, not a string".to_owned()),
        ("\"roles\":\"admin\"", "`roles` must be a list of strings, not a string".to_owned()),
        ("\"roles\":[1]", "`roles` must be a list of strings, not a list with a number".to_owned()),
        ("\"roles\":{\"a\":[1]}", "`roles` must be a list of strings, not an object".to_owned()),
        ("\"created_at\":1704164645", format!("`created_at` {time}, not a number")),
        ("\"updated_at\":\"soon\"", format!("`updated_at` {time}, not \"soon\"")),
        ("\"password_hash\":[]", "`password_hash` must be a string, not a list".to_owned()),
    ] {
        let line = format!("{{\"email\":\"a@example.com\",\"username\":\"a\",{pair}}}");
        assert_eq!(one(&line), format!("line 1: {fault}"));
    }
}

#[test]
fn a_uid_is_a_whole_number_of_1_or_more_that_leaves_room_for_the_next() {
    let line = |uid: &str| format!("{{\"email\":\"a@example.com\",\"username\":\"a\",\"uid\":{uid}}}");
    for uid in ["1", "9223372036854775806"] {
        assert!(one(&line(uid)).starts_with(&format!("line 1: {{\"uid\":{uid},")), "{uid}");
    }
    for (uid, shown) in [
        ("0", "0"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("1e2", "100"),
        ("\"7\"", "a string"),
        ("99999999999999999999", "100000000000000000000"),
    ] {
        let must = "`uid` must be a whole number of 1 or more";
        let expected = format!("line 1: {must}, not {shown}; without one the next free number is given");
        assert_eq!(one(&line(uid)), expected);
    }
    assert_eq!(
        one(&line("9223372036854775807")),
        "line 1: `uid` 9223372036854775807 leaves no number for the next user"
    );
}

#[test]
fn an_array_is_told_from_lines() {
    let error = parse(Format::Jsonl, " \n[{}]").unwrap_err().to_string();
    assert_eq!(
        error,
        "`users` holds a JSON array; one object a line is read\n\
         hint: turn it into lines with `jq -c '.[]' users > users.jsonl`"
    );
}
