//! CSV: its header, its quotes, and which line a row begins on.

use super::*;

fn error(text: &str) -> String {
    parse(Format::Csv, text).unwrap_err().to_string()
}

#[test]
fn a_row_is_named_by_the_line_that_it_begins_on() {
    for end in ["\n", "\r\n", "\r"] {
        // Quoted fields hold line ends, blank lines stand between rows.
        let text = ["email,username", "", "a,1", "b,\"2", "2\"", "", "", "c,3", "d,4"].join(end);
        let places: Vec<String> =
            parse(Format::Csv, text).unwrap().lines.iter().map(|line| line.at.to_string()).collect();
        assert_eq!(places, ["line 3", "line 4", "line 8", "line 9"], "{end:?}");
    }
}

#[test]
fn columns_go_by_any_of_their_names_in_any_order_and_case() {
    let text = "\u{feff}Password, NAME ,Email,ID,active,role,create_time\r\n\
                $x,\"Mallory, \"\"M.\"\"\",m@example.com,7,False,\"admin, ops;dev\",2024-01-02 03:04:05.5\r\n\
                ,b,b@example.com,,,,\r\n";
    assert_eq!(
        rows(parse(Format::Csv, text).unwrap()),
        [
            "line 2: {\"uid\":7,\"email\":\"m@example.com\",\"username\":\"Mallory, \\\"M.\\\"\",\"is_active\":false,\
             \"roles\":[\"admin\",\"ops\",\"dev\"],\"email_verified\":false,\
             \"created_at\":\"2024-01-02T03:04:05.500Z\",\"password_hash\":\"$x\"}",
            "line 3: {\"email\":\"b@example.com\",\"username\":\"b\",\"is_active\":true,\"roles\":[],\
             \"email_verified\":false,\"password_hash\":null}",
        ]
    );
}

#[test]
fn a_header_that_is_not_understood_says_what_to_write() {
    for (text, said) in [
        ("", "the first line of `users` does not name its columns\nhint: the file is empty"),
        (
            "1,jack@example.com,jack\n",
            "the first line of `users` does not name its columns\nhint: let it begin with a line such as \
             `uid,email,username,is_active,password_hash`",
        ),
        (
            "jack@example.com,jack\n",
            "the first line of `users` does not name its columns\nhint: let it begin with a line such as \
             `uid,email,username,is_active,password_hash`",
        ),
        (
            "uid;email;username\n",
            "the first line of `users` does not name its columns\nhint: columns are separated by commas",
        ),
        ("email,user\n", "`users` has an unknown column \"user\"\nhint: did you mean `user_id`?"),
        (
            "email,username,name\n",
            "two columns of `users` are `username`, which goes by `username`, `name`, `user_name`\n\
             hint: leave one of them",
        ),
        (
            "uid,email\n",
            "`users` has no column `username`\nhint: it may be called `username`, `name`, `user_name`",
        ),
    ] {
        assert_eq!(error(text), said, "{text}");
    }
    let utf16: Vec<u8> = "\u{feff}email".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let said = parse(Format::Csv, utf16).unwrap_err().to_string();
    assert!(said.contains("it is not UTF-8"), "{said}");
}

#[test]
fn a_row_that_does_not_fit_the_header_or_holds_no_such_value_is_a_fault_of_its_own() {
    let text = b"email,username,is_active,uid\n\
                 a@example.com,a\n\
                 b@example.com,b,perhaps,\n\
                 c@example.com,\xff,,\n\
                 d@example.com,,,\n\
                 e@example.com,e,,1 2\n\
                 f@example.com,f,,+1\n";
    let quoted = "a field with a comma, a quote or a line's end in it must be quoted";
    let uid = |given: &str| {
        format!(
            "`uid` must be a whole number of 1 or more, not {given}; without one the next free number is given"
        )
    };
    assert_eq!(
        rows(parse(Format::Csv, text).unwrap()),
        [
            format!("line 2: it has 2 fields where the header has 4; {quoted}"),
            "line 3: `is_active` must be true or false, not \"perhaps\"".to_owned(),
            "line 4: `username` is not UTF-8".to_owned(),
            "line 5: `username` is missing".to_owned(),
            format!("line 6: {}", uid("\"1 2\"")),
            format!("line 7: {}", uid("\"+1\"")),
        ]
    );
}
