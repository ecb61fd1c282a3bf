//! The road of a request: `/auth/*` to its handlers; everything else to the gate, and what it lets through to the
//! upstream. Each step may answer early.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::header::{CACHE_CONTROL, CONNECTION, HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use super::answers;
use super::body::{Outgoing, Source};
use super::cors::Cors;
use super::direct::Dates;
use super::host::{AmbiguousHost, Hosts};
use super::hsts::Hsts;
use super::observe::{Record, RequestIds};
use super::peer::{Peers, SocketPeer};
use super::stream;
use super::vital::InFlight;
use crate::auth::Auth;
use crate::config::settings::{PublicUrl, Settings};
use crate::gate::refusal::Form;
use crate::gate::subrequest::{self, Subrequests};
use crate::gate::{Gate, Pass, Refusal, Verdict};
use crate::log::WorkerLog;
use crate::metrics::{Counted, Outcome, Tally};
use crate::proxy::{Fault, Kind, Upstreams};
use crate::sessions::{RefreshError, Sessions};
use crate::types::Clock;
use crate::web::path::{self, Owner};
use crate::web::{Answer, Code, Head, Peer, Problem, browser};

mod direct;
mod http2;
mod unread;
mod verify;

pub(super) use direct::{Looked, Refused};
use http2::{is_sound, without_body};
use unread::{Watched, may_be_drained};

/// What a request waits for before it is answered anew.
const BUSY: std::time::Duration = std::time::Duration::from_secs(1);

/// One worker's road.
pub(super) struct Dispatch {
    gate: Gate,
    upstreams: Upstreams,
    auth: Arc<Auth>,
    sessions: Sessions,
    peers: Arc<Peers>,
    hosts: Hosts,
    cors: Cors,
    subrequests: Subrequests,
    has_pages: bool,
    ids: RequestIds,
    tally: Rc<Tally>,
    dates: Dates,
    log: Option<Rc<WorkerLog>>,
    hsts: Option<Hsts>,
    /// Where a browser is sent that came by `localhost`.
    loopback: Option<PublicUrl>,
}

/// What a worker gets for its road.
pub(super) struct Parties {
    pub(super) gate: Gate,
    pub(super) upstreams: Upstreams,
    pub(super) auth: Arc<Auth>,
    pub(super) sessions: Sessions,
    pub(super) peers: Arc<Peers>,
    pub(super) ids: RequestIds,
    pub(super) log: Option<Rc<WorkerLog>>,
    pub(super) tally: Rc<Tally>,
    pub(super) clock: Clock,
}

impl Dispatch {
    pub(super) fn new(settings: &Settings, parties: Parties) -> Self {
        let public = &settings.server.public_url;
        Self {
            gate: parties.gate,
            upstreams: parties.upstreams,
            auth: parties.auth,
            sessions: parties.sessions,
            peers: parties.peers,
            hosts: Hosts::default(),
            cors: Cors::new(settings),
            subrequests: Subrequests::new(settings),
            has_pages: settings.pages.enabled,
            ids: parties.ids,
            tally: parties.tally,
            dates: Dates::new(parties.clock),
            log: parties.log,
            hsts: Hsts::new(&settings.server),
            loopback: (public.authority.host() == "127.0.0.1").then(|| public.clone()),
        }
    }

    /// Looks after the upstream connections that wait, for as long as it is polled.
    pub(super) fn tending(&self) -> impl Future<Output = ()> + use<> {
        self.upstreams.tending()
    }

    /// Whether plain requests go the direct way (see `server::direct`).
    pub(super) fn goes_directly(&self) -> bool {
        self.upstreams.go_directly() && !self.cors.covers_upstream()
    }

    /// What a client is told of https. `secure`: it came by TLS, its own or a trusted proxy's.
    fn hsts(&self, secure: bool) -> Option<&Hsts> {
        Hsts::to(self.hsts.as_ref(), secure)
    }

    /// The same as a line, for who is not even listened to.
    pub(super) fn hsts_line(&self, secure: bool) -> &[u8] {
        self.hsts(secure).map_or(&[], Hsts::line)
    }

    /// Answers one request.
    pub(super) async fn handle(
        &self,
        request: Request<Incoming>,
        socket: SocketPeer,
        in_flight: InFlight,
    ) -> Response<Outgoing> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let id = self.ids.of(&head.headers);
        let peer = self.peers.judge(&head, socket, &self.hosts);
        let open = |log| Record::open(started, &head, peer.as_ref().ok(), id.clone(), log);
        let mut record = self.log.as_ref().map(open);
        let mut counted = self.tally.request();
        // After a head that offered an upgrade, what comes is not looked through for HTTP any more.
        let version = head.version;
        let last = version < Version::HTTP_2 && head.headers.contains_key(UPGRADE);
        let (sound, is_head) = (is_sound(&head), head.method == Method::HEAD);

        let (read, drains) = (Cell::new(body.is_end_stream()), may_be_drained(&head));
        let request = Request::from_parts(head, body);
        let response = match &peer {
            Ok(_) if !sound => own(answers::malformed()),
            Ok(peer) => {
                let (record, counted) = (record.as_mut(), &mut counted);
                let mut trail = Trail { peer, id: &id, started, record, counted, read: &read, drains };
                self.route(request, &mut trail).await
            }
            Err(AmbiguousHost) => own(answers::no_single_host()),
        };
        let response = if is_head && version == Version::HTTP_2 { without_body(response) } else { response };
        let (mut head, source) = response.into_parts();
        stream::answered(&source);
        let unread = version < Version::HTTP_2 && matches!(source, Source::Own(_)) && !read.get();
        if unread || last && head.status != StatusCode::SWITCHING_PROTOCOLS {
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(hsts) = self.hsts(peer.as_ref().map_or(socket.secure, |peer| peer.secure)) {
            hsts.add(&mut head.headers);
        }
        let outcome = counted.answered();
        if let Some(record) = &mut record {
            record.status = head.status;
            record.outcome = outcome;
        }
        Response::from_parts(head, Outgoing::new(source, record, Rc::clone(&self.tally), in_flight, version))
    }

    async fn route(&self, request: Request<Incoming>, trail: &mut Trail<'_>) -> Response<Source> {
        if request.method() == Method::CONNECT {
            return own(answers::no_connect());
        }
        let (head, body) = request.into_parts();
        // Before all that answers in its own way: to a front proxy any 2xx says yes, a preflight's 204 included.
        if head.uri.path() == subrequest::PATH {
            return own(Box::pin(self.verify(head, body, trail)).await);
        }
        if let Some(answer) = self.to_loopback(&head, trail.peer) {
            return own(answer);
        }
        let request = Request::from_parts(head, body);
        match path::owner(request.uri().path()) {
            // Boxed, as whatever is not a plain request's: each stream of HTTP/2 has room for the largest.
            Owner::Gate => own(Box::pin(self.own_path(request, trail)).await),
            Owner::GateInDisguise => own(Problem::new(Code::NotFound).answer()),
            Owner::Upstream => self.upstream_path(request, trail).await,
        }
    }

    async fn own_path(&self, request: Request<Incoming>, trail: &Trail<'_>) -> Answer {
        let (head, mut body) = request.into_parts();
        if let Some(answer) = self.cors.preflight(&head) {
            return answer;
        }
        let origin = self.cors.origin(&head.headers);
        let asked = Request::from_parts(head, Watched { body: &mut body, read: trail.read });
        let mut answer = self.auth.answer(asked, trail.peer).await;
        trail.drain(&mut body).await;
        Cors::allow(origin, answer.headers_mut());
        answer
    }

    async fn upstream_path(&self, request: Request<Incoming>, trail: &mut Trail<'_>) -> Response<Source> {
        if !self.cors.covers_upstream() {
            return self.through_the_gate(request, trail).await;
        }
        let (head, body) = request.into_parts();
        if let Some(answer) = self.cors.preflight(&head) {
            return own(answer);
        }
        let origin = self.cors.origin(&head.headers);
        let mut response = self.through_the_gate(Request::from_parts(head, body), trail).await;
        Cors::allow(origin, response.headers_mut());
        response
    }

    async fn through_the_gate(&self, request: Request<Incoming>, trail: &mut Trail<'_>) -> Response<Source> {
        let (head, body) = request.into_parts();
        let verdict = match self.gate.decide(&head, trail.peer) {
            Verdict::Renew(renewal) => {
                match Box::pin(self.sessions.refresh(renewal.token(), trail.peer.address)).await {
                    Ok(issued) => match self.gate.renewed(renewal, &issued, &head, trail.peer) {
                        Ok(verdict) => {
                            let request = Request::from_parts(head, body);
                            let mut response = Box::pin(self.carry_out(verdict, request, trail)).await;
                            let headers = response.headers_mut();
                            // The answer may have taken an hour, and other answers have been faster.
                            if let Some(issued) = Box::pin(self.sessions.still_current(issued)).await {
                                self.auth.add_tokens(headers, &issued, trail.peer.secure);
                            }
                            keep_from_caches(headers);
                            return response;
                        }
                        Err(renewal) => self.gate.not_renewed(&renewal, &head, trail.peer),
                    },
                    Err(error) => match unrenewable(&error) {
                        Some(answer) => return own(answer),
                        None => self.gate.not_renewed(&renewal, &head, trail.peer),
                    },
                }
            }
            verdict => verdict,
        };
        self.carry_out(verdict, Request::from_parts(head, body), trail).await
    }

    async fn carry_out(
        &self,
        verdict: Verdict,
        request: Request<Incoming>,
        trail: &mut Trail<'_>,
    ) -> Response<Source> {
        let answer = match verdict {
            Verdict::Forward(pass) => {
                self.note_first_sight(&pass);
                return self.forward(pass, request, trail).await;
            }
            Verdict::Refuse(refusal) => self.refusal(&refusal),
            Verdict::ToLogin(next) => answers::to_login(&next),
            Verdict::ToProof(next) => answers::to_proof(&next),
            // A request is renewed once.
            Verdict::Renew(_) => Problem::new(Code::Internal).answer(),
        };
        self.judged(trail.started);
        trail.counted.outcome(Outcome::Refused);
        let (_, mut body) = request.into_parts();
        trail.drain(&mut body).await;
        own(answer)
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        match refusal.form {
            Form::Document | Form::Grpc => refusal.answer(),
            Form::Page => {
                let mut answer = self.auth.problem_page(&refusal.problem);
                refusal.challenge(&mut answer);
                answer
            }
        }
    }

    async fn forward(
        &self,
        pass: Pass,
        request: Request<Incoming>,
        trail: &mut Trail<'_>,
    ) -> Response<Source> {
        trail.user(&pass);
        let judged = self.judged(trail.started);
        let upstream = self.upstreams.of(&pass);
        match upstream.forward(pass, request, trail.peer, trail.id, judged).await {
            Ok(response) => {
                self.tally.upstream(judged.elapsed());
                trail.counted.outcome(Outcome::Forwarded);
                response.map(Source::Upstream)
            }
            Err(fault) => {
                self.count_fault(&fault, trail.counted);
                own(answers::failed(&fault, upstream.url(), trail.id))
            }
        }
    }

    fn count_fault(&self, fault: &Fault, counted: &mut Counted) {
        counted.outcome(match fault.kind() {
            Kind::ClientGone => Outcome::Abandoned,
            Kind::Unforwardable | Kind::NoTunnel | Kind::SessionEnded => Outcome::Refused,
            _ => Outcome::UpstreamFailed,
        });
        if let Some(error) = fault.counted() {
            self.tally.upstream_error(error);
        }
    }

    /// The gate has made up its mind: counts how long that took, and gives the moment.
    fn judged(&self, started: Instant) -> Instant {
        let now = Instant::now();
        self.tally.gate(now.duration_since(started));
        now
    }

    /// Tells the session that the pair of tokens has arrived, without making the request wait.
    fn note_first_sight(&self, pass: &Pass) {
        if let Some((session, generation)) = pass.first_seen() {
            let sessions = self.sessions.clone();
            tokio::task::spawn_local(async move {
                if let Err(error) = sessions.note_presented(session, generation).await {
                    tracing::warn!(%error, "the first use of a renewed session could not be noted");
                }
            });
        }
    }

    /// `localhost` and `127.0.0.1` are two sites for cookies: a browser that came by the one is sent to the other,
    /// if that is what `public_url` says.
    fn to_loopback(&self, head: &impl Head, peer: &Peer) -> Option<Answer> {
        let (public, host) = (self.loopback.as_ref()?, peer.host.as_ref()?);
        // The first bytes tell nearly all others apart.
        let begins = |host: &str| host.get(..9).is_some_and(|name| name.eq_ignore_ascii_case("localhost"));
        let strayed = begins(host.as_str())
            && host.host().eq_ignore_ascii_case("localhost")
            && host.port_u16() == public.authority.port_u16();
        if !strayed || !browser::is_navigation(head.method(), head.fields()) {
            return None;
        }
        let asked = head.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Some(answers::redirect(StatusCode::TEMPORARY_REDIRECT, &format!("{}{asked}", public.origin())))
    }
}

/// One request on its way: who sent it, what it is called, and what the access log and the counters learn of it.
struct Trail<'a> {
    peer: &'a Peer,
    id: &'a HeaderValue,
    started: Instant,
    record: Option<&'a mut Record>,
    counted: &'a mut Counted,
    /// Whether its body has been read to the end.
    read: &'a Cell<bool>,
    /// Whether what is there of it may be taken.
    drains: bool,
}

impl Trail<'_> {
    /// Takes what is there of a body that nobody wants.
    async fn drain(&self, body: &mut Incoming) {
        if self.drains && !self.read.get() {
            Watched { body, read: self.read }.drain().await;
        }
    }

    fn user(&mut self, pass: &Pass) {
        if let Some(record) = &mut self.record {
            record.user = pass.user();
        }
    }
}

/// The answer where a session could not be renewed by no fault of its token. `None`: the token is no good.
fn unrenewable(error: &RefreshError) -> Option<Answer> {
    let problem = match error {
        RefreshError::Store(_) => Problem::new(Code::Unavailable).retry_after(BUSY),
        RefreshError::Tokens(_) => Problem::new(Code::Internal),
        _ => {
            tracing::debug!(%error, "a session was not renewed");
            return None;
        }
    };
    tracing::error!(%error, "a session could not be renewed");
    Some(problem.answer())
}

/// What carries a session must not be kept by any cache, nor by one that obeys a field of its own before
/// `Cache-Control`: a CDN's (RFC 9213, `Surrogate-Control`, Akamai's `Edge-Control`), nginx's.
fn keep_from_caches(headers: &mut HeaderMap) {
    let targeted = |name: &&HeaderName| {
        let name = name.as_str();
        name.ends_with("-cache-control")
            || matches!(name, "surrogate-control" | "edge-control" | "x-accel-expires")
    };
    let targeted: Vec<HeaderName> = headers.keys().filter(targeted).cloned().collect();
    for name in targeted {
        headers.remove(name);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn own(answer: Answer) -> Response<Source> {
    answer.map(Source::Own)
}
