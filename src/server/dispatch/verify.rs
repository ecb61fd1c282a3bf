//! The road of a front proxy's sub-request, `/auth/verify`: the request that it asks about goes through the gate as one that
//! came by itself would, and the verdict becomes the answer. Nothing is forwarded.

use http::header::{CACHE_CONTROL, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use super::{Dispatch, Trail, answers, unrenewable};
use crate::config::settings::VerifySource;
use crate::gate::{Refusal, Verdict};
use crate::metrics::Outcome;
use crate::web::path::LocalPath;
use crate::web::{Answer, Code, Peer, Problem};

impl Dispatch {
    /// Answers a sub-request. Its body is nobody's business: it is the original's, or was left out.
    pub(super) async fn verify(&self, mut head: Parts, trail: &mut Trail<'_>) -> Answer {
        let mut answer = match self.subrequests.original(&mut head, trail.peer) {
            Ok(peer) => self.verify_original(&head, &peer, trail).await,
            Err(misfit) => {
                self.peers.complaints.note(misfit, trail.peer);
                trail.counted.outcome(Outcome::Refused);
                Problem::new(Code::Forbidden).answer()
            }
        };
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    async fn verify_original(&self, head: &Parts, peer: &Peer, trail: &mut Trail<'_>) -> Answer {
        let verdict = match self.gate.decide(head, peer) {
            Verdict::Renew(renewal) => {
                // The access token alone: the proxy may drop the cookies of this answer.
                match self.sessions.renew_access(renewal.token(), peer.address).await {
                    Ok(issued) => match self.gate.renewed(renewal, &issued, head) {
                        Ok(verdict) => {
                            let mut answer = self.told(verdict, head, trail);
                            self.auth.add_access_token(answer.headers_mut(), &issued, peer.secure);
                            return answer;
                        }
                        Err(renewal) => self.gate.not_renewed(&renewal, head),
                    },
                    Err(error) => match unrenewable(&error) {
                        Some(answer) => return answer,
                        None => self.gate.not_renewed(&renewal, head),
                    },
                }
            }
            verdict => verdict,
        };
        self.told(verdict, head, trail)
    }

    /// A verdict as the front proxy is told it.
    fn told(&self, verdict: Verdict, head: &Parts, trail: &mut Trail<'_>) -> Answer {
        self.judged(trail.started);
        let by_itself = self.subrequests.source() == VerifySource::Original;
        let answer = match verdict {
            Verdict::Forward(pass) => {
                self.note_first_sight(&pass);
                trail.user(&pass);
                return self.subrequests.admitted(&pass);
            }
            Verdict::Refuse(refusal) if by_itself => self.refused(&refusal, head),
            Verdict::Refuse(refusal) => self.refusal(&refusal),
            Verdict::ToLogin(_) if by_itself => {
                self.refused(&self.gate.unauthorized(head, Code::NotAuthenticated), head)
            }
            Verdict::ToLogin(next) => answers::to_login(&next),
            // A request is renewed once.
            Verdict::Renew(_) => Problem::new(Code::Internal).answer(),
        };
        trail.counted.outcome(Outcome::Refused);
        answer
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
