//! A user's record.

use super::Malformed;
use super::bytes::{Decoder, Encoder};
use crate::store::User;
use crate::types::{Email, Role, Secret, Timestamp, UserId, Username};

const VERSION: u8 = 1;

/// The record of `user`.
pub(crate) fn encode(user: &User) -> Vec<u8> {
    let mut record = Encoder::new(VERSION);
    record.text(user.email.as_str()).text(user.username.as_str());
    record.flag(user.password.is_some());
    if let Some(hash) = &user.password {
        record.text(hash.reveal());
    }
    record.flag(user.active).count(user.roles.len());
    for role in &user.roles {
        record.text(role.as_str());
    }
    record.flag(user.email_verified).number(user.created.millis()).number(user.updated.millis()).finish()
}

/// The user whose record this is.
pub(crate) fn decode(id: UserId, record: &[u8]) -> Result<User, Malformed> {
    let (version, fields) = Decoder::new(record)?;
    match version {
        VERSION => decode_v1(id, fields),
        other => Err(Malformed::Version(other)),
    }
}

fn decode_v1(id: UserId, mut fields: Decoder<'_>) -> Result<User, Malformed> {
    let user = User {
        id,
        email: Email::parse(fields.text("e-mail")?).ok_or(Malformed::Field("e-mail"))?,
        username: Username::parse(fields.text("username")?).ok_or(Malformed::Field("username"))?,
        password: if fields.flag("password")? {
            Some(Secret::new(fields.text("password")?.to_owned()))
        } else {
            None
        },
        active: fields.flag("active")?,
        roles: fields.list(|item| Role::parse(item.text("role")?).ok_or(Malformed::Field("role")))?,
        email_verified: fields.flag("email_verified")?,
        created: Timestamp::from_millis(fields.number()?),
        updated: Timestamp::from_millis(fields.number()?),
    };
    fields.finish()?;
    Ok(user)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users() -> impl Strategy<Value = User> {
        let names = ("[a-zA-Z0-9ü]{1,20}@[a-z]{1,10}\\.example", "[^\\pC\\pZ]{1,64}");
        let secret = proptest::option::of("[ -~]{0,100}".prop_map(Secret::new));
        let roles = proptest::collection::vec("[a-z:._-]{1,64}", 0..4);
        let rest = (secret, any::<bool>(), roles, any::<bool>(), any::<u64>(), any::<u64>());
        (1..u64::MAX, names, rest).prop_filter_map(
            "an address or a name that is none",
            |(id, names, rest)| {
                Some(User {
                    id: UserId::new(id)?,
                    email: Email::parse(&names.0)?,
                    username: Username::parse(&names.1)?,
                    password: rest.0,
                    active: rest.1,
                    roles: rest.2.iter().filter_map(|name| Role::parse(name)).collect(),
                    email_verified: rest.3,
                    created: Timestamp::from_millis(rest.4),
                    updated: Timestamp::from_millis(rest.5),
                })
            },
        )
    }

    /// A user has no `PartialEq`, for hashes are not to be compared in passing; here all of it counts.
    fn told(user: &User) -> String {
        format!("{user:?} {:?}", user.password.as_ref().map(Secret::reveal))
    }

    proptest! {
        #[test]
        fn a_user_comes_back_as_they_were(user in users()) {
            let decoded = decode(user.id, &encode(&user)).unwrap();
            prop_assert_eq!(told(&decoded), told(&user));
        }

        #[test]
        fn a_record_that_was_cut_or_grew_is_refused(user in users(), cut in any::<prop::sample::Index>()) {
            let mut record = encode(&user);
            prop_assert_eq!(decode(user.id, &record[..cut.index(record.len())]).err(), Some(Malformed::Short));
            record.push(0);
            prop_assert_eq!(decode(user.id, &record).err(), Some(Malformed::Trailing));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let id = UserId::new(1).unwrap();
            let _ = decode(id, &bytes);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = decode(id, &bytes);
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        assert_eq!(decode(UserId::new(1).unwrap(), &[9, 0]).err(), Some(Malformed::Version(9)));
    }
}
