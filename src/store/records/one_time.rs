//! A one-time link's record. Its key is the hash of its token.

use super::Malformed;
use super::bytes::{Decoder, Encoder};
use crate::store::{OneTime, Purpose};
use crate::types::{Timestamp, UserId};

const VERSION: u8 = 1;

/// The record of `link`.
pub(crate) fn encode(link: &OneTime) -> Vec<u8> {
    let mut record = Encoder::new(VERSION);
    record.number(link.user.number()).byte(link.purpose.number());
    record.text(&link.email).number(link.expires.millis()).finish()
}

/// The link whose record this is.
pub(crate) fn decode(record: &[u8]) -> Result<OneTime, Malformed> {
    let (version, fields) = Decoder::new(record)?;
    match version {
        VERSION => decode_v1(fields),
        other => Err(Malformed::Version(other)),
    }
}

fn decode_v1(mut fields: Decoder<'_>) -> Result<OneTime, Malformed> {
    let link = OneTime {
        user: UserId::new(fields.number()?).ok_or(Malformed::Field("user"))?,
        purpose: Purpose::from_number(fields.byte()?).ok_or(Malformed::Field("purpose"))?,
        email: fields.text("e-mail")?.into(),
        expires: Timestamp::from_millis(fields.number()?),
    };
    fields.finish()?;
    Ok(link)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn links() -> impl Strategy<Value = OneTime> {
        (1..u64::MAX, prop::sample::select(Purpose::ALL), ".{0,60}", any::<u64>()).prop_map(
            |(user, purpose, email, expires)| OneTime {
                user: UserId::new(user).unwrap(),
                purpose,
                email: email.into(),
                expires: Timestamp::from_millis(expires),
            },
        )
    }

    proptest! {
        #[test]
        fn a_link_comes_back_as_it_was(link in links()) {
            prop_assert_eq!(decode(&encode(&link)), Ok(link));
        }

        #[test]
        fn a_record_that_was_cut_or_grew_is_refused(link in links(), cut in any::<prop::sample::Index>()) {
            let mut record = encode(&link);
            prop_assert_eq!(decode(&record[..cut.index(record.len())]), Err(Malformed::Short));
            record.push(0);
            prop_assert_eq!(decode(&record), Err(Malformed::Trailing));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn purposes_keep_their_numbers() {
        assert_eq!(Purpose::ALL.iter().map(|purpose| purpose.number()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(Purpose::from_number(1), Some(Purpose::PasswordReset));
        assert_eq!(Purpose::from_number(0), None);
        assert!(Purpose::ALL.iter().all(|purpose| Purpose::from_number(purpose.number()) == Some(*purpose)));
    }
}
