//! Sets of header names. Those that only the gate may say are matched as a careless backend may read them: every sign that
//! is no letter or digit counts as `-`.

use http::{HeaderMap, HeaderName};

/// A set of header names, in every case.
#[derive(Clone, Debug)]
pub struct Names {
    names: Box<[Box<[u8]>]>,
    /// As in [`Spellings`].
    lengths: u64,
}

impl Names {
    /// Matches these names.
    pub fn of(names: impl IntoIterator<Item = HeaderName>) -> Self {
        let names: Box<[Box<[u8]>]> = names.into_iter().map(|name| name.as_str().as_bytes().into()).collect();
        let lengths = names.iter().fold(0, |lengths, name| lengths | length(name));
        Self { names, lengths }
    }

    /// Whether `name` is one of these.
    pub fn has(&self, name: &[u8]) -> bool {
        self.lengths & length(name) != 0 && self.names.iter().any(|ours| ours.eq_ignore_ascii_case(name))
    }
}

/// The bit of a name's length.
fn length(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

/// A set of header names, matched in every spelling (`x-user-id`, `X_User_Id`, `X.User.Id`).
#[derive(Clone, Debug)]
pub struct Spellings {
    names: Vec<Box<[u8]>>,
    /// Bit n: some name has n bytes. Most headers are told apart by this alone.
    lengths: u64,
}

impl Spellings {
    /// Matches these names. None may be longer than 63 bytes; `config` sees to that.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self { names: Vec::new(), lengths: 0 };
        for name in names {
            let plain: Box<[u8]> = name.bytes().map(plain).collect();
            all.lengths |= length(&plain);
            if !all.names.contains(&plain) {
                all.names.push(plain);
            }
        }
        all
    }

    /// Whether `name` is one of these, however it is spelled.
    pub fn matches(&self, name: &HeaderName) -> bool {
        self.has(name.as_str().as_bytes())
    }

    /// The same of a name that may be written in any case.
    pub fn has(&self, name: &[u8]) -> bool {
        self.lengths & length(name) != 0
            && self.names.iter().any(|ours| {
                ours.len() == name.len()
                    && ours.iter().zip(name).all(|(ours, theirs)| *ours == plain(*theirs))
            })
    }

    /// Removes every spelling from `headers`.
    pub fn remove_from(&self, headers: &mut HeaderMap) {
        while let Some(name) = headers.keys().find(|name| self.matches(name)).cloned() {
            headers.remove(name);
        }
    }
}

fn plain(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_matched_in_every_spelling() {
        let ours = Spellings::of(["X-User-Id", "X-Forwarded-For"]);
        for (name, hit) in [
            ("X-User-Id", true),
            ("x_user_id", true),
            ("X.User.Id", true),
            ("x~user!id", true),
            ("X_Forwarded-For", true),
            ("X-User-Ids", false),
            ("XUserId", false),
            ("X-User--Id", false),
            ("Host", false),
        ] {
            assert_eq!(ours.matches(&name.parse().unwrap()), hit, "{name}");
        }
    }
}
