//! Fields as HTTP/1.1 writes them.

/// Each byte as it is written within a word, and as the first of one: to look it up costs less than to work out both and choose.
static WRITTEN: [[u8; 256]; 2] = {
    let (mut written, mut byte) = ([[0; 256]; 2], 0_u8);
    loop {
        written[0][byte as usize] = byte.to_ascii_lowercase();
        written[1][byte as usize] = byte.to_ascii_uppercase();
        if byte == u8::MAX {
            break written;
        }
        byte += 1;
    }
};

/// Writes a request's field. Names are written as people write them (`X-User-Id`), as on hyper's way.
pub(super) fn write(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let mut begins = true;
    out.extend(name.iter().map(|byte| {
        let written = WRITTEN[usize::from(begins)][usize::from(*byte)];
        begins = *byte == b'-';
        written
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
