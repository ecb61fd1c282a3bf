//! A signing key's record.

use super::Malformed;
use super::bytes::{Decoder, Encoder};
use crate::store::SigningKey;
use crate::types::{Secret, Timestamp};

const VERSION: u8 = 1;

/// The record of `key`.
pub(crate) fn encode(key: &SigningKey) -> Vec<u8> {
    let mut record = Encoder::new(VERSION);
    record.text(&key.algorithm).bytes(key.private.reveal()).number(key.created.millis());
    record.flag(key.retired.is_some());
    if let Some(retired) = key.retired {
        record.number(retired.millis());
    }
    record.finish()
}

/// The key whose record this is.
pub(crate) fn decode(kid: &str, record: &[u8]) -> Result<SigningKey, Malformed> {
    let (version, fields) = Decoder::new(record)?;
    match version {
        VERSION => decode_v1(kid, fields),
        other => Err(Malformed::Version(other)),
    }
}

fn decode_v1(kid: &str, mut fields: Decoder<'_>) -> Result<SigningKey, Malformed> {
    let key = SigningKey {
        kid: kid.to_owned(),
        algorithm: fields.text("algorithm")?.to_owned(),
        private: Secret::new(fields.bytes()?.to_vec()),
        created: Timestamp::from_millis(fields.number()?),
        retired: if fields.flag("retired")? { Some(Timestamp::from_millis(fields.number()?)) } else { None },
    };
    fields.finish()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_comes_back_as_it_was(
            names in ("[ -~]{0,40}", "[A-Za-z0-9]{0,10}"),
            private in proptest::collection::vec(any::<u8>(), 0..200),
            times in (any::<u64>(), proptest::option::of(any::<u64>())),
        ) {
            let key = SigningKey {
                kid: names.0,
                algorithm: names.1,
                private: Secret::new(private),
                created: Timestamp::from_millis(times.0),
                retired: times.1.map(Timestamp::from_millis),
            };
            let decoded = decode(&key.kid, &encode(&key)).unwrap();
            prop_assert_eq!(format!("{decoded:?}"), format!("{key:?}"));
            prop_assert_eq!(decoded.private.reveal(), key.private.reveal());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode("", &bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = decode("", &bytes);
        }
    }
}
