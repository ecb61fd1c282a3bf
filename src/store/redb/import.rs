//! Users from a file: all rows are judged before the first is written.

use std::collections::HashMap;
use std::hash::Hash;

use super::fault::Fault;
use super::tables::Tables;
use super::users::sorted;
use crate::store::{BadRow, BadRowReason as Why, ImportPolicy, ImportRow, Imported, OnConflict, User};
use crate::types::{Timestamp, UserId};

/// What a good row leads to.
enum Step {
    /// A new user.
    Add,
    /// Nothing: its user is there already.
    Skip,
    /// This user becomes as it says.
    Update(Box<User>),
}

/// The time of an import, and until when what it ends has to be remembered.
#[derive(Clone, Copy)]
struct Moment {
    now: Timestamp,
    remember_until: Timestamp,
}

impl Tables<'_> {
    pub(super) fn import_users(
        &mut self,
        rows: Vec<ImportRow>,
        policy: ImportPolicy,
        now: Timestamp,
        remember_until: Timestamp,
    ) -> Result<Imported, Fault> {
        let plan = self.plan(&rows, policy.on_conflict)?;
        let bad_row = |(row, step): (&ImportRow, &Result<Step, Why>)| {
            step.as_ref().err().map(|why| BadRow { line: row.line, why: *why })
        };
        let bad: Vec<_> = rows.iter().zip(&plan).filter_map(bad_row).collect();
        let written = !policy.only_examine && (bad.is_empty() || policy.skip_bad);
        let mut imported = Imported { bad, written, ..Imported::default() };
        if written {
            let good = rows.into_iter().zip(plan).filter_map(|(row, step)| Some((row, step.ok()?))).collect();
            self.write_all(good, Moment { now, remember_until }, &mut imported)?;
        }
        Ok(imported)
    }

    fn plan(&self, rows: &[ImportRow], on_conflict: OnConflict) -> Result<Vec<Result<Step, Why>>, Fault> {
        let same_address = doubles(rows, rows.iter().map(|row| Some(row.email.key())));
        let same_uid = doubles(rows, rows.iter().map(|row| row.uid));
        let mut plan = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            plan.push(match (same_address.get(&at), same_uid.get(&at)) {
                (Some(&line), _) => Err(Why::AddressTwice { line }),
                (None, Some(&line)) => Err(Why::UidTwice { line }),
                (None, None) => self.judge(row, on_conflict)?,
            });
        }
        // One row names a user by the number, another by the address that the first would take from them.
        for (at, line) in doubles(rows, plan.iter().map(target)) {
            plan[at] = Err(Why::UserTwice { line });
        }
        Ok(plan)
    }

    fn judge(&self, row: &ImportRow, on_conflict: OnConflict) -> Result<Result<Step, Why>, Fault> {
        let named = row.uid.map(|uid| self.user(uid)).transpose()?.flatten();
        let owner = self.uid(row.email.key())?;
        Ok(match (on_conflict, named, owner) {
            (_, None, None) => self.judge_new(row)?,
            (OnConflict::Skip, ..) => Ok(Step::Skip),
            (OnConflict::Fail, _, Some(uid)) => Err(Why::AddressTaken { uid }),
            (OnConflict::Fail, Some(user), None) => Err(Why::UidTaken { uid: user.id }),
            (OnConflict::Update, Some(user), Some(uid)) if uid != user.id => Err(Why::TwoUsers { uid }),
            (OnConflict::Update, Some(user), _) => Ok(Step::Update(Box::new(user))),
            // Their number can't become the row's, and the row's would be lost.
            (OnConflict::Update, None, Some(uid)) if row.uid.is_some() => Err(Why::AddressTaken { uid }),
            (OnConflict::Update, None, Some(uid)) => match self.user(uid)? {
                Some(user) => Ok(Step::Update(Box::new(user))),
                None => {
                    return Err(Fault::Damaged(format!(
                        "an address belongs to user {uid}, who is not there"
                    )));
                }
            },
        })
    }

    fn judge_new(&self, row: &ImportRow) -> Result<Result<Step, Why>, Fault> {
        let Some(uid) = row.uid else { return Ok(Ok(Step::Add)) };
        if uid.number() > ImportRow::MAX_UID {
            return Ok(Err(Why::UidTooLarge { max: ImportRow::MAX_UID }));
        }
        // A backup's user may come back; somebody else would be taken for them by the upstream.
        let is_someone_elses =
            self.former_address(uid)?.is_some_and(|address| address != row.email.key().as_str());
        Ok(if is_someone_elses { Err(Why::UidRemoved { uid }) } else { Ok(Step::Add) })
    }

    fn write_all(
        &mut self,
        good: Vec<(ImportRow, Step)>,
        moment: Moment,
        imported: &mut Imported,
    ) -> Result<(), Fault> {
        let given = good.iter().filter(|(_, step)| matches!(step, Step::Add)).filter_map(|(row, _)| row.uid);
        let known = self.following_uid()?;
        // Rows without a number come after all that have one.
        let mut next = given.map(|uid| uid.number().saturating_add(1)).max().unwrap_or(1).max(known);
        for (row, step) in good {
            match step {
                Step::Skip => imported.skipped += 1,
                Step::Add => {
                    let id = row.uid.map_or_else(|| take(&mut next), Ok)?;
                    self.add_user(&as_user(row, id, None, moment.now))?;
                    imported.added += 1;
                }
                Step::Update(user) => self.update(&user, row, moment, imported)?,
            }
        }
        if next == known { Ok(()) } else { self.set_following_uid(next) }
    }

    fn update(
        &mut self,
        user: &User,
        row: ImportRow,
        moment: Moment,
        imported: &mut Imported,
    ) -> Result<(), Fault> {
        let updated = row.updated;
        let next = as_user(row, user.id, Some(user), moment.now);
        if is_same(user, &next) && updated.is_none_or(|updated| updated == user.updated) {
            imported.unchanged += 1;
            return Ok(());
        }
        imported.updated += 1;
        self.replace_user(user, &next)?;
        if !next.active || next.password != user.password {
            self.void_links(user.id)?;
            let ending = self.sessions_of(user.id)?;
            imported.ended.extend(self.end_all(&ending, moment.remember_until)?);
        } else {
            imported.outdated.extend(self.outdate(user, &next, moment.remember_until)?);
        }
        Ok(())
    }
}

fn take(next: &mut u64) -> Result<UserId, Fault> {
    let spent = || Fault::Damaged("the counter of users is at its end".to_owned());
    let id = UserId::new(*next).ok_or_else(spent)?;
    *next = next.checked_add(1).ok_or_else(spent)?;
    Ok(id)
}

/// The user that a row describes; what it leaves open is as it was, or as it is with new users.
fn as_user(row: ImportRow, id: UserId, before: Option<&User>, now: Timestamp) -> User {
    let (password, created) = before.map_or((None, now), |user| (user.password.clone(), user.created));
    let created = row.created.unwrap_or(created);
    User {
        id,
        email: row.email,
        username: row.username,
        password: row.password.or(password),
        active: row.active,
        roles: sorted(row.roles),
        email_verified: row.email_verified,
        created,
        updated: row.updated.unwrap_or(now),
    }
}

/// Whether nothing differs but when it last changed.
fn is_same(user: &User, next: &User) -> bool {
    user.email == next.email
        && user.username == next.username
        && user.password == next.password
        && user.active == next.active
        && user.roles == next.roles
        && user.email_verified == next.email_verified
        && user.created == next.created
}

fn target(step: &Result<Step, Why>) -> Option<UserId> {
    match step {
        Ok(Step::Update(user)) => Some(user.id),
        _ => None,
    }
}

/// The rows that have something in common with another one, which is to be had once: where they stand, and the other's
/// line. All of them: none is more likely the right one.
fn doubles<K: Eq + Hash>(rows: &[ImportRow], keys: impl Iterator<Item = Option<K>>) -> HashMap<usize, u64> {
    let mut first: HashMap<K, usize> = HashMap::with_capacity(rows.len());
    let mut doubles = HashMap::new();
    for (at, key) in keys.enumerate() {
        let Some(key) = key else { continue };
        if let Some(&other) = first.get(&key) {
            doubles.insert(at, rows[other].line);
            doubles.entry(other).or_insert(rows[at].line);
        } else {
            first.insert(key, at);
        }
    }
    doubles
}
