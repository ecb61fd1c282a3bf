//! Fields as HTTP/1.1 writes them.

/// Writes a request's field. Names are written as people write them (`X-User-Id`), as on hyper's way.
pub(super) fn write(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let mut begins = true;
    out.extend(name.iter().map(|byte| {
        let begun = std::mem::replace(&mut begins, *byte == b'-');
        if begun { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
    }));
    end(value, out);
}

/// What follows a field's name.
pub(super) fn end(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_with_capitals_at_the_beginning_of_each_word() {
        for (name, written) in [
            ("x-user-id", "X-User-Id"),
            ("USER-AGENT", "User-Agent"),
            ("dnt", "Dnt"),
            ("-a--b-", "-A--B-"),
            ("x_a.b!1c", "X_a.b!1c"),
        ] {
            let mut out = Vec::new();
            write(name.as_bytes(), b"1", &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{written}: 1\r\n"));
        }
    }
}
