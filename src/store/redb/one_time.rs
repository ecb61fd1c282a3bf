//! One-time links: their tables, and what is written and asked about them.
//!
//! The tables are made by the first write of a program that knows them, so that a reader may find none yet.

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use super::fault::Fault;
use super::layout::Record;
use super::tables::Tables;
use super::view::View;
use crate::store::records::one_time;
use crate::store::{NewOneTime, OneTime, PasswordHash, Proven, Purpose, Reset, TokenHash, User};
use crate::types::{Timestamp, UserId};

type Hash = &'static [u8; TokenHash::LEN];
/// A moment, then a token's hash.
type TimedHash = &'static [u8; TIMED];

/// A token's hash → the link's record.
const LINKS: TableDefinition<'_, Hash, Record> = TableDefinition::new("one_time");
/// uid and purpose → the hash of the one token that there is for both.
const BY_USER: TableDefinition<'_, (u64, u8), Hash> = TableDefinition::new("one_time_by_user");
/// When the link expires, and its token's hash.
const BY_EXPIRY: TableDefinition<'_, TimedHash, ()> = TableDefinition::new("one_time_by_expiry");
/// The names of all of them.
pub(super) const TABLES: [&str; 3] = ["one_time", "one_time_by_user", "one_time_by_expiry"];

const TIMED: usize = 8 + TokenHash::LEN;
/// Expired links that a new one takes with it: more than come in, so that the tables never grow for good, and few
/// enough for nobody to wait.
const CLEARED: usize = 16;

/// The tables, within a write. Get at them by [`Tables::one_time`] and [`Tables::one_time_mut`].
pub(super) struct OneTimes<'t> {
    links: Table<'t, Hash, Record>,
    by_user: Table<'t, (u64, u8), Hash>,
    by_expiry: Table<'t, TimedHash, ()>,
}

impl<'t> OneTimes<'t> {
    pub(super) fn open(write: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            links: write.open_table(LINKS)?,
            by_user: write.open_table(BY_USER)?,
            by_expiry: write.open_table(BY_EXPIRY)?,
        })
    }

    /// The token that there is for this user and purpose.
    fn current(&self, user: UserId, purpose: Purpose) -> Result<Option<TokenHash>, Fault> {
        let found = self.by_user.get((user.number(), purpose.number()))?;
        Ok(found.map(|hash| TokenHash::from_bytes(*hash.value())))
    }

    /// At most [`CLEARED`] tokens that have expired at `now`.
    fn expired(&self, now: Timestamp) -> Result<Vec<TokenHash>, Fault> {
        let end = timed(now, TokenHash::from_bytes([u8::MAX; TokenHash::LEN]));
        let mut found = Vec::new();
        for row in self.by_expiry.range::<&[u8; TIMED]>(..=&end)?.take(CLEARED) {
            let mut hash = [0; TokenHash::LEN];
            hash.copy_from_slice(&row?.0.value()[8..]);
            found.push(TokenHash::from_bytes(hash));
        }
        Ok(found)
    }

    fn add(&mut self, token: TokenHash, link: &OneTime) -> Result<(), Fault> {
        self.links.insert(token.as_bytes(), one_time::encode(link).as_slice())?;
        self.by_user.insert((link.user.number(), link.purpose.number()), token.as_bytes())?;
        self.by_expiry.insert(&timed(link.expires, token), ())?;
        Ok(())
    }

    fn remove(&mut self, token: TokenHash, link: &OneTime) -> Result<(), Fault> {
        self.links.remove(token.as_bytes())?;
        self.by_user.remove((link.user.number(), link.purpose.number()))?;
        self.by_expiry.remove(&timed(link.expires, token))?;
        Ok(())
    }
}

impl Tables<'_> {
    pub(super) fn put_one_time(&mut self, new: &NewOneTime, now: Timestamp) -> Result<Option<()>, Fault> {
        let user = self.user(new.user)?.filter(|user| *user.email.key() == new.email);
        let Some(user) = user else { return Ok(None) };
        let links = self.one_time();
        let mut leaving = Vec::new();
        for token in links.current(new.user, new.purpose)?.into_iter().chain(links.expired(now)?) {
            let link = link(&links.links, token)?.ok_or_else(|| {
                Fault::Damaged("a one-time link is in an index and nowhere else".to_owned())
            })?;
            leaving.push((token, link));
        }
        let (email, expires) = (user.email.key().as_str().into(), new.expires);
        let kept = OneTime { user: user.id, purpose: new.purpose, email, expires };
        let links = self.one_time_mut();
        for (token, link) in &leaving {
            links.remove(*token, link)?;
        }
        links.add(new.token, &kept)?;
        Ok(Some(()))
    }

    /// Removes a user's links: an import may bring their number back.
    pub(super) fn void_links(&mut self, user: UserId) -> Result<(), Fault> {
        self.void_links_for(Purpose::ALL, user)
    }

    /// Those of these purposes.
    pub(super) fn void_links_for(&mut self, purposes: &[Purpose], user: UserId) -> Result<(), Fault> {
        for &purpose in purposes {
            let links = self.one_time();
            let Some(token) = links.current(user, purpose)? else { continue };
            if let Some(link) = link(&links.links, token)? {
                self.one_time_mut().remove(token, &link)?;
            }
        }
        Ok(())
    }

    pub(super) fn reset_password(
        &mut self,
        token: TokenHash,
        purpose: Purpose,
        to: PasswordHash,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Result<Option<Reset>, Fault> {
        let Some((_, user)) = self.owner(token, purpose, now)? else { return Ok(None) };
        let (id, sessions) = (user.id, self.sessions_of(user.id)?);
        // This one and all others: whoever else has one must not set yet another password.
        self.void_links(id)?;
        let email_verified = user.email_verified || purpose.proves_address();
        let next = User { password: Some(to), email_verified, updated: now, ..user.clone() };
        self.replace_user(&user, &next)?;
        Ok(Some(Reset { user: id, ended: self.end_all(&sessions, remember_until)? }))
    }

    pub(super) fn prove_address(
        &mut self,
        by: UserId,
        token: TokenHash,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Result<Option<Proven>, Fault> {
        let found = self.owner(token, Purpose::AddressProof, now)?;
        let Some((link, user)) = found.filter(|(_, user)| user.id == by && user.active) else {
            return Ok(None);
        };
        self.one_time_mut().remove(token, &link)?;
        if user.email_verified {
            return Ok(Some(Proven { user, outdated: Vec::new() }));
        }
        let next = User { email_verified: true, updated: now, ..user.clone() };
        self.replace_user(&user, &next)?;
        let outdated = self.outdate(&user, &next, remember_until)?;
        Ok(Some(Proven { user: next, outdated: outdated.into_iter().collect() }))
    }

    /// The link of this token with its user, if it can be used for this.
    fn owner(
        &self,
        token: TokenHash,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<(OneTime, User)>, Fault> {
        let Some(link) = link(&self.one_time().links, token)? else { return Ok(None) };
        let user = self.user(link.user)?.filter(|user| opens(&link, user, purpose, now));
        Ok(user.map(|user| (link, user)))
    }
}

impl View {
    /// Whose link this is (see `Store::one_time`).
    pub(super) fn one_time(
        &self,
        token: TokenHash,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<UserId>, Fault> {
        let Some(link) = kept(self.snapshot(), token)? else { return Ok(None) };
        let user = self.user(link.user)?.filter(|user| opens(&link, user, purpose, now));
        Ok(user.map(|user| user.id))
    }
}

fn kept(snapshot: &ReadTransaction, token: TokenHash) -> Result<Option<OneTime>, Fault> {
    match snapshot.open_table(LINKS) {
        Ok(links) => link(&links, token),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Found by its hash: whoever tries tokens learns from the time at most how a hash begins, and nothing leads from a
/// hash back to the 32 random bytes of its token.
fn link(links: &impl ReadableTable<Hash, Record>, token: TokenHash) -> Result<Option<OneTime>, Fault> {
    let Some(record) = links.get(token.as_bytes())? else { return Ok(None) };
    one_time::decode(record.value()).map(Some).map_err(|why| Fault::record("a one-time link", why))
}

/// All that a link has to be at its use.
fn opens(link: &OneTime, user: &User, purpose: Purpose, now: Timestamp) -> bool {
    link.purpose == purpose && now < link.expires && *link.email == *user.email.key().as_str()
}

fn timed(time: Timestamp, token: TokenHash) -> [u8; TIMED] {
    let mut key = [0; TIMED];
    key[..8].copy_from_slice(&time.millis().to_be_bytes());
    key[8..].copy_from_slice(token.as_bytes());
    key
}
