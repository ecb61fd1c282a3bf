//! The road of plain requests, which go without hyper: the same steps as of all others. Where a step asks for more than
//! an answer or a permit, the request goes the other way, and is judged there from the beginning.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};

use super::verify::Heard;
use super::{Dispatch, Record, SocketPeer, Source, answers, own};
use crate::gate::refusal::Form;
use crate::gate::{Pass, Verdict, subrequest};
use crate::metrics::{Counted, Outcome};
use crate::proxy::{self, Fault, Payload, SharedFeed};
use crate::server::direct::{Dates, Lost};
use crate::web::path::{self, Owner};
use crate::web::{Answer, Head, Peer};

/// What becomes of a plain request.
pub(in crate::server) enum Looked<H> {
    /// It is not for the direct way.
    Unusual(Box<H>),
    /// It is answered with this.
    Own(Box<Refused>),
    /// It may be forwarded.
    Pass(Box<Trip<H>>),
}

/// A request that may be forwarded.
pub(in crate::server) struct Trip<H> {
    pass: Pass,
    head: H,
    body: Bytes,
    peer: Peer,
    id: HeaderValue,
    judged: Instant,
    errand: Errand,
}

/// A request that is answered by Sidegate itself.
pub(in crate::server) struct Refused {
    pub(in crate::server) answer: Answer,
    pub(in crate::server) errand: Errand,
}

/// What the access log and the counters learn of a request. Whatever ends it, dropping this tells them.
pub(in crate::server) struct Errand {
    record: Option<Record>,
    /// `None`: it is answered. Who has an answer finds it counted.
    counted: Option<Counted>,
}

impl Dispatch {
    /// Looks at a plain request. It is judged by its head alone. `is_whole`: whether `body` is all of its body; if not, Sidegate
    /// answers nothing by itself here.
    pub(in crate::server) fn look_at<H: Head>(
        &self,
        head: H,
        body: Bytes,
        is_whole: bool,
        socket: SocketPeer,
        started: Instant,
    ) -> Looked<H> {
        let Ok(peer) = self.peers.judge(&head, socket, &self.hosts) else {
            return Looked::Unusual(Box::new(head));
        };
        if head.uri().path() == subrequest::PATH && is_whole {
            return self.look_at_subrequest(head, &peer, started);
        }
        let is_plain =
            path::owner(head.uri().path()) == Owner::Upstream && self.to_loopback(&head, &peer).is_none();
        if !is_plain {
            return Looked::Unusual(Box::new(head));
        }
        match self.gate.decide(&head, &peer) {
            Verdict::Forward(pass) => {
                self.note_first_sight(&pass);
                if !self.upstreams.of(&pass).goes_directly() {
                    return Looked::Unusual(Box::new(head));
                }
                let judged = self.judged(started);
                let id = self.ids.of(head.fields());
                let mut errand = self.errand(&head, &peer, &id, started);
                if let Some(record) = &mut errand.record {
                    record.user = pass.user();
                }
                Looked::Pass(Box::new(Trip { pass, head, body, peer, id, judged, errand }))
            }
            Verdict::Refuse(refusal) if is_whole && refusal.form == Form::Document => {
                self.judged(started);
                let id = self.ids.of(head.fields());
                let mut errand = self.errand(&head, &peer, &id, started);
                let answer = self.told_of_https(refusal.answer(), &peer);
                errand.answered(answer.status(), |counted| counted.outcome(Outcome::Refused));
                Looked::Own(Box::new(Refused { answer, errand }))
            }
            Verdict::Refuse(_) | Verdict::ToLogin(_) | Verdict::ToProof(_) | Verdict::Renew(_) => {
                Looked::Unusual(Box::new(head))
            }
        }
    }

    /// Looks at a front proxy's sub-request, which is answered at once unless its session has to be renewed.
    fn look_at_subrequest<H: Head>(&self, head: H, peer: &Peer, started: Instant) -> Looked<H> {
        // The log names the sub-request itself, and whoever looks at it next reads it anew.
        let said = head.to_parts().map(|mut original| self.hear(&mut original, peer));
        let Some(Heard::Told(told)) = said else { return Looked::Unusual(Box::new(head)) };
        self.judged(started);
        let id = self.ids.of(head.fields());
        let mut errand = self.errand(&head, peer, &id, started);
        if let Some(record) = &mut errand.record {
            record.user = told.user;
        }
        errand.answered(told.answer.status(), |counted| counted.outcome(told.outcome));
        Looked::Own(Box::new(Refused { answer: self.told_of_https(told.answer, peer), errand }))
    }

    /// Forwards a request, and waits for the head of an answer: the upstream's, or Sidegate's own.
    /// `feed`: what of its body is still to come.
    pub(in crate::server) async fn ask(
        &self,
        trip: Box<Trip<impl Head>>,
        feed: Option<SharedFeed>,
    ) -> (Result<proxy::Answer, Answer>, Errand) {
        // Left where it is, but for the permit: it is large, and each move of it a copy.
        let mut trip = trip;
        let (judged, errand) = (trip.judged, &mut trip.errand);
        let body = Payload { there: &trip.body, feed };
        let upstream = self.upstreams.of(&trip.pass);
        let asked = upstream.ask(trip.pass, &trip.head, body, &trip.peer, &trip.id, judged).await;
        let answer = match asked {
            Ok(mut answer) => {
                let took = answer.began().saturating_duration_since(judged);
                self.has_answered(answer.status(), took, errand);
                if let Some(hsts) = self.hsts(trip.peer.secure) {
                    hsts.add_directly(&mut answer);
                }
                Ok(answer)
            }
            Err(fault) => {
                let answer = self.has_failed(&fault, upstream.url(), &trip.id, errand);
                Err(self.told_of_https(answer, &trip.peer))
            }
        };
        (answer, trip.errand)
    }

    /// The same for a client of HTTP/2.
    pub(super) async fn ask_framed(&self, trip: Box<Trip<impl Head>>) -> (Response<Source>, Errand) {
        let mut trip = trip;
        let (judged, errand) = (trip.judged, &mut trip.errand);
        let upstream = self.upstreams.of(&trip.pass);
        let asked = upstream.ask_framed(trip.pass, &trip.head, &trip.peer, &trip.id, judged).await;
        let mut response = match asked {
            Ok((response, began)) => {
                let took = began.saturating_duration_since(judged);
                self.has_answered(response.status(), took, errand);
                response.map(Source::Upstream)
            }
            Err(fault) => own(self.has_failed(&fault, upstream.url(), &trip.id, errand)),
        };
        if let Some(hsts) = self.hsts(trip.peer.secure) {
            hsts.add(response.headers_mut());
        }
        (response, trip.errand)
    }

    fn told_of_https(&self, mut answer: Answer, peer: &Peer) -> Answer {
        if let Some(hsts) = self.hsts(peer.secure) {
            hsts.add(answer.headers_mut());
        }
        answer
    }

    fn has_answered(&self, status: StatusCode, took: Duration, errand: &mut Errand) {
        self.tally.upstream(took);
        errand.answered(status, |counted| counted.outcome(Outcome::Forwarded));
    }

    /// Gives what the client is told instead.
    fn has_failed(&self, fault: &Fault, upstream: &str, id: &HeaderValue, errand: &mut Errand) -> Answer {
        let answer = answers::failed(fault, upstream, id);
        errand.answered(answer.status(), |counted| self.count_fault(fault, counted));
        answer
    }

    /// An answer has gone its way just now, or not to its end: `sent` bytes of its body were there to be sent.
    pub(in crate::server) fn carried(
        &self,
        mut errand: Errand,
        sent: u64,
        carried: &Result<(), Lost>,
        now: Instant,
    ) {
        if let Some(record) = &mut errand.record {
            record.sent = sent;
            record.complete = carried.is_ok();
            record.ended = Some(now);
        }
        if let Err(Lost::Upstream(why)) = carried
            && let Some(error) = why.counted()
        {
            self.tally.upstream_error(error);
        }
    }

    /// When it is.
    pub(in crate::server) const fn dates(&self) -> &Dates {
        &self.dates
    }

    fn errand(&self, head: &impl Head, peer: &Peer, id: &HeaderValue, started: Instant) -> Errand {
        let open = |log| Record::open(started, head, Some(peer), id.clone(), log);
        let record = self.log.as_ref().map(open);
        Errand { record, counted: Some(self.tally.request()) }
    }
}

impl Errand {
    /// What the log still has to learn goes with the answer's body.
    pub(super) fn into_record(self) -> Option<Record> {
        self.record
    }

    fn answered(&mut self, status: StatusCode, say: impl FnOnce(&mut Counted)) {
        let Some(mut counted) = self.counted.take() else { return };
        say(&mut counted);
        let outcome = counted.answered();
        if let Some(record) = &mut self.record {
            record.status = status;
            record.outcome = outcome;
        }
    }
}
