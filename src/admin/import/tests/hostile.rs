//! Bytes that nobody meant: they are read or refused, never a panic.

use super::*;

/// All of the ways in that bytes have.
fn read_anyhow(bytes: &[u8]) {
    for format in [Format::Jsonl, Format::Csv, Format::Sqlite] {
        if let Ok(source) = Source::new("users", Some(format), bytes.to_vec())
            && let Ok(contents) = read(source)
        {
            let Examined { good, bad } = examine(contents.lines, &known);
            drop(format!("{good:?}{bad:?}"));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_anyhow(&bytes);
    }

    #[test]
    fn any_csv_is_read_or_refused(rows in proptest::collection::vec(".{0,40}", 0..6)) {
        read_anyhow(format!("email,username,uid,is_active,created_at,roles\n{}", rows.join(",")).as_bytes());
    }

    #[test]
    fn any_value_is_read_or_refused(name in "[a-z_]{1,8}|uid|roles|created_at|is_active", text in "\\PC{0,40}", number: f64) {
        read_anyhow(format!("{{\"email\":\"a@example.com\",\"username\":\"a\",\"{name}\":{text:?}}}").as_bytes());
        read_anyhow(format!("{{\"email\":\"a@example.com\",\"username\":\"a\",\"{name}\":{number}}}").as_bytes());
    }

    #[test]
    fn a_spoiled_database_is_read_or_refused(
        spoiled in proptest::collection::vec((0..16384_usize, any::<u8>()), 1..20),
        length in 100..16385_usize,
    ) {
        let mut bytes = fs::read(fixture("app.db")).unwrap();
        for (place, byte) in spoiled {
            bytes[place] = byte;
        }
        bytes.truncate(length);
        read_anyhow(&bytes);
    }
}

#[test]
fn a_deeply_nested_value_is_a_fault() {
    let line = format!("{{\"roles\":{}", "[".repeat(100_000));
    let rows = rows(parse(Format::Jsonl, line).unwrap());
    assert!(rows[0].starts_with("line 1: it is no JSON object (column "), "{rows:?}");
}
