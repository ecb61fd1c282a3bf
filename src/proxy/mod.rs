//! Forwarding: a permit and a request go in, the upstream's answer comes out.

use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use http::header::UPGRADE;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::upgrade::OnUpgrade;

use crate::config::settings::{self, Protocol, Settings};
use crate::gate::Pass;
use crate::gate::credential::Credentials;
use crate::web::Peer;
use crate::web::deadline::Deadlines;
use crate::web::pipe::Pipes;

mod addresses;
pub mod body;
mod connect;
mod direct;
mod fault;
mod fields;
mod forwarded;
pub mod hop;
mod http2;
mod place;
mod pool;
mod request;
mod response;
mod socket;
mod upgrade;
mod upstreams;
mod vigil;

use addresses::Addresses;
pub use addresses::Troubles;
use body::{RequestBody, Source, UpstreamBody};
pub use direct::{Answer, Feed, Payload, SharedFeed, can_frame, edit_answer};
use direct::{Buffers, Line};
pub use fault::{Fault, Kind, Side};
use http2::Http2;
use place::Place;
use pool::{Held, Lease, Pool};
pub use request::{RequestEditor, Shape, X_REQUEST_ID};
pub use upgrade::Tunnels;
pub use upstreams::{Upstreams, patience};
use vigil::Vigil;

/// The forwarding side of one worker to one upstream: its own connections, its own time limits.
pub struct Proxy {
    upstream: settings::Upstream,
    /// Its URL, for the log.
    url: String,
    editor: RequestEditor,
    credentials: Credentials,
    addresses: Rc<Addresses>,
    pool: Rc<Pool<SendRequest<RequestBody>>>,
    lines: Rc<Pool<Line>>,
    buffers: Rc<Buffers>,
    /// Where the upstream speaks HTTP/2, or may agree to it.
    http2: Option<Http2>,
    deadlines: Deadlines,
    tunnels: Tunnels,
}

/// An answer whose head has come.
enum Answered {
    Http1(Response<Incoming>, Lease),
    Http2(Response<http2::Answer>),
}

impl Proxy {
    /// To this upstream, else as the settings have it, with the worker's time limits, its open tunnels and its pipes.
    fn new(
        settings: &Settings,
        upstream: settings::Upstream,
        deadlines: Deadlines,
        tunnels: Tunnels,
        troubles: Troubles,
        pipes: &Pipes,
    ) -> Self {
        let addresses = Addresses::new(&upstream, troubles);
        let http2 = Http2::towards(&addresses, &upstream, &deadlines);
        Self {
            editor: RequestEditor::new(settings, &upstream),
            url: upstream.target.to_string(),
            upstream,
            credentials: Credentials::new(settings),
            addresses,
            pool: Rc::default(),
            lines: Rc::default(),
            buffers: Rc::new(Buffers::new(pipes.clone())),
            http2,
            deadlines,
            tunnels,
        }
    }

    /// Whether [`Self::ask`] can be used: for upstreams that speak HTTP/1.1 over plain sockets.
    pub const fn goes_directly(&self) -> bool {
        self.http2.is_none() && self.upstream.tls.is_none()
    }

    /// Looks after the addresses and the connections that wait, for as long as it is polled.
    fn tending(&self) -> impl Future<Output = ()> + use<> {
        let (pool, lines) = (Rc::clone(&self.pool), Rc::clone(&self.lines));
        let addresses = Rc::clone(&self.addresses);
        let http2 = self.http2.as_ref().map(Http2::tending);
        async move {
            let http2 = futures_util::future::OptionFuture::from(http2);
            tokio::join!(addresses.tend(), pool.tend(), lines.tend(), http2);
        }
    }

    /// What the log calls the upstream: its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Forwards one request. The answer's body streams; what it holds is given back when it ends or is dropped.
    /// `id`: the request's id, for the upstream's own log; `now`: the caller has just looked.
    pub async fn forward(
        &self,
        pass: Pass,
        mut request: Request<Incoming>,
        peer: &Peer,
        id: &HeaderValue,
        now: Instant,
    ) -> Result<Response<UpstreamBody>, Fault> {
        let wants_upgrade = upgrade::keep_offered(&mut request);
        if wants_upgrade && self.upstream.target.protocol() == Protocol::Http2 {
            return Err(Fault::of(Kind::NoTunnel));
        }
        let framed = request.version() == Version::HTTP_2;
        let client = wants_upgrade.then(|| hyper::upgrade::on(&mut request));
        let (mut head, body) = request.into_parts();
        let offered = head.headers.get(UPGRADE).filter(|_| wants_upgrade).cloned();
        let shape = Shape { body: !body.is_end_stream(), upgrade: wants_upgrade };
        self.editor.edit(&mut head, &pass, peer, id, shape)?;

        let vigil = Rc::new(Vigil::new(&self.deadlines, pass.lifeline()));
        // Over HTTP/2 the upstream may say that it did nothing about a request; then also others than safe ones go again.
        let may_go_again = body.is_end_stream() && (self.http2.is_some() || fault::is_safe(&head.method));
        let copy = may_go_again.then(|| head.clone());
        let body = self.request_body(body, framed, &vigil, now);
        let first = Request::from_parts(head, body);
        let place = self.place(now, wants_upgrade).await?;
        let answered = match self.attempt(place, first, &vigil).await {
            Ok(answered) => answered,
            Err((fault, unsent)) => {
                let again = fault.retry(unsent, copy).ok_or(fault)?;
                let place = self.another_place(wants_upgrade).await?;
                self.attempt(place, again, &vigil).await.map_err(|(fault, _)| fault)?
            }
        };
        vigil.answered(self.upstream.idle_timeout);
        match answered {
            Answered::Http1(response, lease) => self.answer(response, lease, client.zip(offered), vigil),
            Answered::Http2(response) => self.pass_on(response.map(Source::Http2), vigil),
        }
    }

    fn request_body(&self, body: Incoming, framed: bool, vigil: &Rc<Vigil>, now: Instant) -> RequestBody {
        if body.is_end_stream() {
            vigil.expect_from(now, self.upstream.response_timeout);
            return RequestBody::Empty;
        }
        vigil.expect_from(now, self.upstream.idle_timeout);
        RequestBody::stream(
            body,
            framed,
            self.editor.claims(),
            Rc::clone(vigil),
            self.upstream.response_timeout,
        )
    }

    /// Sends a request in its place and waits for the answer's head. What was not sent comes back.
    async fn attempt(
        &self,
        place: Place,
        request: Request<RequestBody>,
        vigil: &Rc<Vigil>,
    ) -> Result<Answered, (Fault, Option<Request<RequestBody>>)> {
        match place {
            Place::Own { sender, reused } => {
                let (response, lease) = self.send(sender, reused, request, vigil).await?;
                Ok(Answered::Http1(response, lease))
            }
            Place::Stream(seat, sender) => {
                let (mut head, body) = request.into_parts();
                self.editor.in_http2(&mut head).map_err(|fault| (fault, None))?;
                let request = Request::from_parts(head, body);
                let answered = http2::exchange((seat, sender), request, vigil).await;
                answered.map(Answered::Http2).map_err(|fault| (fault, None))
            }
        }
    }

    async fn send(
        &self,
        mut sender: Held<SendRequest<RequestBody>>,
        reused: bool,
        request: Request<RequestBody>,
        vigil: &Rc<Vigil>,
    ) -> Result<(Response<Incoming>, Lease), (Fault, Option<Request<RequestBody>>)> {
        let mut answer = std::pin::pin!(sender.try_send_request(request));
        let outcome = std::future::poll_fn(|cx| {
            if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(outcome));
            }
            vigil.poll(cx).map(Err)
        })
        .await;
        match outcome {
            Ok(Ok(response)) => Ok((response, Lease::new(sender, Rc::clone(&self.pool)))),
            Ok(Err(mut failed)) => {
                let unsent = failed.take_message();
                Err((Fault::sending(failed.error(), reused, unsent.is_some()), unsent))
            }
            Err(why) => Err((Fault::waiting(why), None)),
        }
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        client: Option<(OnUpgrade, HeaderValue)>,
        vigil: Rc<Vigil>,
    ) -> Result<Response<UpstreamBody>, Fault> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let agreed = client.filter(|(_, offered)| upgrade::is_offered(offered, response.headers()));
            let (client, _) =
                agreed.ok_or_else(|| Fault::because(Kind::BadAnswer, &"a 101 that was not asked for"))?;
            return Ok(self.tunnels.open(client, response, vigil, &self.credentials));
        }
        self.pass_on(response.map(|body| Source::Http1(body, lease)), vigil)
    }

    fn pass_on(&self, response: Response<Source>, vigil: Rc<Vigil>) -> Result<Response<UpstreamBody>, Fault> {
        let (mut head, body) = response.into_parts();
        response::check_framing(&mut head.headers)?;
        // Ours, not the upstream's (RFC 9110 section 6.2).
        head.version = Version::HTTP_11;
        response::edit(&mut head.headers, self.credentials.cookie_names());
        Ok(Response::from_parts(head, UpstreamBody::stream(body, vigil)))
    }
}
