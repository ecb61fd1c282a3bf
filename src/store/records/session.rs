//! A session's record.

use std::net::IpAddr;

use super::Malformed;
use super::bytes::{Decoder, Encoder};
use crate::store::Session;
use crate::types::{SessionId, Timestamp, UserId};

const VERSION: u8 = 1;

/// The record of `session`.
pub(crate) fn encode(session: &Session) -> Vec<u8> {
    let mut record = Encoder::new(VERSION);
    record.number(session.user.number()).number(session.started.millis()).number(session.generation);
    record.number(session.issued.millis()).number(session.expires.millis());
    record.count(session.presented.len());
    for (generation, at) in &session.presented {
        record.number(*generation).number(at.millis());
    }
    match session.address {
        None => record.bytes(&[]),
        Some(IpAddr::V4(address)) => record.bytes(&address.octets()),
        Some(IpAddr::V6(address)) => record.bytes(&address.octets()),
    };
    record.text(&session.agent).finish()
}

/// The session whose record this is.
pub(crate) fn decode(id: SessionId, record: &[u8]) -> Result<Session, Malformed> {
    let (version, fields) = Decoder::new(record)?;
    match version {
        VERSION => decode_v1(id, fields),
        other => Err(Malformed::Version(other)),
    }
}

fn decode_v1(id: SessionId, mut fields: Decoder<'_>) -> Result<Session, Malformed> {
    let session = Session {
        id,
        user: UserId::new(fields.number()?).ok_or(Malformed::Field("user"))?,
        started: Timestamp::from_millis(fields.number()?),
        generation: fields.number()?,
        issued: Timestamp::from_millis(fields.number()?),
        expires: Timestamp::from_millis(fields.number()?),
        presented: fields.list(|item| Ok((item.number()?, Timestamp::from_millis(item.number()?))))?,
        address: decode_address(fields.bytes()?)?,
        agent: fields.text("agent")?.to_owned(),
    };
    fields.finish()?;
    Ok(session)
}

fn decode_address(octets: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    if octets.is_empty() {
        return Ok(None);
    }
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(octets).map(IpAddr::from);
    v4.or(v6).map(Some).map_err(|_| Malformed::Field("address"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sessions() -> impl Strategy<Value = Session> {
        let presented = proptest::collection::vec((any::<u64>(), any::<u64>()), 0..4);
        let times = (any::<u64>(), any::<u64>(), any::<u64>());
        let device = (proptest::option::of(any::<IpAddr>()), ".{0,60}");
        (any::<[u8; 24]>(), 1..u64::MAX, any::<u64>(), times, presented, device).prop_map(
            |(id, user, generation, times, presented, device)| Session {
                id: SessionId::from_bytes(id),
                user: UserId::new(user).unwrap(),
                started: Timestamp::from_millis(times.0),
                generation,
                issued: Timestamp::from_millis(times.1),
                expires: Timestamp::from_millis(times.2),
                presented: presented.into_iter().map(|(g, at)| (g, Timestamp::from_millis(at))).collect(),
                address: device.0,
                agent: device.1,
            },
        )
    }

    proptest! {
        #[test]
        fn a_session_comes_back_as_it_was(session in sessions()) {
            prop_assert_eq!(decode(session.id, &encode(&session)), Ok(session));
        }

        #[test]
        fn a_record_that_was_cut_or_grew_is_refused(session in sessions(), cut in any::<prop::sample::Index>()) {
            let mut record = encode(&session);
            prop_assert_eq!(decode(session.id, &record[..cut.index(record.len())]), Err(Malformed::Short));
            record.push(0);
            prop_assert_eq!(decode(session.id, &record), Err(Malformed::Trailing));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let id = SessionId::from_bytes([0; 24]);
            let _ = decode(id, &bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = decode(id, &bytes);
        }
    }
}
