//! How many sessions one user may have, and which of them make room for another.

use super::Session;

/// The sessions that one user may have at once. A person's browsers and programs, with those that were forgotten, are
/// some dozens, and a whole class that shares one account is below it, too. Each sign-in without cookies begins one more,
/// so without a bound whoever knows one password could make the user's list and their sign-out everywhere hold up everybody.
pub const MOST_SESSIONS: usize = 256;
/// How many beyond that one sign-in ends at most, and so that many of them are read at most: a database from before the
/// bound may have any number, and no transaction is to be long for it. Each sign-in leaves fewer.
pub const MOST_EXCESS: usize = 64;

impl Session {
    /// Of these sessions of one user, [`MOST_SESSIONS`] and [`MOST_EXCESS`] at most, those that make room for one more:
    /// the least recently used ones.
    pub fn crowded_out(mut of_user: Vec<Self>) -> Vec<Self> {
        let excess = (of_user.len() + 1).saturating_sub(MOST_SESSIONS);
        of_user.sort_by_key(|session| (session.last_used(), session.started, session.id));
        of_user.truncate(excess);
        of_user
    }
}
