//! The road of a front proxy's sub-request, `/auth/verify`: the request that it asks about goes through the gate as one that
//! came by itself would, and the verdict becomes the answer. Nothing is forwarded.

use http::header::{CACHE_CONTROL, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;

use super::{Dispatch, Trail, answers, unrenewable};
use crate::config::settings::VerifySource;
use crate::gate::{Refusal, Renewal, Verdict};
use crate::metrics::Outcome;
use crate::types::UserId;
use crate::web::path::LocalPath;
use crate::web::{Answer, Code, Peer, Problem};

/// What a front proxy is told, and what the log learns of it.
pub(super) struct Told {
    pub(super) answer: Answer,
    pub(super) user: Option<UserId>,
    pub(super) outcome: Outcome,
}

/// What becomes of a sub-request.
pub(super) enum Heard {
    /// It is answered with this.
    Told(Told),
    /// The session has to be renewed first; the peer is the original's.
    Renew(Renewal, Peer),
}

impl Dispatch {
    /// Answers a sub-request. Its body is nobody's business: it is the original's, or was left out.
    pub(super) async fn verify(&self, mut head: Parts, mut body: Incoming, trail: &mut Trail<'_>) -> Answer {
        let told = match self.hear(&mut head, trail.peer) {
            Heard::Told(told) => told,
            Heard::Renew(renewal, peer) => self.renew_and_tell(renewal, &head, &peer).await,
        };
        self.judged(trail.started);
        trail.counted.outcome(told.outcome);
        if let Some(record) = &mut trail.record {
            record.user = told.user;
        }
        trail.drain(&mut body).await;
        told.answer
    }

    /// Judges the original request, which takes the sub-request's place in `head`.
    pub(super) fn hear(&self, head: &mut Parts, from: &Peer) -> Heard {
        let peer = match self.subrequests.original(head, from) {
            Ok(peer) => peer,
            Err(misfit) => {
                self.peers.complaints.note(misfit, from);
                return Heard::Told(Told::no(Problem::new(Code::Forbidden).answer()));
            }
        };
        match self.gate.decide(head, &peer) {
            Verdict::Renew(renewal) => Heard::Renew(renewal, peer),
            verdict => Heard::Told(self.tell(verdict, head)),
        }
    }

    /// Renews the access token alone: the proxy may drop the cookies of this answer.
    async fn renew_and_tell(&self, renewal: Renewal, head: &Parts, peer: &Peer) -> Told {
        let renewal = match self.sessions.renew_access(renewal.token(), peer.address).await {
            Ok(issued) => match self.gate.renewed(renewal, &issued, head, peer) {
                Ok(verdict) => {
                    let mut told = self.tell(verdict, head);
                    self.auth.add_access_token(told.answer.headers_mut(), &issued, peer.secure);
                    return told;
                }
                Err(renewal) => renewal,
            },
            Err(error) => match unrenewable(&error) {
                Some(answer) => return Told::no(answer),
                None => renewal,
            },
        };
        self.tell(self.gate.not_renewed(&renewal, head, peer), head)
    }

    /// A verdict as the front proxy is told it.
    fn tell(&self, verdict: Verdict, head: &Parts) -> Told {
        let by_itself = self.subrequests.source() == VerifySource::Original;
        Told::no(match verdict {
            Verdict::Forward(pass) => {
                self.note_first_sight(&pass);
                let answer = uncached(self.subrequests.admitted(&pass));
                return Told { answer, user: pass.user(), outcome: Outcome::Own };
            }
            Verdict::Refuse(refusal) if by_itself => self.refused(&refusal, head),
            Verdict::Refuse(refusal) => self.refusal(&refusal),
            Verdict::ToLogin(_) if by_itself => {
                self.refused(&self.gate.unauthorized(head, Code::NotAuthenticated), head)
            }
            Verdict::ToLogin(next) => answers::to_login(&next),
            // The proxy knows of yes, no and "not signed in" alone (contract section 4).
            Verdict::ToProof(_) => Problem::new(Code::Unproven).answer(),
            // A request is renewed once.
            Verdict::Renew(_) => Problem::new(Code::Internal).answer(),
        })
    }

    /// A refusal for a proxy that leads browsers to the sign-in page by itself: a 401 says where that is.
    fn refused(&self, refusal: &Refusal, head: &Parts) -> Answer {
        let mut answer = refusal.answer();
        if answer.status() == StatusCode::UNAUTHORIZED && self.has_pages {
            let asked = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            let next = LocalPath::parse(asked).unwrap_or_else(LocalPath::root);
            if let Some(location) = answers::to_login(&next).headers_mut().remove(LOCATION) {
                answer.headers_mut().insert(LOCATION, location);
            }
        }
        answer
    }
}

impl Told {
    fn no(answer: Answer) -> Self {
        Self { answer: uncached(answer), user: None, outcome: Outcome::Refused }
    }
}

/// No cache keeps what one request was told.
fn uncached(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
