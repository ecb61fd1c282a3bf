//! The record of what a database was given at its first start.

use super::Malformed;
use super::bytes::{Decoder, Encoder};
use crate::store::Origin;
use crate::types::Secret;

const VERSION: u8 = 1;

/// The record of `origin`.
pub(crate) fn encode(origin: &Origin) -> Vec<u8> {
    let mut record = Encoder::new(VERSION);
    record.text(&origin.issuer).bytes(origin.session_key.reveal()).bytes(origin.refresh_key.reveal()).finish()
}

/// The origin whose record this is.
pub(crate) fn decode(record: &[u8]) -> Result<Origin, Malformed> {
    let (version, fields) = Decoder::new(record)?;
    match version {
        VERSION => decode_v1(fields),
        other => Err(Malformed::Version(other)),
    }
}

fn decode_v1(mut fields: Decoder<'_>) -> Result<Origin, Malformed> {
    let origin = Origin {
        issuer: fields.text("issuer")?.to_owned(),
        session_key: key(&mut fields)?,
        refresh_key: key(&mut fields)?,
    };
    fields.finish()?;
    Ok(origin)
}

/// A key that lost bytes would still work, and be guessable.
fn key(fields: &mut Decoder<'_>) -> Result<Secret<Vec<u8>>, Malformed> {
    let bytes = fields.bytes()?;
    if bytes.len() == Origin::KEY { Ok(Secret::new(bytes.to_vec())) } else { Err(Malformed::Field("key")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_origin_comes_back_as_it_was_and_short_keys_are_refused() {
        let mut origin = Origin {
            issuer: "sidegate:x".to_owned(),
            session_key: Secret::new(vec![1; 32]),
            refresh_key: Secret::new(vec![2; 32]),
        };
        let decoded = decode(&encode(&origin)).unwrap();
        assert_eq!(decoded.issuer, origin.issuer);
        assert!(decoded.session_key == origin.session_key && decoded.refresh_key == origin.refresh_key);
        origin.refresh_key = Secret::new(vec![2; 31]);
        assert_eq!(decode(&encode(&origin)).err(), Some(Malformed::Field("key")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = decode(&bytes);
        }
    }
}
