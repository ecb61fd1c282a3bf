//! A kept counter's record. Its key is the counter's kind and key.

use super::Malformed;
use super::bytes::{Decoder, Encoder};
use crate::store::KeptLimit;
use crate::types::Timestamp;

const VERSION: u8 = 1;

/// The record of `limit`.
pub(crate) fn encode(limit: &KeptLimit) -> Vec<u8> {
    let [first, second] = limit.counter;
    Encoder::new(VERSION).number(first).number(second).number(limit.until.millis()).finish()
}

/// The counter of this kind and key whose record this is.
pub(crate) fn decode(kind: u8, key: [u8; KeptLimit::KEY], record: &[u8]) -> Result<KeptLimit, Malformed> {
    let (version, fields) = Decoder::new(record)?;
    match version {
        VERSION => decode_v1(kind, key, fields),
        other => Err(Malformed::Version(other)),
    }
}

fn decode_v1(kind: u8, key: [u8; KeptLimit::KEY], mut fields: Decoder<'_>) -> Result<KeptLimit, Malformed> {
    let counter = [fields.number()?, fields.number()?];
    let until = Timestamp::from_millis(fields.number()?);
    fields.finish()?;
    Ok(KeptLimit { kind, key, counter, until })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_counter_comes_back_as_it_was(kind: u8, key: [u8; 16], counter: [u64; 2], until: u64) {
            let limit = KeptLimit { kind, key, counter, until: Timestamp::from_millis(until) };
            let mut record = encode(&limit);
            prop_assert_eq!(decode(kind, key, &record), Ok(limit));
            prop_assert_eq!(decode(kind, key, &record[..record.len() - 1]), Err(Malformed::Short));
            record.push(0);
            prop_assert_eq!(decode(kind, key, &record), Err(Malformed::Trailing));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(1, [0; 16], &bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = decode(1, [0; 16], &bytes);
        }
    }
}
