//! Writes about sessions. Each decides before it changes anything, so that a refusal leaves no trace.

use super::fault::Fault;
use super::tables::Tables;
use crate::store::{Generation, MOST_EXCESS, MOST_SESSIONS, Rotated, Seen, Session, Started, Swept};
use crate::types::{SessionId, Timestamp, UserId};

/// Sessions that are read at once where all of them end.
const PORTION: usize = 1000;

/// Whether this generation is the session's current one and nothing is noted of it.
pub(super) fn is_unnoted(session: &Session, generation: Generation) -> bool {
    session.generation == generation && session.presented.iter().all(|(noted, _)| *noted != generation)
}

impl Tables<'_> {
    pub(super) fn start_session(
        &mut self,
        session: &Session,
        seen: &Seen,
        replaces: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Result<Started, Fault> {
        let Some(user) = self.user(session.user)?.filter(|user| user.active) else {
            return Ok(Started::UserGone);
        };
        if !seen.is_still(&user) {
            return Ok(Started::Changed(Box::new(user)));
        }
        let former = match replaces {
            Some(id) => self.session(id)?,
            None => None,
        };
        let mut ended = self.end_all(former.as_slice(), remember_until)?;
        let crowd = self.some_sessions_of(session.user, MOST_SESSIONS + MOST_EXCESS)?;
        ended.extend(self.end_all(&Session::crowded_out(crowd), remember_until)?);
        self.add_session(session)?;
        Ok(Started::Live { ended })
    }

    pub(super) fn rotate(&mut self, from: Generation, mut next: Session) -> Result<Rotated, Fault> {
        let Some(session) = self.session(next.id)? else { return Ok(Rotated::Gone) };
        let user = match self.user(session.user)? {
            Some(user) if user.active && user.id == next.user => user,
            _ => return Ok(Rotated::Gone),
        };
        if session.generation != from {
            return Ok(Rotated::Moved(session));
        }
        keep_first_presentations(&session, &mut next);
        self.replace_session(&session, &next)?;
        Ok(Rotated::Done(user))
    }

    pub(super) fn note_presented(
        &mut self,
        id: SessionId,
        generation: Generation,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let Some(session) = self.session(id)?.filter(|session| is_unnoted(session, generation)) else {
            return Ok(());
        };
        let mut noted = session.clone();
        noted.presented.push((generation, at));
        self.replace_session(&session, &noted)
    }

    pub(super) fn end_session(&mut self, id: SessionId, remember_until: Timestamp) -> Result<bool, Fault> {
        let session = self.session(id)?;
        Ok(!self.end_all(session.as_slice(), remember_until)?.is_empty())
    }

    pub(super) fn end_sessions_of(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        remember_until: Timestamp,
    ) -> Result<Vec<SessionId>, Fault> {
        let mut ending = self.sessions_of(user)?;
        ending.retain(|session| Some(session.id) != except);
        self.end_all(&ending, remember_until)
    }

    /// In portions, so that a million sessions are not in memory at once.
    pub(super) fn revoke_all(&mut self, remember_until: Timestamp) -> Result<Vec<SessionId>, Fault> {
        let mut ended = Vec::new();
        loop {
            let portion = self.some_sessions(PORTION)?;
            if portion.is_empty() {
                return Ok(ended);
            }
            ended.extend(self.end_all(&portion, remember_until)?);
        }
    }

    /// Ends these sessions and remembers them; gives their ids.
    pub(super) fn end_all(
        &mut self,
        ending: &[Session],
        remember_until: Timestamp,
    ) -> Result<Vec<SessionId>, Fault> {
        for session in ending {
            self.remove_session(session)?;
            self.remember(session.id, remember_until)?;
        }
        Ok(ending.iter().map(|session| session.id).collect())
    }

    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<Swept, Fault> {
        let expired = self.expired(now, limit)?;
        let forgettable = self.forgettable(now, limit - expired.len())?;
        let outdated = self.forgettable_outdated(now, limit - expired.len() - forgettable.len())?;
        let sessions = expired
            .iter()
            .map(|(at, id)| match self.session(*id)? {
                Some(session) if session.expires == *at => Ok(session),
                _ => Err(Fault::Damaged(format!("session {id} is not what the index of expiries says"))),
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        for session in &sessions {
            self.remove_session(session)?;
        }
        for (until, id) in &forgettable {
            self.forget(*id, *until)?;
        }
        for row in &outdated {
            self.forget_outdated(*row)?;
        }
        let sessions: Vec<_> = sessions.into_iter().map(|session| session.id).collect();
        let (revocations, outdated) = (forgettable.len(), outdated.len());
        let limits = self.forget_limits(now, limit - sessions.len() - revocations - outdated)?;
        Ok(Swept { sessions, revocations, outdated, limits })
    }
}

/// A presentation that was noted after the caller had read the session is not lost by its rotation.
fn keep_first_presentations(session: &Session, next: &mut Session) {
    for &(generation, at) in &session.presented {
        match next.presented.iter_mut().find(|(noted, _)| *noted == generation) {
            Some((_, noted)) => *noted = at.min(*noted),
            None if generation == session.generation => next.presented.insert(0, (generation, at)),
            None => {}
        }
    }
    next.presented.sort_unstable();
}
