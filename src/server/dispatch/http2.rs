//! The road of HTTP/2's requests: the short one where they are plain, and what hyper leaves to be seen to in HTTP/2.

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Method, Request, Response, Version};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};

use super::direct::{Looked, Refused};
use super::{Dispatch, InFlight, Outgoing, SocketPeer, Source, own, stream};
use crate::proxy;

impl Dispatch {
    /// Answers a request of HTTP/2. What is not plain takes the long road, in a future of its own: it is large, and each
    /// stream would have room for it.
    pub(in crate::server) async fn handle_stream(
        &self,
        request: Request<Incoming>,
        socket: SocketPeer,
        in_flight: InFlight,
    ) -> Response<Outgoing> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        if !(is_sound(&head) && body.is_end_stream() && self.goes_directly() && proxy::can_frame(&head)) {
            return Box::pin(self.handle(Request::from_parts(head, body), socket, in_flight)).await;
        }
        let (response, errand) = match self.look_at(head, Bytes::new(), true, socket, started) {
            Looked::Unusual(head) => {
                return Box::pin(self.handle(Request::from_parts(*head, body), socket, in_flight)).await;
            }
            Looked::Own(refused) => {
                let Refused { answer, errand } = *refused;
                (own(answer), errand)
            }
            Looked::Pass(trip) => self.ask_framed(trip).await,
        };
        let response = if is_head { without_body(response) } else { response };
        let (head, source) = response.into_parts();
        stream::answered(&source);
        let tally = Rc::clone(&self.tally);
        let body = Outgoing::new(source, errand.into_record(), tally, in_flight, Version::HTTP_2);
        Response::from_parts(head, body)
    }
}

/// Whether a head is one that HTTP/1 could say as well. hyper sees to that in HTTP/1, but for a `*` that is asked for by
/// another method than OPTIONS (RFC 9112 section 3.2.4); in HTTP/2 it leaves a target without its slash, and lengths that are
/// none or said twice (RFC 9113 sections 8.1.1 and 8.3.1).
pub(super) fn is_sound(head: &Parts) -> bool {
    if head.uri.path() == "*" && head.method != Method::OPTIONS {
        return false;
    }
    if head.version != Version::HTTP_2 || head.method == Method::CONNECT {
        return true;
    }
    let target = head.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next().is_none_or(|length| {
        !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit) && lengths.next().is_none()
    });
    length && (target.starts_with('/') || target == "*")
}

/// An answer of Sidegate's own to HEAD: it says how long it would be (RFC 9110 section 9.3.2). hyper sees to that in HTTP/1
/// alone, and a client of HTTP/2 takes a body for a fault of the connection.
pub(super) fn without_body(response: Response<Source>) -> Response<Source> {
    let (mut head, source) = response.into_parts();
    let source = match source {
        Source::Own(body) => {
            if let Some(length) = body.size_hint().exact() {
                head.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
            }
            Source::Own(Full::default())
        }
        upstream @ Source::Upstream(_) => upstream,
    };
    Response::from_parts(head, source)
}
